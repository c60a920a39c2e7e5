"""Copies of Human3.6M that are incomplete or odd: what is listed and what is used."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from human36m_miniature import (
    CAMERA_IDS,
    FIRST,
    FRAMES,
    MASKS,
    MONO,
    POSES,
    SUBJECTS,
    TRIALS,
    WIDTH,
    camera_of,
    convert,
    found,
    joints_world_mm,
    said,
    write_cdf,
    write_metadata,
    write_video,
)

from overpose.datasets.human36m.layout import find_human36m
from overpose.support.errors import InputError


def test_what_is_missing_is_listed_and_the_rest_used(copy: Path) -> None:
    shutil.rmtree(copy / "S9")
    (copy / "S1" / "Videos" / f"{FIRST}.mp4").unlink()
    (copy / "S1" / MASKS / f"Walking 1.{CAMERA_IDS[1]}.mat").unlink()
    (copy / "S1" / POSES / "TakingPhoto.cdf").unlink()
    inventory = found(copy)
    assert said(inventory.problems, "S9: no folder")
    assert said(inventory.problems, f"S1: {FIRST}: no video")
    assert said(inventory.problems, f"S1: Walking 1.{CAMERA_IDS[1]}: no masks")
    assert said(inventory.problems, "S1: TakingPhoto: no poses")
    assert [(r.trial, r.camera_number) for r in inventory.recordings] == [
        ("Walking 1", 1),
        ("Walking 1", 2),
        ("Walking 1", 3),
    ]


def test_problems_are_kept_in_the_dataset(copy: Path, tmp_path: Path, capsys) -> None:
    shutil.rmtree(copy / "S9")
    dataset = convert(copy, tmp_path / "d", image_size=16, every=4)
    problems = dataset.info.provenance["problems"]
    assert any(line.startswith("S9: no folder") for line in problems)
    assert "S9: no folder" in capsys.readouterr().err


def test_without_a_table_of_trials_two_of_each_are_expected(tmp_path: Path, copy: Path) -> None:
    write_metadata(copy / "metadata.xml", with_trials=False)
    assert said(found(copy).problems, "S1: Walking: 1 trials, expected 2")


def test_of_video_and_poses_the_shorter_counts(copy: Path, tmp_path: Path) -> None:
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", joints_world_mm("S1", "Walking 1", 3))
    write_cdf(copy / "S9" / POSES / "Walking 1.cdf", joints_world_mm("S9", "Walking 1", 9))
    inventory = found(copy)
    assert said(
        inventory.problems, f"S1: {FIRST}: 5 frames in the video, 3 poses; the first 3 are used"
    )
    assert said(
        inventory.problems, f"S9: {FIRST}: 5 frames in the video, 9 poses; the first 5 are used"
    )
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    assert (dataset.subjects == "S1").sum() == 12
    assert (dataset.subjects == "S9").sum() == 20


def test_poses_with_nan_are_left_out_and_said(copy: Path, tmp_path: Path) -> None:
    poses = joints_world_mm("S1", "Walking 1")
    poses[1, 20, 2] = np.nan
    poses[3] = np.nan
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    assert said(found(copy).problems, f"S1: {FIRST}: 2 of 5 poses hold NaN; left out")
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    frames = dataset.frames[dataset.subjects == "S1"].tolist()
    assert sorted(set(frames)) == [0, 2, 4]


def test_poses_in_metres_are_refused_with_a_hint(copy: Path) -> None:
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", joints_world_mm("S1", "Walking 1") / 1000)
    inventory = found(copy)
    assert said(inventory.problems, "Walking 1.cdf", "in metres", "multiply by 1000")
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
    assert said(inventory.problems, "S1: TakingPhoto.cdf: the same trial as Photo.cdf; not used")
    assert len(inventory.recordings) == 16


def test_the_mark_that_cdf_has_for_missing_numbers_is_no_joint(copy: Path) -> None:
    poses = joints_world_mm("S1", "Walking 1")
    poses[2, 5] = -1e30
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    assert said(found(copy).problems, f"S1: {FIRST}: 1 of 5 poses hold NaN")


def test_poses_in_camera_axes_serve_where_those_of_the_world_are_missing(
    copy: Path, miniature: Path, tmp_path: Path
) -> None:
    whole = convert(miniature, tmp_path / "whole", image_size=16, actions=["Walking"])
    (copy / "S1" / POSES / "Walking 1.cdf").unlink()
    for number, camera_id in enumerate(CAMERA_IDS[:2]):
        seen = camera_of("S1", number).to_camera_mm(joints_world_mm("S1", "Walking 1"))
        write_cdf(copy / "S1" / MONO / f"Walking 1.{camera_id}.cdf", seen)
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    mine = dataset.select(dataset.subjects == "S1")
    same = whole.select((whole.trials == "S1 Walking 1") & (whole.cameras < 2))
    np.testing.assert_allclose(mine.poses_mm, same.poses_mm, atol=0.01)
    np.testing.assert_allclose(mine.boxes_px, same.boxes_px, atol=1)


def test_a_camera_that_disagrees_with_the_poses_in_camera_axes_is_not_used(copy: Path) -> None:
    for number, shift in ((0, 0.0), (1, 25.0)):
        seen = camera_of("S1", number).to_camera_mm(joints_world_mm("S1", "Walking 1"))
        write_cdf(copy / "S1" / MONO / f"Walking 1.{CAMERA_IDS[number]}.cdf", seen + shift)
    inventory = found(copy)
    assert said(inventory.problems, "S1", CAMERA_IDS[1], "43.3 mm away")
    assert {r.camera_number for r in inventory.recordings if r.subject == "S1"} == {0, 2, 3}


def test_nothing_usable_is_one_line_with_the_first_reason(copy: Path, tmp_path: Path) -> None:
    for subject in ("S1", "S9"):
        for trial in TRIALS:
            path = copy / subject / POSES / f"{trial}.cdf"
            write_cdf(path, joints_world_mm(subject, trial) / 1000)
        shutil.rmtree(copy / subject / "Videos")
    with pytest.raises(InputError, match=r"nothing usable: S1: no videos .* problems more\)$"):
        convert(copy, tmp_path / "d")
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
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    mine = dataset.frames[(dataset.subjects == "S1") & (dataset.cameras == 0)]
    assert mine.tolist() == [0, 1]
    assert said(dataset.info.provenance["problems"], "nobody in the image in 3")


def test_a_camera_without_any_video_is_listed_and_the_other_three_are_used(
    copy: Path, tmp_path: Path
) -> None:
    for video in copy.glob(f"*/Videos/*.{CAMERA_IDS[2]}.mp4"):
        video.unlink()
    dataset = convert(copy, tmp_path / "d", image_size=16, every=4)
    assert sorted(set(dataset.cameras.tolist())) == [0, 1, 3]
    for subject in SUBJECTS:
        for trial in TRIALS:
            line = f"{subject}: {trial}.{CAMERA_IDS[2]}: no video"
            assert said(dataset.info.provenance["problems"], line)


def test_names_of_files_in_capitals_are_found(copy: Path) -> None:
    for kind in ("*.mp4", "*.cdf", "*.mat"):
        for path in list(copy.rglob(kind)):
            path.rename(path.with_suffix(path.suffix.upper()))
    recordings = found(copy).recordings
    assert len(recordings) == 16
    assert all(recording.masks is not None for recording in recordings)


def test_poses_videos_and_masks_of_a_trial_may_be_spelt_differently(copy: Path) -> None:
    for folder in ("Videos", MASKS):
        for path in list((copy / "S1" / folder).glob("TakingPhoto.*")):
            path.rename(path.with_name(path.name.replace("TakingPhoto", "Photo")))
    inventory = found(copy)
    assert len(inventory.recordings) == 16
    assert not said(inventory.problems, "S1:", "Photo")
    mine = [r for r in inventory.recordings if (r.subject, r.action) == ("S1", "Taking Photo")]
    assert {(r.trial, r.video.name.split(".")[0]) for r in mine} == {("TakingPhoto", "Photo")}
    assert all(r.masks is not None and r.masks.name.startswith("Photo.") for r in mine)


@pytest.mark.parametrize("size", [(100, 100), (WIDTH, 160), (240, 242)])
def test_a_video_of_another_size_than_its_cameras_is_listed_and_left_out(
    copy: Path, size: tuple[int, int]
) -> None:
    width, height = size
    images = [np.full((height, width, 3), 90, np.uint8)] * FRAMES
    write_video(copy / "S1" / "Videos" / f"{FIRST}.mp4", images)
    inventory = found(copy)
    assert said(
        inventory.problems, f"S1: {FIRST}: the video has {width} x {height} px, but its camera is"
    )
    assert len(inventory.recordings) == 15
