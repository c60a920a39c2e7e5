"""Human3.6M, a miniature of it: the whole way from its files to a dataset, and bad copies."""

import shutil
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from human36m_miniature import (
    CAMERA_IDS,
    FRAMES,
    HEIGHT,
    PELVIS_COLOUR,
    TRIALS,
    WIDTH,
    camera_of,
    joints_world_mm,
    mask_image,
    pack,
    pack_member,
    write_cdf,
    write_masks_v5,
    write_metadata,
    write_miniature,
    write_video,
)

from overpose.datasets.crops import cut_out
from overpose.datasets.human36m import convert_human36m
from overpose.datasets.human36m_files import read_metadata, rotation_of
from overpose.datasets.human36m_layout import Inventory, find_human36m
from overpose.datasets.store import Dataset, open_dataset
from overpose.errors import InputError
from overpose.skeleton import HUMAN36M

ONE_BASED = np.array([1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 16, 18, 19, 20, 26, 27, 28])
WANTED = ("Walking", "Taking Photo")
POSES = Path("MyPoseFeatures", "D3_Positions")
MONO = Path("MyPoseFeatures", "D3_Positions_mono")
MASKS = Path("MySegmentsMat", "ground_truth_bs")
FIRST = f"Walking 1.{CAMERA_IDS[0]}"


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature(tmp_path_factory.mktemp("human36m"))


@pytest.fixture(scope="module")
def converted(miniature: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return convert_human36m(miniature, tmp_path_factory.mktemp("out") / "d", image_size=64)


@pytest.fixture
def copy(miniature: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(miniature, tmp_path / "copy"))


def found(root: Path, **options: object) -> Inventory:
    return find_human36m(root, actions=WANTED, **options)  # type: ignore[arg-type]


def said(inventory: Inventory, *words: str) -> bool:
    return any(all(word in line for word in words) for line in inventory.problems)


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
        full = full * camera.focal_px + camera.center_px
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
        left, top, side = converted.boxes_px[index].astype(int)
        whole = mask_image(camera.project(world[:1])[0]).astype(np.uint8) * 255
        wanted = cut_out(whole, (int(left), int(top), int(side)), 64) > 127
        np.testing.assert_array_equal(converted.mask(index), wanted)
        assert 0.05 < wanted.mean() < 0.6


def test_what_leaves_the_image_is_black() -> None:
    image = np.full((10, 12, 3), 200, dtype=np.uint8)
    cut = cut_out(image, (-4, -2, 8), 8)
    assert (cut[2:, 4:] == 200).all()
    assert not cut[:2].any()
    assert not cut[:, :4].any()
    assert not cut_out(image, (50, 50, 4), 8).any()


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
    dataset = convert_human36m(miniature, tmp_path / "d", image_size=32, actions=["photo"], every=2)
    assert sorted(set(dataset.frames.tolist())) == [0, 2, 4]
    assert set(dataset.actions.tolist()) == {"Taking Photo"}
    image = dataset.image(int(np.flatnonzero(dataset.frames == 4)[0]))
    assert abs(float(np.median(image[image.min(axis=2) > 15])) - 140) < 12


def test_an_interrupted_conversion_is_resumed_and_other_options_are_refused(
    miniature: Path, tmp_path: Path
) -> None:
    out = tmp_path / "d"
    options = {"image_size": 32, "actions": ["Walking"], "every": 4}
    with convert_human36m(miniature, out, **options) as dataset:  # type: ignore[arg-type]
        before = dataset.images(range(len(dataset)))
    with convert_human36m(miniature, out, **options) as again:  # type: ignore[arg-type]
        np.testing.assert_array_equal(again.images(range(len(again))), before)
    with pytest.raises(InputError, match="every: 4 there, 1 now"):
        convert_human36m(miniature, out, image_size=32, actions=["Walking"])
    convert_human36m(miniature, out, image_size=32, actions=["Walking"], overwrite=True).close()


@pytest.mark.parametrize(("name", "value"), [("image_size", 0), ("every", 0), ("every", 1.5)])
def test_numbers_out_of_range_are_refused(miniature: Path, tmp_path: Path, name, value) -> None:
    with pytest.raises(InputError, match=f"{name}: got {value}"):
        convert_human36m(miniature, tmp_path / "d", **{name: value})


def test_what_is_missing_is_listed_and_the_rest_used(copy: Path) -> None:
    shutil.rmtree(copy / "S9")
    (copy / "S1" / "Videos" / f"{FIRST}.mp4").unlink()
    (copy / "S1" / MASKS / f"Walking 1.{CAMERA_IDS[1]}.mat").unlink()
    (copy / "S1" / POSES / "TakingPhoto.cdf").unlink()
    inventory = found(copy)
    assert said(inventory, "S9: no folder")
    assert said(inventory, f"S1: {FIRST}: no video")
    assert said(inventory, f"S1: Walking 1.{CAMERA_IDS[1]}: no masks")
    assert said(inventory, "S1: TakingPhoto: no poses")
    assert [(r.trial, r.camera_number) for r in inventory.recordings] == [
        ("Walking 1", 1),
        ("Walking 1", 2),
        ("Walking 1", 3),
    ]


def test_problems_are_kept_in_the_dataset(copy: Path, tmp_path: Path, capsys) -> None:
    shutil.rmtree(copy / "S9")
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, every=4)
    problems = dataset.info.provenance["problems"]
    assert any(line.startswith("S9: no folder") for line in problems)
    assert "S9: no folder" in capsys.readouterr().err


