"""How alike people are in place and pose, and which results lie on one body, within one frame.

Who is who from frame to frame belongs to `tracking`. Works on keypoints of any layout.
"""

from collections.abc import Sequence

import numpy as np

_TOLERANCE = 0.25
"""Distance, in body sizes, at which a keypoint's likeness has come down to 0.61."""
_DUPLICATE_DISTANCE = 0.12
_DUPLICATE_SHARE = 0.65
_SHARED_BOX = 0.3
_CLEARLY_WEAKER = 0.92
"""A result that shares more than this part of a box with one whose score, times this, is still
higher may be a part of the same body: it starts nobody and brings nobody back."""


def keypoint_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How alike people are in place and pose: 1 for the same keypoints, towards 0 when far apart.

    The mean over the keypoints that both have, weighed by their scores, of exp(-d²/(2 (0.25 s)²)),
    d their distance and s the mean of the two sizes (half the diagonal of the box); after COCO's
    object keypoint similarity, with one width for all keypoints.

    Args:
        first: (N, K, 3) x, y px and score; NaN x, y = missing.
        second: (M, K, 3).

    Returns:
        (N, M); 0 for pairs that share fewer than three keypoints.
    """
    distance, weight = _distances(first, second)
    likeness = (weight * np.exp(-0.5 * (distance / _TOLERANCE) ** 2)).sum(axis=-1)
    shared = (weight > 0).sum(axis=-1)
    return np.where(shared >= 3, likeness / np.maximum(weight.sum(axis=-1), 1e-9), 0.0)


def suppress_duplicates(people: Sequence[np.ndarray]) -> list[int]:
    """Leave out results that lie on the same body as a better one.

    Two results are of one body when nearly two thirds of their keypoints (0.65, weighed by score)
    are no further apart than 0.12 of its size, half the diagonal of the box. People who only
    overlap in the image are kept.

    Args:
        people: (K, 3) each: x, y px and score; NaN x, y = missing.

    Returns:
        Indices to keep, ascending; of each body that with the highest sum of scores.
    """
    if len(people) < 2:
        return list(range(len(people)))
    found = np.stack(people).astype(np.float64)
    distance, weight = _distances(found, found)
    total = weight.sum(axis=-1)
    close = (weight * (distance <= _DUPLICATE_DISTANCE)).sum(axis=-1)
    same = ((weight > 0).sum(axis=-1) >= 3) & (close >= _DUPLICATE_SHARE * total)
    quality = total_scores(found)
    kept: list[int] = []
    for index in np.argsort(-quality, kind="stable"):
        if not any(same[index, other] for other in kept):
            kept.append(int(index))
    return sorted(kept)


def _distances(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, M, K): distances in body sizes, and weights, zero where a keypoint is not shared."""
    size = (middle_and_size(first)[1][:, None] + middle_and_size(second)[1][None]) / 2
    apart = np.linalg.norm(first[:, None, :, :2] - second[None, :, :, :2], axis=-1)
    score = np.nan_to_num(first[:, None, :, 2]) * np.nan_to_num(second[None, :, :, 2])
    shared = np.isfinite(apart)
    weight = np.where(shared, 0.05 + np.sqrt(np.clip(score, 0, 1)), 0.0)
    return np.where(shared, apart, 0.0) / size[..., None], weight


def body_size(person: np.ndarray) -> float:
    """Half the diagonal of the box of keypoints (K, 3) x, y px, score; at least 1 px."""
    return float(middle_and_size(person[None])[1][0])


def middle_and_size(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) medians and (N,) sizes: half the diagonal of the box of the keypoints, at least 1."""
    middles, sizes = np.zeros((len(people), 2)), np.ones(len(people))
    for index, person in enumerate(people):
        points = _clear(person)
        if len(points):
            middles[index] = median(points)
            sizes[index] = max(1.0, float(np.linalg.norm(np.ptp(points, axis=0))) / 2)
    return middles, sizes


def median(points: np.ndarray) -> np.ndarray:
    """(2,) of points (n, 2), none of which is missing: `np.median` takes five times as long."""
    ordered = np.sort(points, axis=0)
    return (ordered[(len(points) - 1) // 2] + ordered[len(points) // 2]) / 2


def _clear(person: np.ndarray) -> np.ndarray:
    """(n, 2): the keypoints that are not missing, without poor ones if enough others remain."""
    seen = np.isfinite(person[:, :2]).all(axis=-1)
    good = seen & (person[:, 2] >= 0.3)
    return person[good if good.sum() >= 4 else seen, :2]


def box_area(person: np.ndarray) -> float:
    """Of the box of keypoints (K, 3) x, y px, score: px²; 0 where none is there."""
    points = _clear(person)
    return float(np.prod(np.ptp(points, axis=0))) if len(points) else 0.0


def overlaps(people: np.ndarray) -> np.ndarray:
    """(N, N): the part of the smaller of two boxes that both cover; 0 for oneself."""
    points = [_clear(person) for person in people]
    low = np.array([p.min(axis=0) if len(p) else (np.inf, np.inf) for p in points]).reshape(-1, 2)
    high = np.array([p.max(axis=0) if len(p) else (-np.inf,) * 2 for p in points]).reshape(-1, 2)
    common = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
    area = np.array([box_area(person) for person in people])
    smaller = np.maximum(np.minimum(area[:, None], area[None]), 1e-9)
    share = np.where((common > 0).all(axis=-1), common.clip(min=0).prod(axis=-1), 0.0) / smaller
    np.fill_diagonal(share, 0.0)
    return share


def total_scores(people: np.ndarray) -> np.ndarray:
    """(N,) sums of the scores of the keypoints (N, K, 3) that are not missing."""
    seen = np.isfinite(people[..., 0] + people[..., 1])
    return np.where(seen, np.nan_to_num(people[..., 2]), 0.0).sum(axis=-1)


def weaker(people: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """(N,) bool: who shares much of a box with a clearly surer result."""
    seen = np.isfinite(people[..., 0] + people[..., 1])
    score = total_scores(people) / np.maximum(seen.sum(axis=-1), 1)
    return ((overlap > _SHARED_BOX) & (score[:, None] < _CLEARLY_WEAKER * score[None])).any(axis=-1)
