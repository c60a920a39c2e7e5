"""Joint angles of poses that were turned by known ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from upright_pose import UprightPose

from overpose.angles import ANGLES, OF_FEET, Y_UP, joint_angles
from overpose.support.errors import InputError

Turn = Callable[[UprightPose], UprightPose]


OTHER_SIDE = {"left": "right", "right": "left"}


def angles_of(pose: UprightPose, to_y_up: np.ndarray = Y_UP) -> dict[str, float]:
    found = joint_angles(pose.pose_camera_mm, pose.feet_camera_mm, to_y_up)
    return {name: float(value) for name, value in found.items()}


def test_an_upright_pose_is_the_zero_of_every_angle() -> None:
    found = angles_of(UprightPose())
    assert tuple(found) == tuple(ANGLES)
    assert found == pytest.approx(dict.fromkeys(ANGLES, 0.0), abs=1e-3)


TURNED: dict[str, tuple[Turn, dict[str, float]]] = {
    "kick": (
        lambda pose: pose.turn_limb("right_hip", "z", 30),
        {"right_hip_flexion": 30},
    ),
    "thigh back": (
        lambda pose: pose.turn_limb("left_hip", "z", -15),
        {"left_hip_flexion": -15},
    ),
    "right leg out": (
        lambda pose: pose.turn_limb("right_hip", "x", -20),
        {"right_hip_adduction": -20},
    ),
    "left leg across": (
        lambda pose: pose.turn_limb("left_hip", "x", -20),
        {"left_hip_adduction": 20},
    ),
    "heel to bottom": (
        lambda pose: pose.turn_limb("left_knee", "z", -110),
        {"left_knee_flexion": 110},
    ),
    "on tiptoe": (
        lambda pose: pose.turn_limb("right_ankle", "z", -35),
        {"right_ankle_dorsiflexion": -35},
    ),
    "toes up": (
        lambda pose: pose.turn_limb("right_ankle", "z", 12),
        {"right_ankle_dorsiflexion": 12},
    ),
    "arm forward": (
        lambda pose: pose.turn_limb("right_shoulder", "z", 50),
        {"right_shoulder_flexion": 50, "right_shoulder_elevation": 50},
    ),
    "arm straight out": (
        lambda pose: pose.turn_limb("left_shoulder", "x", 90),
        {
            "left_shoulder_abduction": 90,
            "left_shoulder_elevation": 90,
            "left_shoulder_flexion": np.nan,
        },
    ),
    "curl": (
        lambda pose: pose.turn_limb("left_elbow", "z", 120),
        {"left_elbow_flexion": 120},
    ),
    "bow of the trunk": (
        lambda pose: pose.turn_above("spine", "z", -40),
        {"lumbar_flexion": 40, "trunk_lean": np.degrees(np.arctan2(250 * np.sin(np.radians(40)),
                                                  320 + 250 * np.cos(np.radians(40))))},
    ),
    "trunk to the right": (
        lambda pose: pose.turn_above("spine", "x", 25),
        {"lumbar_bending": 25, "trunk_lean_right": np.degrees(np.arctan2(
            250 * np.sin(np.radians(25)), 320 + 250 * np.cos(np.radians(25))))},
    ),
    "shoulders to the left": (
        lambda pose: pose.turn_above("spine", "y", 30),
        {"lumbar_rotation": 30},
    ),
    "all to the left": (
        lambda pose: pose.turn_all("y", 70),
        {"pelvis_rotation": 70},
    ),
    "falling forward": (
        lambda pose: pose.turn_all("z", -20),
        {"pelvis_tilt": 20, "trunk_lean": 20},
    ),
    "falling to the right": (
        lambda pose: pose.turn_all("x", 10),
        {"pelvis_list": 10, "trunk_lean_right": 10},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TURNED)
def test_a_turn_shows_in_its_angle_and_in_no_other(case: str) -> None:
    turn, changed = TURNED[case]
    expected = dict.fromkeys(ANGLES, 0.0) | changed
    assert angles_of(turn(UprightPose())) == pytest.approx(expected, abs=2e-3, nan_ok=True)


@pytest.mark.parametrize("case", TURNED)
def test_angles_do_not_depend_on_where_the_person_looks_or_how_the_camera_is_held(
    case: str,
) -> None:
    turn, _ = TURNED[case]
    before = angles_of(turn(UprightPose()))
    tilted = Rotation.from_euler("xyz", (25, 0, 8), degrees=True).as_matrix()
    turned = turn(UprightPose()).turn_all("y", -130)
    poses, feet = (part @ tilted.T for part in (turned.pose_camera_mm, turned.feet_camera_mm))
    after = joint_angles(poses, feet, Y_UP @ tilted.T)
    heading = (float(after["pelvis_rotation"]) - before["pelvis_rotation"]) % 360
    assert heading == pytest.approx(230, abs=2e-3)
    for name in set(ANGLES) - {"pelvis_rotation"}:
        assert float(after[name]) == pytest.approx(before[name], abs=2e-3, nan_ok=True), name


def test_sides_of_a_mirrored_person_are_exchanged() -> None:
    pose = UprightPose().turn_limb("right_hip", "z", 40).turn_limb("right_knee", "z", -60)
    pose.turn_limb("left_shoulder", "x", 35).turn_above("spine", "y", 20)
    mirrored = UprightPose().turn_limb("left_hip", "z", 40).turn_limb("left_knee", "z", -60)
    mirrored.turn_limb("right_shoulder", "x", -35).turn_above("spine", "y", -20)
    first, second = angles_of(pose), angles_of(mirrored)
    for name in ANGLES:
        side, part = name.split("_", 1)
        other = f"{OTHER_SIDE.get(side, side)}_{part}"
        turned = name in ("pelvis_rotation", "lumbar_rotation")
        assert second[other] == pytest.approx(-first[name] if turned else first[name], abs=2e-3)


def test_many_poses_at_once_are_the_same_and_those_not_seen_have_no_angles() -> None:
    poses = np.stack([UprightPose().pose_camera_mm] * 6).reshape(2, 3, 17, 3)
    poses[1, 2] = UprightPose().turn_limb("left_elbow", "z", 90).pose_camera_mm
    poses[0, 1] = np.nan
    found = joint_angles(poses)
    assert not set(OF_FEET) & set(found)
    for values in found.values():
        assert values.shape == (2, 3)
        assert np.isnan(values[0, 1])
    assert found["left_elbow_flexion"][1].tolist() == pytest.approx([0, 0, 90], abs=1e-3)


def test_somebody_who_lies_on_the_side_has_no_heading() -> None:
    found = angles_of(UprightPose().turn_limb("left_knee", "z", -90).turn_all("x", 90))
    assert np.isnan(found["pelvis_rotation"])
    assert np.isnan(found["trunk_lean"])
    assert found["pelvis_list"] == pytest.approx(90, abs=0.1)
    assert found["left_knee_flexion"] == pytest.approx(90, abs=1e-3)


@pytest.mark.wrong_types
def test_poses_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match="poses_mm: got shape"):
        joint_angles(np.zeros((4, 16, 3)))


def test_the_page_of_the_docs_says_what_each_angle_is() -> None:
    page = (Path(__file__).parents[1] / "docs" / "angles.md").read_text(encoding="utf-8")
    for name, angle in ANGLES.items():
        part = name.removeprefix("left_").removeprefix("right_")
        assert f"| `{part}` | {angle.positive} | {angle.zero} | {angle.source} |" in page
