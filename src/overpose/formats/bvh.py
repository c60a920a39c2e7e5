"""BVH: one person as turning bones, for Blender and other animation programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from overpose.formats.format import Format
from overpose.support.errors import InputError

if TYPE_CHECKING:
    import overpose.poses


def check(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Refuse a track of several people or none, or with joints other than those of `HUMAN36M`."""
    from overpose.formats.points import require_house_joints

    require_house_joints(track, path, "a BVH", people=1)


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """The only person of a track as bones of constant length, y up, cm; see `pose_motion`. Feet are
    bones from ankle to toe where they are known.

    Raises:
        InputError: as `check`, or nobody is seen.
    """
    import numpy as np

    from overpose.mocap.bvh import write_bvh
    from overpose.mocap.pose_motion import pose_motion, with_feet
    from overpose.skeleton import FOOT_ANKLES
    from overpose.video.proportions import typical_lengths

    check(track, path)
    poses = np.where(track.seen[0, :, None, None], track.poses_mm[0], np.float32(np.nan))
    try:
        lengths = typical_lengths(poses)
        motion = pose_motion(poses, track.root_mm[0], lengths, track.fps, name=path.stem)
        if track.feet_mm is not None:
            motion = with_feet(motion, track.feet_mm[0] - poses[:, FOOT_ANKLES])
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    write_bvh(motion, path, overwrite=True)


FORMAT = Format(
    "bvh", ".bvh", "turning bones, for Blender and other animation programs", write,
    per_person=True, check=check,
)  # fmt: skip