def test_without_a_table_of_trials_two_of_each_are_expected(tmp_path: Path, copy: Path) -> None:
    write_metadata(copy / "metadata.xml", with_trials=False)
    assert said(found(copy), "S1: Walking: 1 trials, expected 2")


def test_of_video_and_poses_the_shorter_counts(copy: Path, tmp_path: Path) -> None:
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", joints_world_mm("S1", "Walking 1", 3))
    write_cdf(copy / "S9" / POSES / "Walking 1.cdf", joints_world_mm("S9", "Walking 1", 9))
    inventory = found(copy)
    assert said(inventory, f"S1: {FIRST}: 5 frames in the video, 3 poses; the first 3 are used")
    assert said(inventory, f"S9: {FIRST}: 5 frames in the video, 9 poses; the first 5 are used")
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    assert (dataset.subjects == "S1").sum() == 12
    assert (dataset.subjects == "S9").sum() == 20


def test_a_video_cut_short_gives_the_frames_it_has(
    copy: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    from overpose.datasets import human36m

    whole = human36m.video_frames

    def cut_short(path: Path, every: int):
        for number, image in whole(path, every):
            if number == 2 and path.stem == FIRST:
                return
            yield number, image

    monkeypatch.setattr(human36m, "video_frames", cut_short)
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    assert len(dataset) == 2 * (2 + 3 * 5)
    assert f"{FIRST}.mp4: damaged: 2 of 5 frames" in capsys.readouterr().err


def test_poses_with_nan_are_left_out_and_said(copy: Path, tmp_path: Path) -> None:
    poses = joints_world_mm("S1", "Walking 1")
    poses[1, 20, 2] = np.nan
    poses[3] = np.nan
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    assert said(found(copy), f"S1: {FIRST}: 2 of 5 poses hold NaN; left out")
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    frames = dataset.frames[dataset.subjects == "S1"].tolist()
    assert sorted(set(frames)) == [0, 2, 4]


def test_poses_in_metres_are_refused_with_a_hint(copy: Path) -> None:
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", joints_world_mm("S1", "Walking 1") / 1000)
    inventory = found(copy)
    assert said(inventory, "Walking 1.cdf", "in metres", "multiply by 1000")
    assert not [r for r in inventory.recordings if (r.subject, r.trial) == ("S1", "Walking 1")]


@pytest.mark.parametrize(
    ("poses", "words"),
    [
        (np.zeros((4, 17, 3)), r"\(4, 51\), expected numbers \(1, frames, 96\)"),
        (np.full((4, 32, 3), np.nan), "all are NaN"),
        (np.zeros((4, 32, 3)), "the thigh is 0 mm long"),
    ],
)
def test_poses_of_another_kind_are_said(copy: Path, poses: np.ndarray, words: str) -> None:
    import re

    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    assert any(re.search(words, line) for line in found(copy).problems)


def test_damaged_files_are_said_and_left_out(copy: Path, tmp_path: Path, capsys) -> None:
    (copy / "S1" / POSES / "Walking 1.cdf").write_bytes(b"no CDF at all")
    (copy / "S9" / "Videos" / f"{FIRST}.mp4").write_bytes(b"no video at all")
    (copy / "S9" / MASKS / f"Walking 1.{CAMERA_IDS[1]}.mat").write_bytes(b"no masks at all")
    inventory = found(copy)
    assert said(inventory, "S1: Walking 1", "not a whole CDF file")
    assert said(inventory, f"S9: {FIRST}", "not a video that can be read")
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, actions=["Walking"], every=4)
    assert set(dataset.subjects.tolist()) == {"S9"}
    assert sorted(set(dataset.cameras.tolist())) == [1, 2, 3]
    assert "no foreground masks" in capsys.readouterr().err
    with pytest.raises(InputError, match="has no mask"):
        dataset.mask(int(np.flatnonzero(dataset.cameras == 1)[0]))
    dataset.mask(int(np.flatnonzero(dataset.cameras == 2)[0]))


