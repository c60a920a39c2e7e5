"""A person who moves in front of a camera, as a pose track; for tests of export."""

import numpy as np

from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.procedural import procedural_motion
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M

FPS = 30.0


def moving_joints_mm(action: str = "walking", subject: int = 1, frames: int = 40) -> np.ndarray:
    """(frames, 17, 3) float64: joints in camera axes, 4 m before the camera, facing it at first."""
    world = joints17_world_mm(procedural_motion(action, subject, 7, frames))
    camera = np.stack([world[..., 0], -world[..., 2], world[..., 1]], axis=-1)
    return camera + np.array([0.0, 1200.0, 4000.0])


def moving_track(people: int = 2, frames: int = 40) -> PoseTrack:
    """Several people; the second is not seen in frames 0 to 4 and 10 to 14."""
    pelvis = HUMAN36M.index("pelvis")
    joints = np.stack(
        [moving_joints_mm(subject=person, frames=frames) for person in range(1, people + 1)]
        or [np.empty((frames, 17, 3))]
    )[:people]
    roots = joints[:, :, pelvis]
    poses = (joints - roots[:, :, None]).astype(np.float32)
    roots = roots.astype(np.float32)
    pixels = joints[..., :2] / joints[..., 2:] * 900 + (320, 240)
    keypoints = np.concatenate([pixels, np.full((*pixels.shape[:-1], 1), 0.75)], axis=-1)
    keypoints = keypoints.astype(np.float32)
    for gone in (slice(0, 5), slice(10, 15)):
        for array in (poses, roots, keypoints):
            array[1:2, gone] = np.nan
    return PoseTrack(
        poses_mm=poses,
        root_mm=roots,
        keypoints_px=keypoints,
        keypoint_names=HUMAN36M.joint_names,
        fps=FPS,
        width=640,
        height=480,
        focal_px=900.0,
        focal_is_estimated=False,
        model="test",
    )
