"""Left and right over a track: exchanges are put back, and people who turn are left alone."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.keypoints.sides import SideKeeper, sides_exchanged, with_sides_exchanged
from overpose.layouts import HUMAN36M_17, KeypointLayout
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.procedural import procedural_motion

FPS = 30.0
FRAMES = 75
ACTIONS = ("walking", "running", "dance", "exercise", "punching")


def seen(
    action: str, turns: float = 0.0, fps: float = FPS, seed: int = 0, away_mm_s: float = 0.0
) -> np.ndarray:
    """(frames, 17, 3) keypoints of somebody who does that in front of a camera, turns round so
    many times in 2.5 s, and goes away so fast; with the noise of a good detector."""
    frames = round(FRAMES * fps / FPS)
    joints = joints17_world_mm(procedural_motion(action, 1, seed, frames, fps))
    joints -= joints[:, :1]
    angles = np.linspace(0.0, 2 * np.pi * turns, frames) + seed
    joints = np.einsum(
        "fij,fkj->fki", Rotation.from_euler("z", angles[:, None]).as_matrix(), joints
    )
    x, depth, height = np.moveaxis(joints, -1, 0)
    depth += 4000.0 + away_mm_s / fps * np.arange(frames)[:, None]
    points = np.stack([x / depth, -height / depth], axis=-1) * 900 + (320, 240)
    points += np.random.default_rng(seed).normal(0.0, 1.5, points.shape)
    return np.concatenate([points, np.full((*points.shape[:2], 1), 0.9)], axis=-1)


def exchanges(frames: int, seed: int) -> np.ndarray:
    """(frames, 2) bool: runs of up to five frames, of the whole body or of a half."""
    rng = np.random.default_rng(seed)
    halves = np.zeros((frames, 2), dtype=bool)
    start = 4
    while start < frames - 8:
        length = int(rng.integers(1, 6))
        halves[start : start + length] = [(True, True), (True, False), (False, True)][
            rng.integers(3)
        ]
        start += length + int(rng.integers(4, 15))
    return halves


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("turns", [0.0, 1.0, -3.0])
def test_who_really_turns_round_keeps_his_sides(action: str, turns: float) -> None:
    for seed in range(2):
        assert not sides_exchanged(seen(action, turns, seed=seed), HUMAN36M_17, FPS).any()


def turned_to(way: int, away_mm_s: float) -> np.ndarray:
    """Keypoints of somebody who goes away so fast, and faces the camera (1) or looks away (-1)."""
    given = seen("walking", away_mm_s=away_mm_s)
    left, right = (HUMAN36M_17.index(f"{side}_shoulder") for side in ("left", "right"))
    faces = np.sign(np.median(given[:, left, 0] - given[:, right, 0]))
    return given if faces == way else given * (-1, 1, 1) + (640, 0, 0)


@pytest.mark.parametrize(("way", "away_mm_s"), [(-1, 1200.0), (1, -1200.0)])
def test_of_two_long_stretches_the_one_in_which_people_go_ahead_is_right(
    way: int, away_mm_s: float
) -> None:
    put_in = np.zeros((FRAMES, 2), dtype=bool)
    put_in[20:65] = True
    given = with_sides_exchanged(turned_to(way, away_mm_s), HUMAN36M_17, put_in)
    assert np.array_equal(sides_exchanged(given, HUMAN36M_17, FPS), put_in)


@pytest.mark.parametrize(("way", "away_mm_s"), [(1, 1200.0), (-1, -1200.0)])
def test_who_goes_backwards_may(way: int, away_mm_s: float) -> None:
    given = turned_to(way, away_mm_s)
    assert not sides_exchanged(given, HUMAN36M_17, FPS).any()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("turns", [0.0, 1.0])
def test_exchanges_are_put_back(action: str, turns: float) -> None:
    wrong = total = 0
    for seed in range(2):
        put_in = exchanges(FRAMES, seed)
        given = with_sides_exchanged(seen(action, turns, seed=seed), HUMAN36M_17, put_in)
        wrong += (sides_exchanged(given, HUMAN36M_17, FPS) != put_in).sum()
        total += put_in.sum()
    assert wrong <= 0.02 * total


def test_exchanging_twice_changes_nothing() -> None:
    given, halves = seen("dance"), exchanges(FRAMES, 1)
    once = with_sides_exchanged(given, HUMAN36M_17, halves)
    assert (once != given).any()
    assert np.array_equal(with_sides_exchanged(once, HUMAN36M_17, halves), given)


def test_an_upper_body_alone_takes_no_hips_with_it() -> None:
    given = seen("walking")
    moved = with_sides_exchanged(given, HUMAN36M_17, np.array([True, False])) != given
    names = {HUMAN36M_17.names[row] for row in np.flatnonzero(moved.any(axis=(0, 2)))}
    assert names == {f"{s}_{p}" for s in ("left", "right") for p in ("shoulder", "elbow", "wrist")}


def test_place_and_size_in_the_picture_do_not_count() -> None:
    put_in = exchanges(FRAMES, 5)
    given = with_sides_exchanged(seen("dance"), HUMAN36M_17, put_in)
    moved = given * (0.2, 0.2, 1.0) + (1000.0, -50.0, 0.0)
    assert np.array_equal(
        sides_exchanged(moved, HUMAN36M_17, FPS), sides_exchanged(given, HUMAN36M_17, FPS)
    )


def test_sides_are_kept_across_frames_between_two_guesses_and_frames_without_anybody() -> None:
    given = seen("exercise")
    put_in = np.zeros((FRAMES, 2), dtype=bool)
    put_in[[20, 23, 24]] = True
    broken = with_sides_exchanged(given, HUMAN36M_17, put_in)
    both = (broken[21:23] + with_sides_exchanged(broken[21:23], HUMAN36M_17, np.ones(2, bool))) / 2
    broken[21:23] = both
    broken[40:44] = np.nan
    found = sides_exchanged(broken, HUMAN36M_17, FPS)
    rest = np.setdiff1d(np.arange(FRAMES), [21, 22])
    assert np.array_equal(found[rest], put_in[rest])


def test_at_few_frames_a_second_nothing_is_said() -> None:
    """Between two frames anybody can have turned round."""
    for turns in (0.0, 3.0):
        assert not sides_exchanged(seen("dance", turns, fps=6.0), HUMAN36M_17, 6.0).any()


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_a_few_frames_stay_as_they_are(frames: int) -> None:
    assert not sides_exchanged(seen("dance")[:frames], HUMAN36M_17, FPS).any()


def test_nobody_has_no_sides_nor_has_who_shows_no_pair() -> None:
    given = seen("dance")
    assert not sides_exchanged(np.full_like(given, np.nan), HUMAN36M_17, FPS).any()
    face = KeypointLayout("custom", ("nose", "left_eye", "right_eye"))
    assert not sides_exchanged(given[:, :3], face, FPS).any()


def test_live_exchanges_are_put_back_and_people_who_turn_are_left_alone() -> None:
    wrong = put_back = 0
    for seed in range(3):
        given = seen("exercise", 1.0, seed=seed)
        put_in = np.zeros((FRAMES, 2), dtype=bool)
        put_in[[30, 31, 45, 60, 61, 62]] = True
        broken = with_sides_exchanged(given, HUMAN36M_17, put_in)
        clean, live = SideKeeper(HUMAN36M_17, FPS), SideKeeper(HUMAN36M_17, FPS)
        for frame in range(FRAMES):
            assert np.array_equal(clean(given[frame], frame / FPS), given[frame])
            same = np.array_equal(live(broken[frame], frame / FPS), given[frame])
            wrong += not same
            put_back += same and bool(put_in[frame].any())
    assert put_back >= 14  # of 18
    assert wrong <= 6
