"""GLB: everybody as a body that moves, for Blender, Unity, Unreal and browsers."""

from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses


def get_body() -> None:
    """Get the body into the cache, if it is not there.

    Raises:
        InputError: it cannot be got.
    """
    from overpose.studio.body import load_body

    load_body()


def check(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Refuse a track with joints other than those of `HUMAN36M`, and anything without a body.

    Raises:
        InputError: so; the message says how to get the body.
    """
    from overpose.formats.points import require_house_joints

    require_house_joints(track, path, "a GLB")
    get_body()


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Everybody who is ever seen as a skinned body with limbs of that person's lengths, y up,
    metres, in one animation; whoever is not there is scaled to nothing meanwhile.

    Raises:
        InputError: as `check`, or a limb is shorter than a body's can be.
    """
    from overpose.formats.glb_body import GlbPeople
    from overpose.support.progress import say

    check(track, path)
    people = GlbPeople()
    for person in range(track.people):
        if track.seen[person].any():
            people.add(track, person, f"{path}: person {person + 1}")
        else:
            say(f"{path.stem}: person {person + 1} is never seen, so not in {path.name}")
    people.write(path)


FORMAT = Format(
    "glb", ".glb", "everybody as a moving body, for Blender, Unity, Unreal and browsers", write,
    in_world=True, check=check, get=get_body,
)  # fmt: skip
