"""One upright pose whose every joint angle is 0, and turns of its parts about its joints."""

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.skeleton import FEET, HUMAN36M

UPRIGHT_MM = {
    "pelvis": (0, 0, 0), "spine": (0, 230, 0), "neck": (0, 480, 0), "nose": (90, 560, 0),
    "head_top": (0, 680, 0),
    "right_hip": (0, -90, 95), "right_knee": (0, -510, 95), "right_ankle": (0, -920, 95),
    "right_shoulder": (0, 480, 180), "right_elbow": (0, 190, 180), "right_wrist": (0, -60, 180),
    "right_heel": (-50, -990, 95), "right_toe": (190, -990, 95),
}  # fmt: skip
"""Of somebody who looks along x, y up: the middle and the right; the left is their mirror image."""
ARM, LEG = ("elbow", "wrist"), ("knee", "ankle", "heel", "toe")


class UprightPose:
    """Points of a pose by name, mm, y up."""

    def __init__(self) -> None:
        self.points = {name: np.array(at, dtype=float) for name, at in UPRIGHT_MM.items()}
        for name, at in UPRIGHT_MM.items():
            if name.startswith("right"):
                self.points[name.replace("right", "left")] = np.array(at) * (1.0, 1.0, -1.0)

    def turn(self, about: str, axis: str, degrees: float, names: tuple[str, ...]) -> "UprightPose":
        """Turn named points about a point; the right-hand rule about x, y or z."""
        matrix = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
        centre = self.points[about].copy()
        for name in names:
            self.points[name] = centre + matrix @ (self.points[name] - centre)
        return self

    def turn_limb(self, joint: str, axis: str, degrees: float) -> "UprightPose":
        """Turn what hangs on a joint such as `left_knee`."""
        side, part = joint.split("_")
        chain = ARM if part in ("shoulder", *ARM) else LEG
        hanging = chain[chain.index(part) + 1 :] if part in chain else chain
        return self.turn(joint, axis, degrees, tuple(f"{side}_{each}" for each in hanging))

    def turn_above(self, joint: str, axis: str, degrees: float) -> "UprightPose":
        """Turn the trunk, head and arms above `pelvis` or `spine`."""
        above = [name for name, at in UPRIGHT_MM.items() if at[1] > UPRIGHT_MM[joint][1]]
        above += ["right_wrist", "right_elbow"]
        names = {*above, *(name.replace("right", "left") for name in above)}
        return self.turn(joint, axis, degrees, tuple(sorted(names)))

    def turn_all(self, axis: str, degrees: float) -> "UprightPose":
        """Turn everything."""
        return self.turn("pelvis", axis, degrees, tuple(self.points))

    @property
    def pose_camera_mm(self) -> np.ndarray:
        """(17, 3) float32, axes of a level camera."""
        return self._camera(HUMAN36M.joint_names)

    @property
    def feet_camera_mm(self) -> np.ndarray:
        """(4, 3) float32, axes of a level camera."""
        return self._camera(FEET.names)

    def _camera(self, names: tuple[str, ...]) -> np.ndarray:
        points = np.stack([self.points[name] for name in names])
        return (points * (1.0, -1.0, -1.0)).astype(np.float32)
