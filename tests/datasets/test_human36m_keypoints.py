"""The community's pickled files for lifting: numbers of the whole way, and bad pairs of files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from human36m_miniature import camera_of, joints_world_mm, write_metadata

from overpose.datasets.human36m.keypoints import LiftingData, read_lifting_files
from overpose.support.errors import InputError

ONE_BASED = np.array([1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 26, 27, 28])
SYMMETRY = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]


def keypoints_px(subject: str, trial: str, number: int, frames: int = 5) -> np.ndarray:
    points = camera_of(subject, number).project(joints_world_mm(subject, trial, frames))
    return points[:, ONE_BASED - 1].astype(np.float32)


def positions() -> dict[str, Any]:
    return {
        subject: {
            name: (joints_world_mm(subject, trial) / 1000).astype(np.float32)
            for name, trial in (("Photo", "TakingPhoto"), ("Walking 1", "Walking 1"))
        }
        for subject in ("S1", "S9")
    }


def keypoints() -> dict[str, Any]:
    return {
        subject: {
            trial: [keypoints_px(subject, trial, number) for number in range(4)]
            for trial in ("TakingPhoto", "Walking 1")
        }
        for subject in ("S1", "S9")
    }


def read(
    folder: Path, world: Any, seen: Any, symmetry: Any = SYMMETRY, joints: int = 17
) -> LiftingData:
    np.savez_compressed(folder / "data_3d_h36m.npz", positions_3d=world)
    metadata = {"num_joints": joints, "keypoints_symmetry": symmetry}
    np.savez_compressed(folder / "data_2d_h36m_gt.npz", positions_2d=seen, metadata=metadata)
    write_metadata(folder / "metadata.xml")
    return read_lifting_files(
        folder / "data_3d_h36m.npz", folder / "data_2d_h36m_gt.npz", folder / "metadata.xml"
    )


def test_poses_and_keypoints_belong_together(tmp_path: Path) -> None:
    data = read(tmp_path, positions(), keypoints())
    assert data.problems == ()
    assert len(data.sequences) == 2 * 2 * 4
    for sequence in data.sequences:
        trial = "TakingPhoto" if sequence.trial == "Photo" else sequence.trial
        camera = camera_of(sequence.subject, sequence.camera_number)
        world = joints_world_mm(sequence.subject, trial)[:, ONE_BASED - 1]
        seen = (world - camera.position_mm) @ camera.rotation.T
        assert sequence.poses_mm.shape == (5, 17, 3)
        assert sequence.poses_mm.dtype == np.float32
        np.testing.assert_allclose(sequence.root_mm, seen[:, 0], atol=0.05)
        np.testing.assert_allclose(sequence.poses_mm, seen - seen[:, :1], atol=0.05)
        points = camera.project_camera(
            (sequence.poses_mm + sequence.root_mm[:, None]).astype(np.float64)
        )
        np.testing.assert_allclose(points, sequence.keypoints_px, atol=0.01)


def test_sequences_are_chosen_by_split_and_action(tmp_path: Path) -> None:
    data = read(tmp_path, positions(), keypoints())
    assert {s.subject for s in data.select("train")} == {"S1"}
    assert {s.subject for s in data.select("test")} == {"S9"}
    assert {s.trial for s in data.select("test", "Taking Photo")} == {"Photo"}


def test_the_shorter_of_both_counts_and_what_is_missing_is_listed(tmp_path: Path) -> None:
    world, seen = positions(), keypoints()
    seen["S1"]["Walking 1"][2] = keypoints_px("S1", "Walking 1", 2, 9)
    seen["S1"]["Walking 1"][3] = keypoints_px("S1", "Walking 1", 3, 3)
    seen["S9"]["Walking 1"].pop()
    del seen["S9"]["TakingPhoto"]
    world["S5"] = world["S1"]
    seen["S9"]["Eating"] = seen["S9"]["Walking 1"]
    world["S9"]["Juggling"] = world["S9"]["Photo"]
    data = read(tmp_path, world, seen)
    frames = {
        s.camera_number: len(s.poses_mm)
        for s in data.sequences
        if (s.subject, s.action) == ("S1", "Walking")
    }
    assert frames == {0: 5, 1: 5, 2: 5, 3: 3}
    for words in (
        "S1: Walking 1, camera 2: 9 frames of keypoints, 5 poses; the first 5 are used",
        "S1: Walking 1, camera 3: 3 frames of keypoints, 5 poses; the first 3 are used",
        "S9: Walking 1: 3 cameras in data_2d_h36m_gt.npz, expected 4",
        "S9: Photo: no keypoints",
        "S9: Eating: no poses",
        "S9: Juggling: unknown action",
        "S5: not in data_2d_h36m_gt.npz",
    ):
        assert words in data.problems


def test_poses_in_millimetres_are_refused_with_a_hint(tmp_path: Path) -> None:
    world = {"S1": {"Walking 1": joints_world_mm("S1", "Walking 1")}}
    with pytest.raises(InputError, match=r"S1: Walking 1: .* expected metres; divide by 1000"):
        read(tmp_path, world, keypoints())


def test_keypoints_in_another_order_are_refused(tmp_path: Path) -> None:
    coco = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    with pytest.raises(InputError, match="joints are in another order"):
        read(tmp_path, positions(), keypoints(), symmetry=coco)
    with pytest.raises(InputError, match="joints are in another order"):
        read(tmp_path, positions(), keypoints(), joints=16)


@pytest.mark.parametrize("end", [[1], [float("inf")]])
def test_an_order_that_is_endless_in_full_is_one_short_line(tmp_path: Path, end: list) -> None:
    shared = end
    for _ in range(11):  # 15 to the power of 11 numbers, if they were written out
        shared = [shared] * 15
    with pytest.raises(InputError, match="its joints are in another order") as caught:
        read(tmp_path, positions(), keypoints(), symmetry=shared if end == [1] else [end, end])
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("world", "seen", "words"),
    [
        (7, None, "positions_3d is int64"),
        ({"S1": [1]}, None, "not laid out as subject, trial, array"),
        ({"S1": {"Walking 1": np.zeros((5, 17, 3))}}, None, r"\(5, 17, 3\), expected numbers"),
        ({"S1": {"Walking 1": np.full((5, 32, 3), np.nan)}}, None, "NaN or infinity"),
        (None, {"S1": {"Walking 1": [np.zeros((5, 16, 2))] * 4}}, r"\(5, 16, 2\), expected"),
        (None, {"S11": {}}, "no trial in common"),
    ],
)
def test_files_laid_out_otherwise_are_refused(
    tmp_path: Path, world: Any, seen: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, world or positions(), seen or keypoints())


def test_subjects_that_are_in_neither_split_are_left_out(tmp_path: Path) -> None:
    world, seen = positions(), keypoints()
    world["S2"], seen["S2"] = world["S1"], seen["S1"]
    data = read(tmp_path, world, seen)
    assert {sequence.subject for sequence in data.sequences} == {"S1", "S9"}
    assert any(line.startswith("S2: none of S1, S5") for line in data.problems)


def test_a_trial_that_a_file_has_twice_is_listed_and_its_first_is_used(tmp_path: Path) -> None:
    world, seen = positions(), keypoints()
    seen["S1"]["Photo"] = [points + 30 for points in seen["S1"]["TakingPhoto"]]
    world["S9"]["TakingPhoto"] = world["S9"]["Photo"] + 1
    data = read(tmp_path, world, seen)
    assert data.problems == (
        "S1: Photo: the same 2D trial as TakingPhoto; not used",
        "S9: TakingPhoto: the same 3D trial as Photo; not used",
    )
    assert len(data.sequences) == 16


def test_nan_leaves_out_only_the_sequences_that_have_it(tmp_path: Path) -> None:
    world, seen = positions(), keypoints()
    world["S1"]["Walking 1"][2, 5] = np.nan
    seen["S9"]["Walking 1"][1][3, 0, 0] = np.inf
    data = read(tmp_path, world, seen)
    assert data.problems == (
        "S1: Walking 1: NaN or infinity in 1 of 5 frames; left out",
        "S9: Walking 1, camera 1: NaN or infinity in 1 of 5 frames; left out",
    )
    walking = [(s.subject, s.camera_number) for s in data.sequences if s.action == "Walking"]
    assert walking == [("S9", 0), ("S9", 2), ("S9", 3)]


def test_keypoints_far_from_the_projected_poses_are_listed(tmp_path: Path) -> None:
    # To the side, where cameras see the person in different places.
    aside = np.array([1500.0, -800.0, 0.0])
    joints = joints_world_mm("S1", "Walking 1") + aside
    views = [
        camera_of("S1", number).project(joints[:, ONE_BASED - 1]).astype(np.float32)
        for number in range(4)
    ]
    world = {"S1": {"Walking 1": (joints / 1000).astype(np.float32)}}
    right = read(tmp_path, world, {"S1": {"Walking 1": views}})
    assert right.problems == ()
    noisy = [view + np.float32(20) for view in views]
    assert read(tmp_path, world, {"S1": {"Walking 1": noisy}}).problems == ()
    swapped = [views[2], views[1] / 1000, views[0], views[3]]
    data = read(tmp_path, world, {"S1": {"Walking 1": swapped}})
    assert [line.split(":")[1].strip() for line in data.problems] == [
        f"Walking 1, camera {number}" for number in (0, 1, 2)
    ]
    assert all("are they in pixels and of this camera?" in line for line in data.problems)
    assert len(data.sequences) == 4
