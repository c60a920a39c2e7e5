"""People seen by several calibrated cameras: who is who between them, and where their points are.

A reference for videos that have none. It is made of the keypoints themselves: it knows their depth,
and shares their idea of where a joint is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from overpose.camera import Camera

TRUSTED = 0.006
"""A keypoint that far from where its point is seen counts half; in longer sides of the image."""
SAME = 0.025
"""Keypoints that lie farther from their point than that, in the median, are not of one person."""
_ROUNDS = 8
_COMPARED = 24
"""Frames by which tracks of different cameras are compared."""


@dataclass(frozen=True, eq=False)
class TriangulatedPerson:
    """One person in the world.

    Attributes:
        points_mm: (frames, K, 3) world; NaN where fewer than two cameras see the point.
        tracks: for each camera, which of its tracks this is; None: it has none.
        residuals_px: for each camera, the median distance from the keypoints to where the points of
            the other cameras are seen; NaN where it has no track.
    """

    points_mm: np.ndarray
    tracks: tuple[int | None, ...]
    residuals_px: tuple[float, ...]


def triangulate(cameras: Sequence[Camera], keypoints_px: np.ndarray) -> np.ndarray:
    """Points that fit the keypoints of several cameras.

    The point nearest to the rays, these weighted by score and, over again, by how near to the
    keypoint the point is seen (Cauchy's weights), so that a camera that errs is outvoted.

    Args:
        cameras: V of them.
        keypoints_px: (V, ..., 3) x, y, score; NaN where not seen.

    Returns:
        (..., 3) float64 world, mm; NaN where fewer than two cameras see the point.
    """
    seen = np.asarray(np.isfinite(keypoints_px).all(axis=-1))
    places = np.where(seen[..., None], keypoints_px, 0.0).astype(np.float64)
    scores = np.where(seen, np.maximum(places[..., 2], 1e-3), 0.0)
    across, start = [], []
    for camera, place in zip(cameras, places, strict=True):
        far = camera.unproject(place[..., :2], 1000.0) - camera.position_mm
        ray = far / np.linalg.norm(far, axis=-1, keepdims=True)
        across.append(np.eye(3) - ray[..., :, None] * ray[..., None, :])
        start.append(across[-1] @ camera.position_mm)
    enough = seen.sum(axis=0) >= 2
    weights = scores
    points = np.zeros((*enough.shape, 3))
    for _ in range(_ROUNDS):
        matrix = np.einsum("v...,v...ij->...ij", weights, np.stack(across))
        vector = np.einsum("v...,v...i->...i", weights, np.stack(start))
        matrix[~enough] = np.eye(3)
        points = np.linalg.solve(matrix, vector[..., None])[..., 0]
        weights = np.stack(
            [
                score * _trust(camera, points, place[..., :2])
                for camera, score, place in zip(cameras, scores, places, strict=True)
            ]
        )
    return np.where(enough[..., None], points, np.nan)


def triangulate_people(
    cameras: Sequence[Camera], tracks_px: Sequence[np.ndarray]
) -> list[TriangulatedPerson]:
    """Everybody whom two cameras or more see alike, who is seen by the most of them first.

    Args:
        cameras: V of them, in step.
        tracks_px: for each camera (people, frames, K, 3) x, y, score; NaN where not seen. Frames
            beyond the shortest are left out.
    """
    frames = min(tracks.shape[1] for tracks in tracks_px)
    tracks = [each[:, :frames] for each in tracks_px]
    few = [each[:, :: max(1, frames // _COMPARED)] for each in tracks]
    sizes = np.array([max(camera.width, camera.height) for camera in cameras])
    fits: list[tuple[int, float, tuple[int | None, ...]]] = []
    for chosen in product(*([None, *range(len(each))] for each in tracks)):
        count = sum(place is not None for place in chosen)
        if count >= 2:
            worst = float(np.nanmax(np.array(_residuals(cameras, few, chosen)) / sizes))
            if worst <= SAME:
                fits.append((-count, worst, chosen))
    people: list[TriangulatedPerson] = []
    taken: set[tuple[int, int]] = set()
    for _, _, chosen in sorted(fits, key=lambda fit: fit[:2]):
        members = {(view, place) for view, place in enumerate(chosen) if place is not None}
        if not members & taken:
            taken |= members
            points = _points(cameras, tracks, chosen, {view for view, _ in members})
            residuals = _residuals(cameras, tracks, chosen)
            people.append(TriangulatedPerson(points, chosen, residuals))
    return people


def seen_distances_px(
    camera: Camera, points_mm: np.ndarray, keypoints_px: np.ndarray
) -> np.ndarray:
    """(...) pixels from keypoints (..., 2 or more) to where a camera sees points (..., 3)."""
    return np.linalg.norm(camera.project(points_mm) - keypoints_px[..., :2], axis=-1)


def _trust(camera: Camera, points_mm: np.ndarray, places_px: np.ndarray) -> np.ndarray:
    """Weights of squared distances from rays: as of pixels, robust."""
    depth = np.maximum(camera.to_camera_mm(points_mm)[..., 2] / 1000.0, 0.1)
    distance = np.nan_to_num(seen_distances_px(camera, points_mm, places_px), nan=1e6)
    limit = TRUSTED * max(camera.width, camera.height)
    return 1.0 / (np.square(depth) * (1.0 + np.square(distance / limit)))


def _points(
    cameras: Sequence[Camera],
    tracks: Sequence[np.ndarray],
    chosen: Sequence[int | None],
    views: set[int],
) -> np.ndarray:
    stacked = np.stack([tracks[view][chosen[view]] for view in sorted(views)])
    return triangulate([cameras[view] for view in sorted(views)], stacked)


def _residuals(
    cameras: Sequence[Camera], tracks: Sequence[np.ndarray], chosen: Sequence[int | None]
) -> tuple[float, ...]:
    """Of each camera against the others, or, where there is one other, against both."""
    views = {view for view, place in enumerate(chosen) if place is not None}
    residuals = [float("nan")] * len(cameras)
    for view in views:
        others = views - {view} if len(views) > 2 else views
        points = _points(cameras, tracks, chosen, others)
        distances = seen_distances_px(cameras[view], points, tracks[view][chosen[view]])
        known = distances[np.isfinite(distances)]
        residuals[view] = float(np.median(known)) if known.size else float("inf")
    return tuple(residuals)
