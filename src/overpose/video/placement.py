"""Where a person stands: the pelvis in camera space, and absolute scale.

The camera is a pinhole with square pixels, no distortion and its principal point in the middle of
the image; measured cameras belong to `overpose.camera`.
"""

import math

import numpy as np

from overpose.skeleton import HUMAN36M
from overpose.support.checks import check_array
from overpose.support.errors import InputError

ANKLE_HEIGHT_SHARE = 0.039
"""Height of the ankle above the ground as a share of stature (Drillis and Contini 1966, as given in
Winter, "Biomechanics and Motor Control of Human Movement", 2009, figure 4.1)."""

_JOINTS_NEEDED = 4
_NEAREST_MM = 100.0
_ROUNDS = 12


def place_root(
    poses_mm: np.ndarray,
    keypoints_px: np.ndarray,
    focal_px: float,
    width: int,
    height: int,
) -> np.ndarray:
    """The root position from which each pose projects onto its keypoints.

    The pinhole equations are linear in the unknown translation; their weighted least-squares
    solution starts Gauss-Newton rounds on the distances in the image, in which joints far off lose
    their weight (Geman and McClure's weights, with a width that comes down to 1.5 times the median
    distance of each frame). Every frame is by itself.

    Args:
        poses_mm: (frames, 17, 3) mm, root-relative, camera axes; NaN where not seen.
        keypoints_px: (frames, 17, 3) x, y px and score of the same joints; NaN x, y = missing. The
            score weighs the joint.
        focal_px: focal length, pixels.
        width: of the image, pixels.
        height: of the image, pixels.

    Returns:
        (frames, 3) float32 mm in camera coordinates, every joint in front of the camera; NaN where
        fewer than four joints have both a position and a keypoint with a score above zero, or
        those all fall on one point.

    Raises:
        InputError: wrong shapes, or a focal length that is not positive.
    """
    joints = len(HUMAN36M)
    check_array("poses_mm", poses_mm, ("frames", joints, 3))
    check_array("keypoints_px", keypoints_px, (len(poses_mm), joints, 3))
    if not (math.isfinite(focal_px) and focal_px > 0):
        raise InputError(f"focal_px: got {focal_px}, expected a positive number of pixels")
    middle = np.array([width, height]) / 2
    rays = (keypoints_px[..., :2].astype(np.float64) - middle) / focal_px
    points = poses_mm.astype(np.float64)
    weights = np.where(np.isfinite(keypoints_px[..., 2]), keypoints_px[..., 2], 0.0)
    usable = np.isfinite(rays).all(-1) & np.isfinite(points).all(-1) & (weights > 0)
    weights = np.where(usable, np.clip(weights, 0.0, 1.0), 0.0).astype(np.float64)
    rays, points = np.where(usable[..., None], rays, 0.0), np.where(usable[..., None], points, 0.0)

    found = np.full((len(points), 3), np.nan)
    enough = usable.sum(axis=-1) >= _JOINTS_NEEDED
    spread = np.where(enough, _spread(rays, weights), 0.0)
    chosen = np.flatnonzero((spread > 1e-6) & (_spread(points[..., :2], weights) > 1e-6))
    if len(chosen):
        points, rays, weights = points[chosen], rays[chosen], weights[chosen]
        root = _linear(points, rays, weights)
        apart = _weak_perspective(points, rays, weights)
        behind = ~(_nearest(points, root, weights) > _NEAREST_MM)
        root[behind] = apart[behind]
        found[chosen] = _refined(points, rays, weights, root)
    return found.astype(np.float32)


def stature_mm(poses_mm: np.ndarray) -> float:
    """Standing height that the poses of one person imply, mm.

    (ankle-knee + knee-hip, left and right averaged, + pelvis-spine + spine-neck + neck-head top)
    / (1 - 0.039): medians of these distances over the frames, and the ankle's height above the
    ground as a share of stature. How the person bends does not matter.

    Args:
        poses_mm: (frames, 17, 3), mm; NaN where not seen.

    Raises:
        InputError: wrong shape, or no frame has all these joints.
    """
    check_array("poses_mm", poses_mm, ("frames", len(HUMAN36M), 3))
    sides = [
        (f"{side}_{above}", f"{side}_{below}")
        for side in ("left", "right")
        for above, below in (("hip", "knee"), ("knee", "ankle"))
    ]
    trunk = [("pelvis", "spine"), ("spine", "neck"), ("neck", "head_top")]
    ends = np.array([[HUMAN36M.index(name) for name in pair] for pair in (*sides, *trunk)])
    lengths = np.linalg.norm(poses_mm[:, ends[:, 0]] - poses_mm[:, ends[:, 1]], axis=-1)
    lengths = lengths[np.isfinite(lengths).all(axis=-1)]
    if len(lengths) == 0:
        raise InputError("poses_mm: no frame has a whole pose, so there is no height to scale")
    typical = np.median(lengths.astype(np.float64), axis=0)
    chain = typical[: len(sides)].sum() / 2 + typical[len(sides) :].sum()
    return float(chain / (1 - ANKLE_HEIGHT_SHARE))


