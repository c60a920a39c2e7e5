"""People whose steps and squats are known, made of formulas; for tests of movement."""

import numpy as np

from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M

FPS = 30.0
LEG_MM = 900.0

_REST = {
    "pelvis": (0, 1000, 0), "right_hip": (-120, 900, 0), "right_knee": (-120, 450, 0),
    "right_ankle": (-120, 0, 0), "left_hip": (120, 900, 0), "left_knee": (120, 450, 0),
    "left_ankle": (120, 0, 0), "spine": (0, 1150, 0), "neck": (0, 1400, 0),
    "nose": (0, 1480, 90), "head_top": (0, 1600, 0), "left_shoulder": (180, 1380, 0),
    "left_elbow": (180, 1100, 0), "left_wrist": (180, 850, 0), "right_shoulder": (-180, 1380, 0),
    "right_elbow": (-180, 1100, 0), "right_wrist": (-180, 850, 0),
}  # fmt: skip
"""Standing at the origin, mm, y up, looking along z: the left is at +x."""


def standing(frames: int) -> np.ndarray:
    """(frames, 17, 3) float64: joints, y up, of somebody who stands still."""
    rest = np.array([_REST[name] for name in HUMAN36M.joint_names], dtype=np.float64)
    return np.repeat(rest[None], frames, axis=0)


def walking(
    frames: int,
    *,
    step_s: float,
    speed_mm_s: float,
    towards_deg: float = 0.0,
    swing_mm: float = 300,
) -> np.ndarray:
    """Joints of somebody who walks evenly: feet swing before and behind the pelvis in turn, the
    left one farthest ahead after a step's time, and every two steps' times from then on."""
    joints, times = standing(frames), np.arange(frames) / FPS
    swing = -swing_mm * np.cos(np.pi * times / step_s)
    for side, sign in (("left", 1), ("right", -1)):
        for part, share in (("knee", 0.5), ("ankle", 1.0)):
            joints[:, HUMAN36M.index(f"{side}_{part}"), 2] += sign * share * swing
    joints[..., 2] += (speed_mm_s * times)[:, None]
    turn = np.radians(towards_deg)
    about_y = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    return joints @ about_y.T


def squatting(frames: int, *, depth_mm: float, each_s: float) -> np.ndarray:
    """Joints of somebody who goes down by a depth and up again, time after time, feet still."""
    joints, times = standing(frames), np.arange(frames) / FPS
    down = depth_mm * (1 - np.cos(2 * np.pi * times / each_s)) / 2
    ends = [f"{side}_{part}" for side in ("left", "right") for part in ("knee", "ankle")]
    upper = [i for i, name in enumerate(HUMAN36M.joint_names) if name not in ends]
    joints[:, upper, 1] -= down[:, None]
    height = LEG_MM - down  # of the hip; thigh and shank are LEG_MM / 2
    ahead = np.sqrt(np.maximum((LEG_MM / 2) ** 2 - (height / 2) ** 2, 0))
    for side in ("left", "right"):
        knee = HUMAN36M.index(f"{side}_knee")
        joints[:, knee, 1], joints[:, knee, 2] = height / 2, ahead
    return joints


def knee_of_depth_deg(depth_mm: float) -> float:
    """Flexion of the knees of `squatting` at that depth."""
    return 2 * float(np.degrees(np.arccos((LEG_MM - depth_mm) / LEG_MM)))


def track_of(joints_mm: np.ndarray, *, world: bool = True, fps: float = FPS) -> PoseTrack:
    """A track of joints (people, frames, 17, 3), y up, seen by a level camera 1 m above the floor,
    5 m before them; NaN where not seen."""
    to_world = np.diag([1.0, -1.0, -1.0, 1.0])
    to_world[:3, 3] = (0, 1000, 0)
    away = joints_mm - np.array([0, 0, 5000 + np.nanmax(joints_mm[..., 2])])
    camera = (away - to_world[:3, 3]) * (1, -1, -1)
    root = camera[:, :, :1]
    people, frames = joints_mm.shape[:2]
    return PoseTrack(
        poses_mm=(camera - root).astype(np.float32),
        root_mm=root[:, :, 0].astype(np.float32),
        keypoints_px=np.full((people, frames, 17, 3), np.nan, np.float32),
        keypoint_names=HUMAN36M.joint_names,
        fps=fps, width=640, height=480, focal_px=600.0, focal_is_estimated=False, model="test",
        camera_to_world=to_world if world else None,
    )  # fmt: skip
