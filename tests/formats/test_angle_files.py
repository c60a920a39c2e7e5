"""Files of joint angles: the table, and OpenSim's, whose model is set up from it anew."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.transform import Rotation
from upright_pose import UprightPose

from overpose.angles import ANGLES, OF_FEET
from overpose.formats import angles, mot
from overpose.formats.writing import save_track, write_formats
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

HIPS_IN_PELVIS_M = np.array([[-0.0707, -0.0661, -0.0835], [-0.0707, -0.0661, 0.0835]])
"""Left and right, of gait2392."""


def squat(people: int = 1, frames: int = 4, feet: bool = True) -> PoseTrack:
    """People who look along x, their knees bent by 0, 20, 40, … degrees, 4 m in front of a level
    camera, 1 m of it down; nobody is seen in frame 2."""
    poses, ends = [], []
    for frame in range(frames):
        pose = UprightPose()
        for side in ("left", "right"):
            pose.turn_limb(f"{side}_hip", "z", 15.0 * frame)
            pose.turn_limb(f"{side}_knee", "z", -20.0 * frame)
        poses.append(pose.turn_all("y", 170 + 10 * frame).pose_camera_mm)
        ends.append(pose.feet_camera_mm)
    poses_mm, feet_mm = (np.tile(np.stack(each), (people, 1, 1, 1)) for each in (poses, ends))
    root = np.tile(np.array([0, 1000, 4000], np.float32), (people, frames, 1))
    for array in (poses_mm, feet_mm, root):
        array[:, 2] = np.nan
    return PoseTrack(
        poses_mm=poses_mm,
        root_mm=root,
        keypoints_px=np.zeros((people, frames, 1, 3), np.float32),
        keypoint_names=("nose",),
        fps=50.0,
        width=640,
        height=480,
        focal_px=600.0,
        focal_is_estimated=True,
        model="made up",
        feet_mm=feet_mm if feet else None,
    )


def read_mot(path: Path) -> tuple[dict[str, str], pd.DataFrame]:
    """What the head says, and the table."""
    head, _, table = path.read_text().partition("endheader\n")
    (path.parent / "table.tsv").write_text(table)
    said = dict(line.split("=") for line in head.splitlines() if "=" in line)
    return said, pd.read_csv(path.parent / "table.tsv", sep="\t")


def test_angles_are_a_tidy_table_with_empty_cells_where_nobody_is_seen(tmp_path: Path) -> None:
    write_formats(squat(people=2), tmp_path, "clip", [angles.FORMAT])
    table = pd.read_csv(tmp_path / "clip_angles.csv")
    assert tuple(table.columns) == (*angles.COLUMNS, *ANGLES)
    assert table.person.tolist() == [1] * 4 + [2] * 4
    assert table.frame.tolist() == [0, 1, 2, 3] * 2
    assert table.time_s.tolist() == [0, 0.02, 0.04, 0.06] * 2
    assert table.seen.tolist() == [1, 1, 0, 1] * 2
    nobody = table[table.frame == 2]
    assert nobody[list(ANGLES)].isna().all().all()
    knees = table.right_knee_flexion[4:].tolist()
    assert knees == pytest.approx([0, 20, np.nan, 60], abs=0.01, nan_ok=True)


def test_the_files_of_opensim_come_along_with_one_for_each_person(tmp_path: Path) -> None:
    written = write_formats(squat(people=2), tmp_path, "clip", [angles.FORMAT, mot.FORMAT])
    assert [path.name for path in written] == [
        "clip_angles.csv", "clip_person1.mot", "clip_person2.mot",
    ]  # fmt: skip
    alone = save_track(squat(), tmp_path / "alone_angles.csv")
    assert [path.name for path in alone] == ["alone_angles.csv"]
    assert pd.read_csv(alone[0]).columns[0] == "person"


def test_the_head_of_a_mot_says_what_follows(tmp_path: Path) -> None:
    (path,) = write_formats(squat(), tmp_path, "clip", [mot.FORMAT])
    said, table = read_mot(path)
    assert said == {
        "version": "1", "nRows": "3", "nColumns": str(len(table.columns)), "inDegrees": "yes",
    }  # fmt: skip
    assert table.time.tolist() == [0, 0.02, 0.06]  # frames in which somebody is seen
    assert not table.isna().any().any()


def test_coordinates_have_the_signs_of_gait2392(tmp_path: Path) -> None:
    (path,) = write_formats(squat(), tmp_path, "clip", [mot.FORMAT])
    _, table = read_mot(path)
    assert table.knee_angle_r.tolist() == pytest.approx([0, -20, -60], abs=1e-3)
    assert table.hip_flexion_l.tolist() == pytest.approx([0, 15, 45], abs=1e-3)
    assert table.ankle_angle_r.tolist() == pytest.approx([0, 0, 0], abs=1e-3)
    # goes on past 180 degrees
    assert table.pelvis_rotation.tolist() == pytest.approx([170, 180, 200], abs=1e-3)
    assert table.pelvis_ty.tolist() == pytest.approx([-1.09 + 0.0661 * 190 / 167] * 3, abs=1e-4)


def test_ankles_are_left_out_without_feet(tmp_path: Path) -> None:
    write_formats(squat(feet=False), tmp_path, "clip", [angles.FORMAT])
    assert not {*OF_FEET} & {*pd.read_csv(tmp_path / "clip_angles.csv").columns}
    _, table = read_mot(tmp_path / "clip.mot")
    assert not {"ankle_angle_r", "ankle_angle_l"} & {*table.columns}


def test_opensims_model_set_up_from_a_mot_has_the_hips_knees_and_chest_of_the_track(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(3)
    track = replace(squat(frames=40, feet=False), fps=30.0)
    poses = rng.normal(0, 300, track.poses_mm.shape).astype(np.float32)
    poses[:, :, 0] = 0
    track = replace(track, poses_mm=poses, root_mm=np.nan_to_num(track.root_mm))
    (path,) = write_formats(track, tmp_path, "clip", [mot.FORMAT])
    _, table = read_mot(path)

    def turned(*names: str) -> np.ndarray:
        return Rotation.from_euler("ZXY", table[list(names)], degrees=True).as_matrix()

    joints = (poses[0] + track.root_mm[0, :, None]) * (1, -1, -1) / 1000
    joint = {name: joints[:, row] for row, name in enumerate(HUMAN36M.joint_names)}
    pelvis = turned("pelvis_tilt", "pelvis_list", "pelvis_rotation")
    place = table[["pelvis_tx", "pelvis_ty", "pelvis_tz"]].to_numpy()
    width = np.linalg.norm(joint["left_hip"] - joint["right_hip"], axis=-1)
    for row, side in enumerate(("left", "right")):
        hip = place + (width / 0.167)[:, None] * (pelvis @ HIPS_IN_PELVIS_M[row])
        np.testing.assert_allclose(hip, joint[f"{side}_hip"], atol=1e-4)
        hip_names = f"hip_flexion_{side[0]}", f"hip_adduction_{side[0]}"
        signs = (1, -1 if side == "left" else 1)
        thigh = Rotation.from_euler(
            "ZX", table[list(hip_names)].to_numpy() * signs, degrees=True
        ).as_matrix()
        length = np.linalg.norm(joint[f"{side}_knee"] - joint[f"{side}_hip"], axis=-1)
        knee = hip + length[:, None] * (pelvis @ thigh @ (0, -1, 0))
        np.testing.assert_allclose(knee, joint[f"{side}_knee"], atol=1e-4)
    chest = pelvis @ turned("lumbar_extension", "lumbar_bending", "lumbar_rotation")
    up = joint["neck"] - joint["spine"]
    np.testing.assert_allclose(
        chest[..., 1], up / np.linalg.norm(up, axis=-1, keepdims=True), atol=1e-4
    )


def test_the_vertical_is_that_of_the_world(tmp_path: Path) -> None:
    turn = Rotation.from_euler("x", 155, degrees=True).as_matrix()  # a camera that looks down by 25
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = turn, (0, 2000, 0)
    plain = squat()
    level = np.diag([1.0, -1.0, -1.0])
    turned = {
        name: (getattr(plain, name).astype(np.float64) @ (turn.T @ level).T).astype(np.float32)
        for name in ("poses_mm", "root_mm", "feet_mm")
    }
    (tmp_path / "plain").mkdir()
    write_formats(plain, tmp_path / "plain", "clip", [angles.FORMAT])
    write_formats(
        replace(plain, **turned, camera_to_world=world), tmp_path, "clip", [angles.FORMAT]
    )
    first, second = (
        pd.read_csv(directory / "clip_angles.csv") for directory in (tmp_path / "plain", tmp_path)
    )
    np.testing.assert_allclose(first[list(ANGLES)], second[list(ANGLES)], atol=0.02)
    first, second = (
        read_mot(directory / "clip.mot")[1] for directory in (tmp_path / "plain", tmp_path)
    )
    np.testing.assert_allclose(first.pelvis_tilt, second.pelvis_tilt, atol=1e-3)
    np.testing.assert_allclose(first.pelvis_ty + 2, second.pelvis_ty, atol=1e-4)


def test_joints_of_another_skeleton_have_no_angles(tmp_path: Path) -> None:
    track = replace(squat(), joint_names=tuple(f"point{number}" for number in range(17)))
    for wanted in (angles.FORMAT, mot.FORMAT):
        with pytest.raises(InputError, match="expected 1 with those of human36m-17"):
            write_formats(track, tmp_path, "clip", [wanted])
    assert not list(tmp_path.iterdir())