def scale_to_height(
    poses_mm: np.ndarray, root_mm: np.ndarray, height_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scale one person so that `stature_mm` becomes the given height.

    The image stays the same: pose and distance grow together.

    Args:
        poses_mm: (frames, 17, 3), mm.
        root_mm: (frames, 3), mm in camera coordinates.
        height_m: standing height without shoes, metres.

    Returns:
        Scaled poses and roots, of the shapes and dtypes given.

    Raises:
        InputError: the height is not between 0.3 and 2.8 m, or no frame has a whole pose.
    """
    if not 0.3 <= height_m <= 2.8:
        raise InputError(f"height: got {height_m} m, expected 0.3 to 2.8 (metres)")
    check_array("root_mm", root_mm, (len(poses_mm), 3))
    scale = 1000 * height_m / stature_mm(poses_mm)
    return (poses_mm * scale).astype(poses_mm.dtype), (root_mm * scale).astype(root_mm.dtype)


def _linear(points: np.ndarray, rays: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(frames, 3): least squares of t_x - u t_z = u Z - X and the same for y, v."""
    rows = np.zeros((*points.shape[:2], 2, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -rays
    sides = rays * points[..., 2:] - points[..., :2]
    return _solve(rows, sides, weights)


def _refined(
    points: np.ndarray, rays: np.ndarray, weights: np.ndarray, root: np.ndarray
) -> np.ndarray:
    """(frames, 3): robust Gauss-Newton on the distances in the image."""
    size = np.sqrt(_spread(rays, weights))[:, None]
    for round_ in range(_ROUNDS):
        placed = points + root[:, None]
        depth = np.maximum(placed[..., 2:], _NEAREST_MM)
        seen_at = placed[..., :2] / depth
        misses = rays - seen_at
        distance = np.linalg.norm(misses, axis=-1)
        typical = _weighted_median(distance, weights)[:, None]
        width = np.maximum(1.5 * typical, max(1.0 / (round_ + 1) ** 2, 0.02) * size)
        robust = weights / (1 + (distance / width) ** 2) ** 2
        rows = np.zeros((*points.shape[:2], 2, 3))
        rows[..., 0, 0] = rows[..., 1, 1] = 1
        rows[..., 2] = -seen_at
        rows /= depth[..., None]
        step = _solve(rows, misses, robust)
        deep = (weights * depth[..., 0]).sum(axis=-1) / weights.sum(axis=-1)
        root = (
            root + step * np.minimum(1.0, 0.5 * deep / np.maximum(abs(step[:, 2]), 1e-9))[:, None]
        )
        root[:, 2] = np.maximum(root[:, 2], _NEAREST_MM - _lowest(points, weights))
    return root


def _weak_perspective(points: np.ndarray, rays: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(frames, 3): depth from the ratio of sizes, always in front of the camera."""
    depth = np.sqrt(_spread(points[..., :2], weights) / _spread(rays, weights))
    depth = np.maximum(depth, 2 * _NEAREST_MM - _lowest(points, weights))
    share = weights / weights.sum(axis=-1, keepdims=True)
    aside = (share[..., None] * (rays * depth[:, None, None] - points[..., :2])).sum(axis=1)
    return np.column_stack([aside, depth])


def _solve(rows: np.ndarray, sides: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted least squares of (frames, joints, 2, 3) rows; barely damped, so never singular."""
    normal = np.einsum("fj,fjki,fjkl->fil", weights, rows, rows)
    right = np.einsum("fj,fjki,fjk->fi", weights, rows, sides)
    damping = 1e-12 * np.trace(normal, axis1=1, axis2=2)
    normal += np.maximum(damping, 1e-300)[:, None, None] * np.eye(3)
    return np.linalg.solve(normal, right[..., None])[..., 0]


def _spread(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(frames,): weighted variance of (frames, joints, 2) about its mean."""
    share = (weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-12))[..., None]
    mean = (share * values).sum(axis=1, keepdims=True)
    return (share * (values - mean) ** 2).sum(axis=(1, 2))


def _lowest(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(frames,): the least z of the joints that count."""
    return np.where(weights > 0, points[..., 2], np.inf).min(axis=-1)


def _nearest(points: np.ndarray, root: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return _lowest(points, weights) + root[:, 2]


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(frames,) of (frames, joints)."""
    order = np.argsort(values, axis=-1)
    share = np.take_along_axis(weights, order, axis=-1).cumsum(axis=-1)
    at = (share >= 0.5 * share[:, -1:]).argmax(axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    return np.take_along_axis(ordered, at[:, None], axis=-1)[:, 0]
