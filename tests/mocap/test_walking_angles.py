"""Joint angles of real recordings of walking, against what gait analysis knows of them."""

import numpy as np
import pytest

from overpose.angles import joint_angles
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.library import MotionLibrary

Z_UP_TO_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
FPS = 30.0


@pytest.fixture(scope="module")
def walk(cmu: MotionLibrary) -> dict[str, np.ndarray]:
    """Angles of a walk of almost three seconds."""
    joints = joints17_world_mm(cmu.motion("02_01", FPS))
    return joint_angles(joints, to_y_up=Z_UP_TO_Y_UP)


def test_ranges_of_a_walk_are_those_of_gait_analysis(walk: dict[str, np.ndarray]) -> None:
    for side in ("left", "right"):
        knee, hip = walk[f"{side}_knee_flexion"], walk[f"{side}_hip_flexion"]
        assert 0 <= knee.min() < 15  # stretched at heel strike
        assert 55 < knee.max() < 80  # bent in swing
        assert -30 < hip.min() < -5
        assert 20 < hip.max() < 45
        assert np.abs(walk[f"{side}_hip_adduction"]).max() < 20
    assert np.abs(walk["pelvis_list"]).max() < 10
    assert np.abs(walk["trunk_lean"]).max() < 15


def test_the_knees_bend_half_a_stride_apart_and_in_swing(walk: dict[str, np.ndarray]) -> None:
    left, right = (walk[f"{side}_knee_flexion"] - 30 for side in ("left", "right"))
    lags = np.arange(5, 45)
    own = [np.mean(left[lag:] * left[:-lag]) for lag in lags]
    stride = int(lags[np.argmax(own)])
    assert 0.9 < stride / FPS < 1.5
    shift = np.argmax([np.mean(right[lag:] * left[:-lag]) for lag in lags])
    assert abs(int(lags[shift]) % stride - stride / 2) <= 3
    # The thigh swings forward when the knee is bent most.
    for side in ("left", "right"):
        forward = np.gradient(walk[f"{side}_hip_flexion"])
        bent_most = walk[f"{side}_knee_flexion"] > 60
        assert forward[bent_most].mean() > 1.0
