"""A complete official copy of Human3.6M counts as complete, and a real gap does not."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from human36m_cdf import write_cdf_by_hand
from human36m_miniature import (
    CAMERA_IDS,
    POSES,
    camera_of,
    convert,
    frame_image,
    joints_world_mm,
    said,
    write_cdf,
    write_metadata,
    write_video,
)
from hypothesis import given
from hypothesis import strategies as st

from overpose.datasets.human36m.files import read_metadata, read_poses
from overpose.datasets.human36m.frames import count_frames, official_frames
from overpose.datasets.human36m.layout import find_human36m
from overpose.datasets.human36m.names import (
    SUBJECTS,
    TEST_SUBJECTS,
    TRAIN_SUBJECTS,
    canonical_action,
)
from overpose.measure.human36m import PAPER, gaps_of

ACTIONS = ("Discussion", "Eating", "Greeting", "Taking Photo", "Walking", "Walking Dog")
OFFICIAL = {
    "S1": (3805, 3852, 2357, 2721, 1265, 1149, 1074, 1036, 3476, 3134, 1662, 1777),
    "S5": (6090, 5935, 3276, 2331, 1474, 3199, 3325, 2782, 3000, 2521, 1937, 2135),
    "S6": (2720, 2415, 2010, 2226, 1980, 1621, 1672, 1775, 2750, 3614, 1996, 1594),
    "S7": (5415, 5470, 3763, 3171, 2215, 2161, 2155, 1877, 3636, 3623, 2641, 2732),
    "S8": (1931, 2064, 2807, 2694, 1598, 1447, 1616, 1700, 3737, 3695, 1735, 1644),
    "S9": (5873, 5306, 2663, 2686, 2711, 1447, 1449, 2346, 2446, 1612, 2217, 2237),
    "S11": (2684, 2198, 2275, 2203, 1695, 1808, 1545, 1990, 1637, 1621, 1187, 1435),
}
"""Frames of both trials of each action, in the order of `ACTIONS`."""
PUBLISHED = {
    "Walking": (132_744, 29_264), "Discussion": (158_788, 64_244), "Eating": (109_424, 39_308),
    "Walking Dog": (79_412, 28_304), "Greeting": (72_436, 30_644),
    "Taking Photo": (76_048, 29_320),
}  # fmt: skip
"""Samples for training and test, four cameras each."""


@given(
    st.lists(st.integers(0, 9000), min_size=4, max_size=4),
    st.integers(0, 36_000),
)
def test_the_official_count_is_the_most_that_all_videos_and_the_motion_capture_have(
    videos: list[int], raw: int
) -> None:
    count = official_frames(videos, raw)
    assert all(count <= frames for frames in videos)
    assert 4 * count <= raw
    assert count in videos or 4 * (count + 1) > raw


def spelt(subject: str, action: str) -> str:
    """As the files spell it, which is not always the same."""
    if action == "Taking Photo":
        return "Photo" if subject in ("S1", "S7") else "TakingPhoto"
    return "WalkDog" if (subject, action) == ("S5", "Walking Dog") else action.replace(" ", "")


def test_the_official_numbers_give_the_published_counts(tmp_path: Path) -> None:
    """Videos go on by a few frames, or the motion capture does."""
    mapping, counts = {}, {}
    rng = np.random.default_rng(0)
    for subject, frames in OFFICIAL.items():
        names = [f"{spelt(subject, a)}{n}" for a in ACTIONS for n in (" 1", " 2")]
        mapping[subject] = names
        for name, count in zip(names, frames, strict=True):
            more = rng.integers(0, 7, 4)
            raw = 4 * count + int(rng.integers(0, 4))
            if rng.random() < 0.1:
                more[rng.integers(4)], raw = 0, raw + 12
            counts[subject, name] = [*(count + more).tolist(), raw]
    write_metadata(tmp_path / "metadata.xml", mapping=mapping, counts=counts)
    known = read_metadata(tmp_path / "metadata.xml")
    for action, published in PUBLISHED.items():
        found = [
            4 * sum(
                count for (subject, name), count in known.frames.items()
                if subject in subjects and canonical_action(name) == action
            )
            for subjects in (TRAIN_SUBJECTS, TEST_SUBJECTS)
        ]  # fmt: skip
        assert tuple(found) == published, action


@given(st.integers(1000, 7000), st.lists(st.integers(0, 8), min_size=4, max_size=4))
def test_videos_that_go_on_for_a_few_frames_are_no_gap(poses: int, more: list[int]) -> None:
    videos = {camera: poses + extra for camera, extra in enumerate(more)}
    for official in (None, poses):
        counted = count_frames(poses, videos, official)
        assert (counted.expected, counted.gaps, counted.extra) == (poses, {}, max(more))
        assert set(counted.used.values()) == {poses}


def test_the_shortest_of_the_four_videos_counts_for_all() -> None:
    counted = count_frames(2000, {0: 2003, 1: 1998, 2: 2000, 3: 2001}, None)
    assert set(counted.used.values()) == {1998}
    assert counted.gaps == {}


@pytest.mark.parametrize("official", [None, 2000])
def test_a_cut_video_is_a_gap_of_its_own_camera_alone(official: int | None) -> None:
    counted = count_frames(2000, {0: 2003, 1: 1200, 2: 2000, 3: 2001}, official)
    assert counted.used == {0: 2000, 1: 1200, 2: 2000, 3: 2000}
    assert set(counted.gaps) == {1}
    assert counted.gaps[1].startswith("1200 frames in the video, 2000 poses")


@pytest.mark.parametrize("official", [None, 2000])
def test_cut_poses_are_a_gap_of_every_camera(official: int | None) -> None:
    counted = count_frames(700, {0: 2003, 1: 2000}, official)
    assert set(counted.used.values()) == {700}
    assert set(counted.gaps) == {0, 1}


def test_with_the_official_count_a_single_lost_frame_is_a_gap() -> None:
    videos = {0: 2003, 1: 2000, 2: 2001, 3: 1999}
    assert set(count_frames(2001, videos, 2000).gaps) == {3}
    assert count_frames(2001, videos, 1999).gaps == {}


def test_poses_that_are_stored_column_by_column_are_read_alike(tmp_path: Path) -> None:
    poses = joints_world_mm("S1", "Walking 1", 7)
    write_cdf_by_hand(tmp_path / "hand.cdf", poses)
    write_cdf(tmp_path / "library.cdf", poses)
    np.testing.assert_array_equal(read_poses(tmp_path / "hand.cdf"), poses)
    np.testing.assert_array_equal(read_poses(tmp_path / "library.cdf"), poses)


FRAMES = 4


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All seven subjects walk twice; every oddity of the official release is there."""
    root = tmp_path_factory.mktemp("official")
    mapping = {subject: ["Walking 1", "Walking"] for subject in SUBJECTS}
    mapping["S11"] = [*mapping["S11"], "Directions", ""]
    mapping["S5"] = ["Walking 1", "walking"]
    counts = {}
    for subject, names in mapping.items():
        for trial in filter(None, names):
            videos = []
            poses = joints_world_mm("S1", "Walking 1", FRAMES)
            # Column by column, as MATLAB writes.
            write_cdf_by_hand(root / subject / POSES / f"{trial}.cdf", poses)
            for number, camera_id in enumerate(CAMERA_IDS):
                longer = (len(subject) + number) % 3
                centre = camera_of(subject, number).project(poses[:, 0])
                images = [
                    frame_image(centre[min(k, FRAMES - 1)], 0) for k in range(FRAMES + longer)
                ]
                # The videos of S5's second trial are spelt with a capital, its poses are not.
                name = trial.capitalize() if subject == "S5" else trial
                write_video(root / subject / "Videos" / f"{name}.{camera_id}.mp4", images)
                videos.append(len(images))
            counts[subject, trial] = [*videos, 4 * FRAMES + 3]
    broken = root / "S11" / "Videos" / f"Directions.{CAMERA_IDS[0]}.mp4"
    broken.write_bytes(broken.read_bytes()[:400])
    write_metadata(root / "metadata.xml", mapping=mapping, counts=counts)
    return root


