"""Tracks of people who do made-up things in front of a camera.

Fixtures that every test of the viewer may use are in conftest.
"""

import numpy as np

from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.procedural import procedural_motion
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M

FRAMES, FPS, WIDTH, HEIGHT, FOCAL_PX = 40, 25.0, 640, 360, 520.0


def track_of(
    actions: tuple[str, ...], frames: int = FRAMES, *, model: str = "made-up"
) -> PoseTrack:
    """A track of people side by side, 4 m from the camera, who do the given things."""
    poses = np.empty((len(actions), frames, 17, 3), np.float32)
    roots = np.empty((len(actions), frames, 3), np.float32)
    for number, action in enumerate(actions):
        world = joints17_world_mm(procedural_motion(action, number, 3, frames, FPS))
        camera = np.stack([world[..., 0], -world[..., 2], world[..., 1]], axis=-1)
        aside = (number - (len(actions) - 1) / 2) * 1300
        camera += (aside, 900.0, 4000.0 + 300 * number)
        roots[number] = camera[:, 0]
        poses[number] = camera - camera[:, :1]
    joints = poses + roots[:, :, None]
    keypoints = np.empty((len(actions), frames, 17, 3), np.float32)
    keypoints[..., :2] = (WIDTH / 2, HEIGHT / 2) + FOCAL_PX * joints[..., :2] / joints[..., 2:]
    keypoints[..., 2] = 0.9
    return PoseTrack(
        poses_mm=poses,
        root_mm=roots,
        keypoints_px=keypoints,
        keypoint_names=HUMAN36M.joint_names,
        fps=FPS,
        width=WIDTH,
        height=HEIGHT,
        focal_px=FOCAL_PX,
        focal_is_estimated=True,
        model=model,
    )
