"""Human3.6M, a miniature of it: the whole way from its files to a dataset."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from human36m_miniature import (
    CENTER,
    FOCAL,
    FRAMES,
    HEIGHT,
    PELVIS_COLOUR,
    TRIALS,
    WANTED,
    WIDTH,
    camera_of,
    convert,
    found,
    joints_world_mm,
    mask_image,
    write_trial,
)

from overpose.boxes import cut_out
from overpose.datasets.human36m import convert as module
from overpose.datasets.human36m.files import read_metadata, rotation_of
from overpose.datasets.store import Dataset, open_dataset
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

ONE_BASED = np.array([1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 26, 27, 28])


@pytest.fixture(scope="module")
def converted(miniature: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return convert(miniature, tmp_path_factory.mktemp("out") / "d", image_size=64)


@pytest.fixture
def copy(miniature: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(miniature, tmp_path / "copy"))


def test_a_whole_copy_gives_every_frame_of_every_camera(converted: Dataset) -> None:
    assert len(converted) == 2 * 2 * 4 * FRAMES
    assert set(converted.actions.tolist()) == set(WANTED)
    assert {*zip(converted.subjects.tolist(), converted.splits.tolist(), strict=True)} == {
        ("S1", "train"),
        ("S9", "test"),
    }
    assert set(converted.trials.tolist()) == {f"{s} {t}" for s in ("S1", "S9") for t in TRIALS}
    assert sorted(set(converted.frames.tolist())) == list(range(FRAMES))
    assert converted.info.name == "Human3.6M"
    open_dataset(converted.info.path, verify=True).close()


def each(dataset: Dataset):
    """(index, camera, world joints (32, 3) mm) of every sample."""
    for index in range(len(dataset)):
        subject = str(dataset.subjects[index])
        trial = str(dataset.trials[index]).split(" ", 1)[1]
        camera = camera_of(subject, int(dataset.cameras[index]))
        yield index, camera, joints_world_mm(subject, trial)[dataset.frames[index]]


def test_poses_are_in_camera_axes_about_the_pelvis(converted: Dataset) -> None:
    for index, camera, world in each(converted):
        seen = (world - camera.position_mm) @ camera.rotation.T  # R (J - T)
        body = seen[ONE_BASED - 1]
        np.testing.assert_allclose(converted.root_mm[index], body[0], atol=0.01)
        np.testing.assert_allclose(converted.poses_mm[index], body - body[0], atol=0.01)


def test_left_and_right_are_the_persons_own(converted: Dataset) -> None:
    # The person looks along -y: the camera at negative y sees the left hand on its right.
    places = {name: HUMAN36M.index(name) for name in HUMAN36M.joint_names}
    for index, camera, _ in each(converted):
        side = np.sign(-camera.position_mm[1])
        for joint in ("hip", "knee", "wrist", "shoulder"):
            across = (
                converted.poses_mm[index, places[f"left_{joint}"], 0]
                - converted.poses_mm[index, places[f"right_{joint}"], 0]
            )
            assert np.sign(across) == side


def test_keypoints_follow_the_datasets_own_projection(converted: Dataset) -> None:
    for index, camera, world in each(converted):
        x, y, z = ((world - camera.position_mm) @ camera.rotation.T)[ONE_BASED - 1].T
        x, y = x / z, y / z
        k1, p1, p2, k2, k3 = (camera.distortion[i] for i in (0, 2, 3, 1, 4))
        r2 = x * x + y * y
        lens = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
        full = np.stack([x * lens + p2 * r2, y * lens + p1 * r2], axis=1)
        full = full * FOCAL + CENTER - 0.5  # the dataset counts pixels from 1
        left, top, side = converted.boxes_px[index]
        wanted = (full - (left, top)) * 64 / side
        np.testing.assert_allclose(converted.keypoints_px[index, :, :2], wanted, atol=1e-3)
        assert (converted.keypoints_px[index, :, 2] == 1).all()
        np.testing.assert_allclose(
            converted.camera(index).project(world[ONE_BASED - 1]), wanted, atol=1e-3
        )


def test_boxes_are_square_and_hold_the_spheres_of_all_joints(converted: Dataset) -> None:
    for index, camera, world in each(converted):
        left, top, side = converted.boxes_px[index]
        radii = np.full(32, 115.0)
        radii[[14, 15]], radii[[11, 12, 13]] = 140.0, 260.0
        axes = np.concatenate([np.eye(3), -np.eye(3)])
        points = camera.project((world[:, None] + radii[:, None, None] * axes).reshape(-1, 3))
        points = np.clip(points, 0, (camera.width, camera.height))
        assert (points >= (left, top)).all()
        assert (points <= (left + side, top + side)).all()
        spread = np.ptp(points, axis=0).max()
        assert spread <= side <= spread * 1.1 + 2


def test_images_show_their_own_frame_and_place(converted: Dataset) -> None:
    for index, camera, world in each(converted):
        image = converted.image(index)
        x, y = np.floor(converted.keypoints_px[index, 0, :2]).astype(int)
        np.testing.assert_allclose(image[y, x], PELVIS_COLOUR, atol=40)
        left, top, side = converted.boxes_px[index]
        corner = camera.project(world[:1])[0] + (0, 15)
        column, row = ((corner - (left, top)) * 64 / side).astype(int)
        grey = 40 + 25 * int(converted.frames[index])
        np.testing.assert_allclose(image[row, column], grey, atol=12)


def test_masks_of_both_kinds_of_files_are_cut_like_the_image(converted: Dataset) -> None:
    for index, camera, world in each(converted):
        left, top, side = converted.boxes_px[index].tolist()
        whole = mask_image(camera.project(world[:1])[0]).astype(np.uint8) * 255
        wanted = cut_out(whole, (left, top, side), 64, cv2.BORDER_CONSTANT) > 127
        np.testing.assert_array_equal(converted.mask(index), wanted)
        assert 0.05 < wanted.mean() < 0.6


def test_the_inventory_of_a_whole_copy_lists_only_the_subjects_that_are_not_there(
    miniature: Path,
) -> None:
    inventory = found(miniature)
    assert len(inventory.recordings) == 16
    assert [line.split(":")[0] for line in inventory.problems] == ["S5", "S6", "S7", "S8", "S11"]
    assert inventory.unknown_actions == ()
    assert {(r.camera.width, r.camera.height) for r in inventory.recordings} == {(WIDTH, HEIGHT)}


def test_cameras_come_from_the_numbers_of_the_metadata(miniature: Path) -> None:
    known = read_metadata(miniature / "metadata.xml")
    assert len(known.cameras) == 44
    for (subject, number), camera in known.cameras.items():
        wanted = camera_of(subject, number)
        np.testing.assert_allclose(camera.rotation, wanted.rotation, atol=1e-9)
        np.testing.assert_allclose(camera.position_mm, wanted.position_mm, atol=1e-6)
        assert camera.distortion == pytest.approx(wanted.distortion)
    assert known.trials["S9"] == ("_ALL 1", "_ALL", *TRIALS)


def test_rotation_turns_about_x_last() -> None:
    quarter = np.pi / 2
    np.testing.assert_allclose(
        rotation_of(np.array([quarter, 0, 0])) @ [0, 1, 0], [0, 0, 1], atol=1e-12
    )
    np.testing.assert_allclose(
        rotation_of(np.array([quarter, 0, quarter])) @ [1, 0, 0], [0, 0, 1], atol=1e-12
    )
    np.testing.assert_allclose(
        rotation_of(np.array([0, quarter, quarter])) @ [0, 1, 0], [0, 0, 1], atol=1e-12
    )


def test_every_other_frame_keeps_its_own_number(miniature: Path, tmp_path: Path) -> None:
    dataset = convert(miniature, tmp_path / "d", image_size=32, actions=["photo"], every=2)
    assert sorted(set(dataset.frames.tolist())) == [0, 2, 4]
    assert set(dataset.actions.tolist()) == {"Taking Photo"}
    image = dataset.image(int(np.flatnonzero(dataset.frames == 4)[0]))
    assert abs(float(np.median(image[image.min(axis=2) > 15])) - 140) < 12


def test_an_interrupted_conversion_is_resumed_and_other_options_are_refused(
    miniature: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "d"
    options = {"image_size": 32, "actions": ["Walking"], "every": 4}
    with convert(miniature, tmp_path / "whole", **options) as dataset:  # type: ignore[arg-type]
        whole = dataset.images(range(len(dataset)))
    write, written = module.write_shard, []

    def until_the_third(directory: Path, number: int, samples: list) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(number)
        write(directory, number, samples)

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_shard", until_the_third)
        with pytest.raises(KeyboardInterrupt):
            convert(miniature, out, **options)  # type: ignore[arg-type]
    kept = [path.stat().st_mtime_ns for path in sorted(out.glob("images-*.shard"))]
    assert len(kept) == 2
    with convert(miniature, out, **options) as again:  # type: ignore[arg-type]
        np.testing.assert_array_equal(again.images(range(len(again))), whole)
    shards = sorted(out.glob("images-*.shard"))
    assert [path.stat().st_mtime_ns for path in shards[:2]] == kept
    with pytest.raises(InputError, match="every: 4 there, 1 now"):
        convert(miniature, out, image_size=32, actions=["Walking"])
    convert(miniature, out, image_size=32, actions=["Walking"], overwrite=True).close()


@pytest.mark.slow
def test_two_processes_convert_the_same_bytes_as_one(miniature: Path, tmp_path: Path) -> None:
    options = {"image_size": 32, "actions": ["Walking"], "every": 2}
    for processes in (1, 2):
        convert(miniature, tmp_path / f"by{processes}", processes=processes, **options)  # type: ignore[arg-type]
    one, two = (sorted((tmp_path / f"by{n}").iterdir()) for n in (1, 2))
    assert [path.name for path in one] == [path.name for path in two]
    for first, second in zip(one, two, strict=True):
        assert first.suffix == ".json" or first.read_bytes() == second.read_bytes()


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("name", "value"),
    [("image_size", 0), ("image_size", 70_000), ("every", 0), ("every", 1.5), ("every", True)],
)
def test_numbers_out_of_range_are_refused(miniature: Path, tmp_path: Path, name, value) -> None:
    with pytest.raises(InputError, match=f"{name}: got {value}"):
        convert(miniature, tmp_path / "d", **{name: value})


def test_both_trials_of_an_action_are_converted_each_with_its_own_labels(
    miniature: Path, tmp_path: Path
) -> None:
    both = Path(shutil.copytree(miniature, tmp_path / "both"))
    write_trial(both, "S1", "Walking")
    dataset = convert(both, tmp_path / "d", image_size=16, actions=["Walking"], every=2)
    mine = dataset.select(dataset.subjects == "S1")
    assert set(mine.actions.tolist()) == {"Walking"}
    for trial in ("Walking", "Walking 1"):
        those = mine.select(mine.trials == f"S1 {trial}")
        assert len(those) == 4 * 3
        for index, camera, world in each(those):
            pelvis = camera.rotation @ (world[0] - camera.position_mm)
            np.testing.assert_allclose(those.root_mm[index], pelvis, atol=0.01)


def test_the_place_that_is_read_from_is_no_place_for_the_dataset(
    miniature: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="got what is read from, expected another place"):
        convert(miniature, miniature / "S1" / "..", overwrite=True)
    monkeypatch.chdir(miniature)
    with pytest.raises(InputError, match="got what is read from, expected another place"):
        convert(miniature, Path())
    with pytest.raises(InputError, match="/: got no directory of its own"):
        convert(miniature, Path("/"))


def test_the_directory_in_which_one_stands_may_become_the_dataset(
    miniature: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    convert(miniature, Path(), image_size=16, actions=["Walking"], every=4).close()
    assert (tmp_path / "here" / "dataset.json").is_file()