def test_masks_that_are_too_few_or_of_another_size_are_left_out(copy: Path, tmp_path: Path) -> None:
    small, right = np.ones((4, 4), bool), np.ones((HEIGHT, WIDTH), bool)
    write_masks_v5(copy / "S1" / MASKS / f"{FIRST}.mat", [right, small])
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    those = np.flatnonzero((dataset.subjects == "S1") & (dataset.cameras == 0))
    assert dataset.mask(int(those[0])).mean() > 0.5
    for index in those[1:]:
        with pytest.raises(InputError, match="has no mask"):
            dataset.mask(int(index))


def test_unknown_actions_are_listed_and_all_recordings_ignored(copy: Path) -> None:
    shutil.copy(copy / "S1" / POSES / "Walking 1.cdf", copy / "S1" / POSES / "Juggling 2.cdf")
    shutil.copy(copy / "S1" / POSES / "Walking 1.cdf", copy / "S1" / POSES / "_ALL 1.cdf")
    inventory = found(copy)
    assert inventory.unknown_actions == ("S1: Juggling 2",)
    assert len(inventory.recordings) == 16
    with pytest.raises(InputError, match="got 'Juggling'"):
        find_human36m(copy, actions=["Juggling"])


def test_a_trial_that_is_there_under_two_names_counts_once(copy: Path) -> None:
    shutil.copy(copy / "S1" / POSES / "TakingPhoto.cdf", copy / "S1" / POSES / "Photo.cdf")
    for camera_id in CAMERA_IDS:
        videos = copy / "S1" / "Videos"
        shutil.copy(videos / f"TakingPhoto.{camera_id}.mp4", videos / f"Photo.{camera_id}.mp4")
    inventory = found(copy)
    assert said(inventory, "S1: TakingPhoto: the same trial as Photo; not used")
    assert len(inventory.recordings) == 16


def test_the_mark_that_cdf_has_for_missing_numbers_is_no_joint(copy: Path) -> None:
    poses = joints_world_mm("S1", "Walking 1")
    poses[2, 5] = -1e30
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    assert said(found(copy), f"S1: {FIRST}: 1 of 5 poses hold NaN")


def test_poses_in_camera_axes_serve_where_those_of_the_world_are_missing(
    copy: Path, tmp_path: Path, converted: Dataset
) -> None:
    (copy / "S1" / POSES / "Walking 1.cdf").unlink()
    for number, camera_id in enumerate(CAMERA_IDS[:2]):
        seen = camera_of("S1", number).to_camera_mm(joints_world_mm("S1", "Walking 1"))
        write_cdf(copy / "S1" / MONO / f"Walking 1.{camera_id}.cdf", seen)
    dataset = convert_human36m(copy, tmp_path / "d", image_size=64, actions=["Walking"])
    mine = dataset.select(dataset.subjects == "S1")
    same = converted.select((converted.trials == "S1 Walking 1") & (converted.cameras < 2))
    np.testing.assert_allclose(mine.poses_mm, same.poses_mm, atol=0.01)
    np.testing.assert_allclose(mine.boxes_px, same.boxes_px, atol=1)


def test_a_camera_that_disagrees_with_the_poses_in_camera_axes_is_not_used(copy: Path) -> None:
    for number, shift in ((0, 0.0), (1, 25.0)):
        seen = camera_of("S1", number).to_camera_mm(joints_world_mm("S1", "Walking 1"))
        write_cdf(copy / "S1" / MONO / f"Walking 1.{CAMERA_IDS[number]}.cdf", seen + shift)
    inventory = found(copy)
    assert said(inventory, "S1", CAMERA_IDS[1], "43.3 mm away")
    assert {r.camera_number for r in inventory.recordings if r.subject == "S1"} == {0, 2, 3}


