"""Errors are drawn as they were recorded: bias by pose, spread, persistence, gaps."""

from dataclasses import replace

import numpy as np
import pytest

from overpose.layouts import BLAZEPOSE_33
from overpose.networks.keypoint_windows import MAIN_NAMES
from overpose.synthetic.detections import IMAGE_SIZE, Detections
from overpose.synthetic.detector import DetectorModel, pose_features

CLIPS, FRAMES = 40, 10
STRENGTH = np.exp(0.35**2)
"""Root mean square of the random strength of drawn errors, log-normal of deviation 0.35."""
MAIN = [BLAZEPOSE_33.names.index(name) for name in MAIN_NAMES]
LEFT, RIGHT = (BLAZEPOSE_33.names.index(f"{side}_wrist") for side in ("left", "right"))


def bodies(*, varied: bool = False) -> np.ndarray:
    """(CLIPS, FRAMES, 50, 3) points that stand still, camera axes, mm: one body, or one a clip."""
    rng = np.random.default_rng(0)
    points = rng.normal((0, 0, 4000), (300, 600, 200), (CLIPS if varied else 1, 1, 50, 3))
    return np.array(np.broadcast_to(points, (CLIPS, FRAMES, 50, 3)))


def rays_of(points: np.ndarray) -> np.ndarray:
    return points[..., :2] / points[..., 2:]


def sizes(points: np.ndarray) -> np.ndarray:
    """(..., 1, 1) rms distance of the main landmarks of (..., 33, 3) from their middle, as rays."""
    main = rays_of(points)[..., MAIN, :]
    spread = np.square(main - main.mean(axis=-2, keepdims=True)).sum(axis=-1)
    return np.sqrt(spread.mean(axis=-1))[..., None, None]


def detected(
    errors: np.ndarray, visibility: float = 0.9, *, points: np.ndarray | None = None
) -> Detections:
    """A detector that misses the landmarks by errors (CLIPS, FRAMES, 33, 2) in sizes of people."""
    points = bodies() if points is None else points
    landmarks = points[:, :, 17:]
    focal = np.full(CLIPS, 300.0)
    keypoints = np.full((CLIPS, FRAMES, 2, 33, 3), visibility)
    pixels = (rays_of(landmarks) + errors * sizes(landmarks)) * 300.0 + IMAGE_SIZE / 2
    keypoints[..., :2] = pixels[:, :, None]
    return Detections(*(array.astype(np.float32) for array in (points, focal, keypoints)))


