"""BVH: one person as turning bones, for Blender and other animation programs."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats.bvh_names import Names, bone_names
from overpose.formats.format import Format
from overpose.support.errors import InputError

if TYPE_CHECKING:
    import overpose.poses


def check(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Refuse a track of several people or none, or with joints other than those of `HUMAN36M`."""
    from overpose.formats.points import require_house_joints

    require_house_joints(track, path, "a BVH", people=1)


def write(track: "overpose.poses.PoseTrack", path: Path, names: Names = "overpose") -> None:
    """The only person of a track as bones of constant length, y up, cm; see `pose_motion`. Feet are
    bones from ankle to toe where they are known. `names`: what the bones are called.

    Raises:
        InputError: as `check`, or nobody is seen.
    """
    import numpy as np

    from overpose.formats.points import Y_UP, steadied, y_up
    from overpose.mocap.bvh import write_bvh
    from overpose.mocap.pose_motion import pose_motion, with_feet
    from overpose.skeleton import FOOT_ANKLES
    from overpose.video.proportions import typical_lengths

    check(track, path)
    track = steadied(track)
    turn, shift = y_up(track)
    to_level, moved = Y_UP.T @ turn, Y_UP.T @ shift  # axes of a level camera, the floor's origin
    known = np.where(track.seen[0, :, None, None], track.poses_mm[0], np.float32(np.nan))
    poses = (known @ to_level.T).astype(np.float32)
    roots = (track.root_mm[0] @ to_level.T + moved).astype(np.float32)
    try:
        lengths = typical_lengths(poses)
        motion = pose_motion(poses, roots, lengths, track.fps, name=path.stem)
        if track.feet_mm is not None:
            hanging = (track.feet_mm[0] - known[:, FOOT_ANKLES]) @ to_level.T
            motion = with_feet(motion, hanging.astype(np.float32))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    called = bone_names(names)
    bones = replace(motion.skeleton, names=tuple(called[name] for name in motion.skeleton.names))
    write_bvh(replace(motion, skeleton=bones), path, overwrite=True)


FORMAT = Format(
    "bvh", ".bvh", "turning bones, for Blender and other animation programs", write,
    per_person=True, in_world=True, check=check,
)  # fmt: skip


def with_names(formats: Sequence[Format], names: Names) -> tuple[Format, ...]:
    """The formats, BVH with the bones called so.

    Raises:
        InputError: BVH is not among them, though other names are asked for.
    """
    if names == "overpose":
        return tuple(formats)
    if FORMAT not in formats:
        raise InputError(f"names: got {names} without the format bvh, whose bones they are for")
    called = replace(FORMAT, name=f"bvh, names {names}", write=partial(write, names=names))
    return tuple(called if each == FORMAT else each for each in formats)
