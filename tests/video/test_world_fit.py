"""The fit of a whole track: feet that stand do not slide, jumps and stairs stay what they are."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import FOCAL_PX, HEIGHT, WIDTH, track_of

from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.video.options import PredictOptions
from overpose.video.posing import View
from overpose.video.world.contact import Contact, contact_of
from overpose.video.world.feet import Feet
from overpose.video.world.fit import ANKLE_MM, FitWeights, fitted_joints
from overpose.video.world.level import Level
from overpose.video.world.standing import standing

FPS, FRAMES = 25.0, 60
VIEW = View(WIDTH, HEIGHT, FPS, FOCAL_PX)
SOLE = np.array([0.0, ANKLE_MM, 0.0])
ANKLES = HUMAN36M.indices(("left_ankle", "right_ankle"))


def still(frames: int = FRAMES) -> np.ndarray:
    """(frames, 17, 3) somebody who stands 4 m away and does not move."""
    track = track_of(("gesturing",), 1)
    return np.repeat((track.poses_mm + track.root_mm[:, :, None])[0].astype(np.float64), frames, 0)


def floor_below(joints: np.ndarray) -> Level:
    """Level, with the floor below the ankles."""
    lowest = joints[0, ANKLES, 1].max()
    return Level(np.array([0.0, -1.0, 0.0]), float(lowest + ANKLE_MM))


def rays_of(joints: np.ndarray) -> np.ndarray:
    return joints[..., :2] / joints[..., 2:]


def everywhere(frames: int = FRAMES, value: bool = True) -> Contact:
    return Contact(*(np.full((frames, 2), value) for _ in range(3)))


def fit(given: np.ndarray, truth: np.ndarray, contact: Contact, level: Level | None) -> np.ndarray:
    return fitted_joints(given, rays_of(truth), np.ones(truth.shape[:2]), contact, level, FPS)


def test_what_is_right_already_stays() -> None:
    joints = still()
    joints[:, HUMAN36M.index("left_wrist"), 0] += 5 * np.sin(np.arange(FRAMES) / 8)
    found = fit(joints, joints, everywhere(), floor_below(joints))
    assert np.abs(found - joints).max() < 15  # the other ankle is not quite on the floor


def test_standing_feet_do_not_slide_and_the_place_gets_better() -> None:
    truth = still()
    rng = np.random.default_rng(0)
    shaken = truth + rng.normal(size=(FRAMES, 1, 1)) * (0.0, 0.0, 120.0)  # nearer and farther
    found = fit(shaken, truth, everywhere(), floor_below(truth))
    slides = [
        np.linalg.norm(np.diff(j[:, ANKLES], axis=0), axis=-1).mean() for j in (shaken, found)
    ]
    assert slides[1] < 0.1 * slides[0]
    assert np.abs(found - truth).mean() < 0.5 * np.abs(shaken - truth).mean()


def test_where_the_lifter_expects_errors_the_keypoints_count_more() -> None:
    truth = still()
    wrist = HUMAN36M.index("left_wrist")
    given = truth.copy()
    given[:, wrist, 0] += 60.0
    expected = np.full((FRAMES, 17), 60.0)

    def off(expected_mm: np.ndarray | None) -> float:
        found = fitted_joints(
            given, rays_of(truth), np.ones(truth.shape[:2]), everywhere(), None, FPS,
            expected_mm=expected_mm,
        )  # fmt: skip
        return float(np.abs(found - truth)[:, wrist, 0].mean())

    sure, unsure = expected.copy(), expected.copy()
    sure[:, wrist], unsure[:, wrist] = 10.0, 250.0
    assert off(unsure) < 0.8 * off(expected) < 0.8 * off(sure)
    assert off(np.full((FRAMES, 17), np.nan)) == off(None)


def test_jumps_leave_the_floor() -> None:
    truth = still()
    flight = np.arange(25, 38)
    truth[flight, :, 1] -= (400 * np.sin(np.pi * (flight - 24) / 14))[:, None]
    level = floor_below(truth)
    points = np.repeat(truth[:, ANKLES], 2, axis=1) + SOLE
    contact = contact_of(Feet(points, np.ones(points.shape[:2], bool)), level, FPS)
    assert not contact.stands[28:34].any()
    assert contact.stands[:20].all()
    found = fit(truth, truth, contact, level)
    apex = truth[31, 0, 1] - truth[0, 0, 1]
    assert found[31, 0, 1] - found[0, 0, 1] == pytest.approx(apex, rel=0.05)


def test_a_foot_on_a_stair_is_not_pulled_to_the_floor() -> None:
    truth = still()
    level = replace(floor_below(truth), height_mm=floor_below(truth).height_mm + 400.0)
    points = np.repeat(truth[:, ANKLES], 2, axis=1) + SOLE
    contact = contact_of(Feet(points, np.ones(points.shape[:2], bool)), level, FPS)
    assert not contact.on_floor.any()
    found = fit(truth, truth, contact, level)
    assert np.abs(found - truth).max() < 5


def test_who_sinks_is_lifted() -> None:
    truth = still()
    level = floor_below(truth)
    sunk = truth + np.array([0.0, 60.0, 0.0])
    found = fit(sunk, truth, everywhere(value=False), level)
    assert level.heights_mm(found[:, ANKLES]).min() > ANKLE_MM - 20


def test_a_fit_that_projects_worse_is_dropped() -> None:
    truth = still()
    walks = truth + np.arange(FRAMES)[:, None, None] * (40.0, 0.0, 0.0)
    held = fitted_joints(
        walks, rays_of(walks), np.ones(walks.shape[:2]), everywhere(), None, FPS,
        FitWeights(slide_mm_s=0.01),
    )  # fmt: skip
    assert (held == walks).all()


def test_gaps_stay_and_long_tracks_are_joined_without_a_seam() -> None:
    truth = still(900)
    truth[..., 0] += (600 * np.sin(np.arange(900) / 60))[:, None]
    given = truth.copy()
    given[850:860] = np.nan
    found = fit(given, truth, everywhere(900, False), None)
    assert np.isnan(found[850:860]).all()
    assert np.abs(np.diff(found[:850] - truth[:850], axis=0)).max() < 1


def tracked(frames: int = FRAMES, fps: float = FPS) -> tuple[PoseTrack, Feet]:
    joints = still(frames)
    joints[..., 2] += 60 * np.sin(np.arange(frames))[:, None]
    keypoints = np.ones((1, frames, 17, 3), np.float32)
    keypoints[..., :2] = FOCAL_PX * rays_of(still(frames)) + VIEW.center_px
    track = replace(
        track_of(("gesturing",), frames),
        poses_mm=(joints - joints[:, :1])[None].astype(np.float32),
        root_mm=joints[None, :, 0].astype(np.float32),
        keypoints_px=keypoints,
        fps=fps,
    )
    points = np.repeat(joints[:, ANKLES], 2, axis=1) + SOLE
    return track, Feet(points, np.ones(points.shape[:2], bool))


def test_the_track_says_which_foot_stands_and_is_fitted() -> None:
    track, feet = tracked()
    joints = (track.poses_mm + track.root_mm[:, :, None])[0].astype(np.float64)
    level = floor_below(joints)
    hung = replace(
        track, feet_mm=np.repeat(track.poses_mm[:, :, ANKLES], 2, axis=2) + np.float32(9)
    )
    done = standing(hung, [(joints, feet)], level, VIEW, PredictOptions())
    assert done.foot_contact is not None
    assert done.foot_contact.all()
    assert done.root_mm[0, :, 2].std() < 0.3 * track.root_mm[0, :, 2].std()
    assert done.feet_mm is not None
    assert np.allclose(
        done.feet_mm, np.repeat(done.poses_mm[:, :, ANKLES], 2, axis=2) + 9, atol=0.01
    )
    raw = standing(track, [(joints, feet)], level, VIEW, PredictOptions(smooth="none"))
    assert (raw.poses_mm == track.poses_mm).all()
    assert raw.foot_contact is not None


@pytest.mark.parametrize(("frames", "fps"), [(1, 25.0), (60, 5.0)])
def test_nothing_is_known_to_stand_in_a_photo_or_in_frames_far_apart(
    frames: int, fps: float
) -> None:
    track, feet = tracked(frames, fps)
    joints = (track.poses_mm + track.root_mm[:, :, None])[0].astype(np.float64)
    done = standing(track, [(joints, feet)], None, VIEW, PredictOptions())
    assert done.foot_contact is None
    assert (done.poses_mm == track.poses_mm).all()
