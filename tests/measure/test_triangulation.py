"""People triangulated from several cameras, with cameras and keypoints made up here."""

import numpy as np
import pytest

from overpose.camera import Camera
from overpose.measure.triangulation import triangulate, triangulate_people

FRAMES, POINTS = 6, 5


def cameras(count: int = 4) -> list[Camera]:
    angles = np.linspace(0.3, 5.2, count)
    places = [(3000 * np.cos(a), 3000 * np.sin(a), 1500.0) for a in angles]
    return [Camera.look_at(place, (0.0, 0.0, 900.0), 1500.0, 1080, 1920) for place in places]


def person(at_mm: tuple[float, float], seed: int) -> np.ndarray:
    """(frames, points, 3) world: a cloud of a body's size that moves."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(-1, 1, (POINTS, 3)) * (250, 250, 800) + (*at_mm, 900)
    return body + np.linspace(0, 200, FRAMES)[:, None, None]


def seen(camera: Camera, points: np.ndarray, noise_px: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    places = camera.project(points)
    places += rng.normal(0, noise_px, places.shape) if noise_px else 0.0
    return np.concatenate([places, np.ones((*places.shape[:-1], 1))], axis=-1).astype(np.float32)


def test_points_come_back_where_they_were() -> None:
    truth = person((0, 0), 1)
    views = cameras()
    points = triangulate(views, np.stack([seen(camera, truth) for camera in views]))
    np.testing.assert_allclose(points, truth, atol=0.1)


def test_a_camera_that_errs_is_outvoted() -> None:
    truth = person((0, 0), 1)
    views = cameras()
    keypoints = np.stack([seen(camera, truth) for camera in views])
    keypoints[2, :, 3, :2] += 300.0
    points = triangulate(views, keypoints)
    assert np.linalg.norm(points - truth, axis=-1).max() < 12.0


def test_one_camera_is_not_enough_for_a_point() -> None:
    truth = person((0, 0), 1)
    views = cameras(2)
    keypoints = np.stack([seen(camera, truth) for camera in views])
    keypoints[1, 2, 4] = np.nan
    points = triangulate(views, keypoints)
    assert np.isnan(points[2, 4]).all()
    assert np.isfinite(np.delete(points.reshape(-1, 3), 2 * POINTS + 4, axis=0)).all()


def test_people_are_told_apart_and_ghosts_belong_to_nobody() -> None:
    first, second = person((-600, 0), 1), person((600, 300), 2)
    views = cameras()
    tracks = [np.stack([seen(camera, each, 2.0) for each in (first, second)]) for camera in views]
    tracks[1] = tracks[1][::-1]
    ghost = tracks[2][:1] + np.float32(400.0)
    ghost[..., 2] = 1.0
    tracks[2] = np.concatenate([ghost, tracks[2]])
    tracks[3] = tracks[3][:1]
    people = triangulate_people(views, tracks)
    assert [each.tracks for each in people] == [(0, 1, 1, 0), (1, 0, 2, None)]
    assert np.linalg.norm(people[0].points_mm - first, axis=-1).mean() < 5.0
    assert np.linalg.norm(people[1].points_mm - second, axis=-1).mean() < 5.0
    assert max(people[0].residuals_px) == pytest.approx(2.5, abs=2.0)
    assert np.isnan(people[1].residuals_px[3])