def drawn_errors(model: DetectorModel, offsets: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """(many, T, 33, 2) what `draw` adds to the landmarks of a body, in sizes of it."""
    landmarks = np.tile(bodies()[:1, :1, 17:], (600, len(offsets), 1, 1))
    rays, scores = model.draw(landmarks, np.array(offsets), np.random.default_rng(seed))
    assert scores.shape == rays.shape[:-1]
    return (rays - rays_of(landmarks)) / sizes(landmarks)


def test_drawn_errors_spread_as_the_recorded_ones() -> None:
    """Each landmark by as much as it was seen to err: the left wrist ten times the rest."""
    spread = np.full((33, 1), 0.01)
    spread[[LEFT, RIGHT]] = 0.1
    noise = np.random.default_rng(3).normal(size=(CLIPS, FRAMES, 33, 2)) * spread
    model = DetectorModel.fit(detected(noise))
    errors = drawn_errors(model, (0,))
    rms = np.sqrt(np.square(errors - errors.mean(axis=0)).mean(axis=(0, 1, 3)))
    assert np.allclose(rms, spread[:, 0] * STRENGTH, rtol=0.35)
    assert (rms / spread[:, 0]).mean() == pytest.approx(STRENGTH, rel=0.05)


def test_drawn_errors_last_as_long_as_the_recorded_ones() -> None:
    """Errors that alternate from frame to frame alternate in windows, lasting ones last."""
    constant = np.random.default_rng(4).normal(0, 0.05, (CLIPS, 1, 33, 2))
    constant -= constant.mean(axis=0)  # no bias
    lasting = np.repeat(constant, FRAMES, axis=1)
    alternating = lasting * np.where(np.arange(FRAMES) % 2, 1.0, -1.0)[:, None, None]
    for noise, sign in ((lasting, 1.0), (alternating, -1.0)):
        errors = drawn_errors(DetectorModel.fit(detected(noise)), (-1, 0, 1))
        inner = (np.abs(errors[:, 1] - sign * errors[:, 2]) < 1e-3).all(axis=(1, 2))
        # At a stretch's ends windows repeat a frame, so that one in ten may be wrong on each side.
        assert inner.mean() > 0.8
        assert np.abs(errors).mean() > 0.02


def test_drawn_errors_are_mirrored_with_their_landmarks_half_the_time() -> None:
    """What was recorded of the left wrist, outwards, errs as often on the right, outwards."""
    noise = np.zeros((CLIPS, FRAMES, 33, 2))
    noise[::2, :, LEFT, 0], noise[1::2, :, LEFT, 0] = 0.2, -0.2
    model = DetectorModel.fit(detected(noise))
    errors = drawn_errors(model, (0,))[:, 0]
    left = np.abs(errors[:, LEFT, 0]) > np.abs(errors[:, RIGHT, 0])
    assert 0.4 < left.mean() < 0.6
    one = replace(model, residuals=model.residuals[:1])
    sides = drawn_errors(one, (0,))[:, 0]
    stronger = np.where(np.abs(sides[:, LEFT, 0]) > np.abs(sides[:, RIGHT, 0]), LEFT, RIGHT)
    chosen = sides[np.arange(len(sides)), stronger, 0]
    assert len({*np.sign(chosen[stronger == LEFT])}) == 1
    assert set(np.sign(chosen[stronger == LEFT])) == {
        -s for s in np.sign(chosen[stronger == RIGHT])
    }


def test_of_several_errors_that_of_the_pose_most_alike_is_drawn() -> None:
    """Half of the bodies hide the left wrist; who looks like them, errs there, and who looks like
    them in a mirror, at the right."""
    points = bodies(varied=True)
    hides, shows = points[0], points[1]
    points[::2], points[1::2] = hides, shows
    noise = np.zeros((CLIPS, FRAMES, 33, 2))
    noise[::2, :, LEFT] = np.random.default_rng(5).normal(0, 0.1, (CLIPS // 2, 1, 2))
    model = DetectorModel.fit(detected(noise, points=points))
    model = replace(model, weights=np.zeros_like(model.weights))

    def errs(landmarks: np.ndarray, choices: int) -> np.ndarray:
        """(33,) how far windows of it are off, on average."""
        windows = np.tile(landmarks[:1], (300, 1, 1))[:, None]
        rng = np.random.default_rng(0)
        rays, _ = model.draw(windows, np.zeros(1, np.int64), rng, choices=choices)
        return np.abs(rays - rays_of(windows)).mean(axis=(0, 1, 3)) / sizes(windows)[0, 0]

    hidden, shown = hides[:, 17:], shows[:, 17:]
    one = errs(hidden, 1)[0]
    assert one[LEFT] == pytest.approx(one[RIGHT], rel=0.3)
    many = errs(hidden, 40)[0]
    assert many[LEFT] > 3 * one[LEFT]
    assert many[RIGHT] < 0.01 * many[LEFT]
    mirrored = errs(BLAZEPOSE_33.mirrored(hidden), 40)[0]
    assert mirrored[RIGHT] > 3 * one[LEFT]
    assert mirrored[LEFT] < 0.01 * mirrored[RIGHT]
    assert errs(shown, 40).max() < 0.01 * many[LEFT]


def test_the_bias_follows_the_pose() -> None:
    """A detector that draws the left wrist towards the mid-hip does so for a new person too."""
    people = bodies(varied=True)
    points = people[:, :, 17:]
    rays, names = rays_of(points), BLAZEPOSE_33.names
    hips = rays[:, :, [names.index("left_hip"), names.index("right_hip")]].mean(axis=2)
    pull = np.zeros((CLIPS, FRAMES, 33, 2))
    pull[:, :, LEFT] = 0.3 * (hips - rays[:, :, LEFT]) / sizes(points)[..., 0]
    model = DetectorModel.fit(detected(pull, points=people))
    landmarks = points[:, :1]
    model = replace(model, residuals=np.zeros_like(model.residuals))
    found, _ = model.draw(landmarks, np.zeros(1, np.int64), np.random.default_rng(0))
    errors = ((found - rays_of(landmarks)) / sizes(landmarks))[:, 0, LEFT]
    agreement = np.corrcoef(errors.ravel(), pull[:, 0, LEFT].ravel())[0, 1]
    assert agreement > 0.9


def test_an_error_common_to_all_is_found_from_few_frames() -> None:
    few = detected(np.full((CLIPS, FRAMES, 33, 2), 0.4))
    few = Detections(few.points_mm[:1, :2], few.focal_px[:1], few.keypoints_px[:1, :2])
    assert drawn_errors(DetectorModel.fit(few), (0,)) == pytest.approx(0.4, abs=1e-3)


def test_the_bias_depends_on_neither_place_nor_size_of_the_person() -> None:
    landmarks = bodies(varied=True)[:5, 0, 17:]
    features = pose_features(landmarks)
    assert (features[:, 0] == 1).all()
    assert np.allclose(pose_features(1.7 * landmarks + (500, -300, 900)), features)


@pytest.mark.parametrize("visibility", [0.2, 0.9])
def test_scores_are_the_recorded_visibilities(visibility: float) -> None:
    model = DetectorModel.fit(detected(np.zeros((CLIPS, FRAMES, 33, 2)), visibility))
    landmarks = bodies()[:20, :1, 17:]
    _, scores = model.draw(landmarks, np.zeros(1, np.int64), np.random.default_rng(0))
    assert np.allclose(scores, visibility, atol=0.01)


def test_frames_in_which_nobody_was_found_are_drawn_as_gaps() -> None:
    found = detected(np.zeros((CLIPS, FRAMES, 33, 2)))
    found.keypoints_px[:10] = np.nan
    errors = drawn_errors(DetectorModel.fit(found), (-1, 0, 1))
    lost = np.isnan(errors).all(axis=(2, 3))
    assert (lost == np.isnan(errors).any(axis=(2, 3))).all()
    assert lost.mean() == pytest.approx(10 / CLIPS, abs=0.05)
    assert (lost == lost[:, :1]).all()