def test_nothing_usable_is_one_line_with_the_first_reason(copy: Path, tmp_path: Path) -> None:
    for subject in ("S1", "S9"):
        for trial in TRIALS:
            path = copy / subject / POSES / f"{trial}.cdf"
            write_cdf(path, joints_world_mm(subject, trial) / 1000)
        shutil.rmtree(copy / subject / "Videos")
    with pytest.raises(InputError, match=r"nothing usable: S1: no videos .* problems more\)$"):
        convert_human36m(copy, tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: no such directory; expected S1/Videos"):
        find_human36m(tmp_path / "absent")


def test_metadata_missing_or_damaged_is_named(copy: Path, tmp_path: Path) -> None:
    whole = copy.parent / "elsewhere.xml"
    (copy / "metadata.xml").rename(whole)
    with pytest.raises(InputError, match=r"no metadata\.xml in it, which holds the cameras"):
        found(copy)
    assert len(found(copy, metadata=whole).recordings) == 16
    with pytest.raises(InputError, match=r"absent\.xml: no such file"):
        found(copy, metadata=tmp_path / "absent.xml")
    for text, words in (
        ("<a><w0>[1 2 3]</w0></a>", "w0 has 3 finite numbers, expected 300"),
        ("<a></a>", "w0 has 0 finite numbers"),
        ("<a><w0>[" + " ".join(["0"] * 300) + "]</w0></a>", "w0 makes no camera"),
        ("nothing", "not readable XML"),
    ):
        (copy / "metadata.xml").write_text(text)
        with pytest.raises(InputError, match=words):
            found(copy)


def test_a_missing_library_is_one_line_that_names_the_extra(copy: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "cdflib", None)
    with pytest.raises(InputError, match=r"cdflib is needed .* extra human36m"):
        found(copy)


def test_a_person_outside_the_image_is_left_out(copy: Path, tmp_path: Path) -> None:
    poses = joints_world_mm("S1", "Walking 1")
    poses[2:] += camera_of("S1", 0).rotation[0] * 6000.0
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    mine = dataset.frames[(dataset.subjects == "S1") & (dataset.cameras == 0)]
    assert mine.tolist() == [0, 1]
    assert any("nobody in the image in 3" in p for p in dataset.info.provenance["problems"])


def test_official_archives_are_unpacked_and_read(
    miniature: Path, tmp_path: Path, converted
) -> None:
    source = tmp_path / "archives"
    source.mkdir()
    shutil.copy(miniature / "metadata.xml", source)
    for subject in ("S1", "S9"):
        pack(source / f"Poses_D3_Positions_{subject}.tgz", miniature, [f"{subject}/{POSES}"])
        pack(source / f"Videos_{subject}.tgz", miniature, [f"{subject}/Videos"])
    # As the archives of other mirrors: without the folders around the files.
    folder = miniature / "S9" / MASKS
    names = [path.name for path in folder.iterdir()]
    pack(source / "Segments_mat_gt_bs_S9.tgz", folder, names)
    with pytest.raises(InputError, match="archives only"):
        find_human36m(source)
    dataset = convert_human36m(source, tmp_path / "d", image_size=64)
    np.testing.assert_array_equal(dataset.poses_mm, converted.poses_mm)
    dataset.mask(int(np.flatnonzero(dataset.subjects == "S9")[0]))
    again = find_human36m(source, actions=WANTED, unpack_to=tmp_path / "d-unpacked")
    assert len(again.recordings) == 16
    assert not list((tmp_path / "d-unpacked").glob(".*.part"))


def test_a_corrupt_archive_is_one_error_and_leaves_nothing(miniature: Path, tmp_path: Path) -> None:
    whole = pack(tmp_path / "Videos_S1.tgz", miniature, ["S1/Videos"])
    content = whole.read_bytes()
    altered = bytearray(content)
    altered[len(altered) // 2] ^= 255
    for damaged in (content[: len(content) // 2], bytes(altered), b"nothing", content[:-8]):
        whole.write_bytes(damaged)
        with pytest.raises(
            InputError, match=r"Videos_S1\.tgz: not a whole archive .* get it again"
        ):
            find_human36m(whole, unpack_to=tmp_path / "to")
        assert not list((tmp_path / "to").rglob("*.mp4"))


@pytest.mark.parametrize(
    "name", ["../escaped.mp4", "/tmp/escaped.mp4", "S1/../../escaped.mp4", "..\\escaped.mp4"]
)
def test_a_member_that_would_leave_its_directory_is_refused(tmp_path: Path, name: str) -> None:
    archive = pack_member(tmp_path / "Videos_S1.tgz", tarfile.TarInfo(name), b"content")
    with pytest.raises(InputError, match="would land outside the directory"):
        find_human36m(archive, unpack_to=tmp_path / "inner" / "to")
    assert not list(tmp_path.rglob("escaped*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_archives_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("S1/Videos/Walking 1.54138969.mp4")
    member.type, member.linkname = kind, "/etc/passwd"
    archive = pack_member(tmp_path / "Videos_S1.tgz", member)
    with pytest.raises(InputError, match="a link or a device"):
        find_human36m(archive, unpack_to=tmp_path / "to")


def test_archives_beside_folders_are_only_mentioned(copy: Path, tmp_path: Path) -> None:
    pack(copy / "Videos_S5.tgz", copy, ["S1/Videos"])
    assert said(found(copy, unpack_to=tmp_path / "to"), "Videos_S5.tgz", "not read")
    assert not (tmp_path / "to").exists()


def test_a_video_without_a_usable_frame_is_named(copy: Path, tmp_path: Path) -> None:
    write_video(
        copy / "S1" / "Videos" / f"{FIRST}.mp4", [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 2
    )
    poses = joints_world_mm("S1", "Walking 1")
    poses[:2] = np.nan
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    dataset = convert_human36m(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    assert not ((dataset.subjects == "S1") & (dataset.cameras == 0)).any()
    assert any("no frame with a pose" in line for line in dataset.info.provenance["problems"])