@pytest.mark.parametrize("actions", [["Walking"], ["Walking", "Directions"]])
def test_a_complete_copy_with_all_oddities_of_the_release_is_complete(
    official: Path, actions: list[str]
) -> None:
    inventory = find_human36m(official, actions=actions)
    assert inventory.problems == ()
    assert said(inventory.notes, "15 trials" if len(actions) > 1 else "14 trials", "2 frames more")
    assert said(inventory.notes, f"S11: Directions.{CAMERA_IDS[0]}") == (len(actions) > 1)
    assert {recording.frames for recording in inventory.recordings} == {FRAMES}
    assert len(inventory.recordings) == 7 * 2 * 4 + (3 if len(actions) > 1 else 0)


def test_what_is_converted_of_it_has_no_gaps(official: Path, tmp_path: Path) -> None:
    dataset = convert(official, tmp_path / "d", image_size=8, actions=["Walking"])
    assert len(dataset) == 7 * 2 * 4 * FRAMES
    assert dataset.info.provenance["problems"] == []
    assert gaps_of(dataset, PAPER) == ()


def test_a_video_that_was_cut_makes_it_incomplete(official: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(official, tmp_path / "copy"))
    camera_id = CAMERA_IDS[1]
    images = [np.full((202, 200, 3), 90, np.uint8)] * (FRAMES - 1)
    write_video(copy / "S6" / "Videos" / f"Walking.{camera_id}.mp4", images)
    (line,) = find_human36m(copy, actions=["Walking"]).problems
    assert line == (
        f"S6: Walking.{camera_id}: 3 frames in the video, 4 poses, expected 4; the first 3 are used"
    )
