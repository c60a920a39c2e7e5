"""Lens models: how a lens bends the slopes (x / z, y / z) of rays, and the way back.

Pixels, poses and images belong elsewhere. Coefficients are in OpenCV's order for every model:
(k1, k2, p1, p2[, k3[, k4, k5, k6[, s1, s2, s3, s4]]]); missing ones are zero.
"""

import numpy as np

LENS_SIZES: dict[str, tuple[int, ...]] = {
    "pinhole": (0,),
    "opencv": (0, 4, 5, 8, 12),
    "human36m": (0, 4, 5),
}
"""The numbers of coefficients each model may have."""

_STEPS = 50
_CONVERGED = 1e-13


def distort(slopes: np.ndarray, model: str, coefficients: tuple[float, ...]) -> np.ndarray:
    """Slopes (..., 2) after the lens, from slopes (..., 2) = (x / z, y / z) before it.

    With r2 = x^2 + y^2, g = (1 + k1 r2 + k2 r2^2 + k3 r2^3) / (1 + k4 r2 + k5 r2^2 + k6 r2^3) and
    t = p1 y + p2 x:

    - "opencv": (x, y) (g + 2 t) + (p2, p1) r2 + (s1 r2 + s2 r2^2, s3 r2 + s4 r2^2), which is
      OpenCV's own formula with its terms collected.
    - "human36m": (x, y) (g + t) + (p2, p1) r2, the projection of Human3.6M's official code, in
      which the tangential cross term counts once.
    """
    if not any(coefficients):
        return slopes
    return _distort_with_jacobian(slopes, model, coefficients)[0]


def undistort(slopes: np.ndarray, model: str, coefficients: tuple[float, ...]) -> np.ndarray:
    """Slopes (..., 2) before the lens from those after it, by Newton's method.

    NaN where no slope on the unfolded part of the lens model leads to the given one.
    """
    if not any(coefficients):
        return slopes
    found = slopes.copy()
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            value, jacobian = _distort_with_jacobian(found, model, coefficients)
            step = _solve(jacobian, value - slopes)
            found = found - step
            if not (np.abs(step) > _CONVERGED * (1 + np.abs(found))).any():
                break
        value, jacobian = _distort_with_jacobian(found, model, coefficients)
        good = (np.abs(value - slopes) <= 1e-10 * (1 + np.abs(slopes))).all(axis=-1)
        # Past the fold of the lens model the image turns over: a negative eigenvalue, or two.
        good &= (_determinant(jacobian) > 0) & (jacobian[..., 0, 0] + jacobian[..., 1, 1] > 0)
    return np.where(good[..., None], found, np.nan)


def _distort_with_jacobian(
    slopes: np.ndarray, model: str, coefficients: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Distorted slopes (..., 2) and their derivatives (..., 2 outputs, 2 inputs)."""
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = (
        *coefficients,
        *(12 - len(coefficients)) * (0.0,),
    )
    tangential = 2.0 if model == "opencv" else 1.0
    x, y = slopes[..., 0], slopes[..., 1]
    r2 = x * x + y * y
    above = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    below = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
    above_slope = k1 + r2 * (2 * k2 + r2 * 3 * k3)
    below_slope = k4 + r2 * (2 * k5 + r2 * 3 * k6)
    factor = above / below + tangential * (p1 * y + p2 * x)
    per_r2 = (above_slope - below_slope * above / below) / below
    factor_x = 2 * x * per_r2 + tangential * p2
    factor_y = 2 * y * per_r2 + tangential * p1
    shift_x, shift_y = p2 + s1 + s2 * r2, p1 + s3 + s4 * r2
    value = np.stack([x * factor + shift_x * r2, y * factor + shift_y * r2], axis=-1)
    tilt_x, tilt_y = 2 * (shift_x + s2 * r2), 2 * (shift_y + s4 * r2)
    jacobian = np.stack(
        [
            np.stack([factor + x * factor_x + tilt_x * x, x * factor_y + tilt_x * y], axis=-1),
            np.stack([y * factor_x + tilt_y * x, factor + y * factor_y + tilt_y * y], axis=-1),
        ],
        axis=-2,
    )
    return value, jacobian


def _determinant(jacobian: np.ndarray) -> np.ndarray:
    product = jacobian[..., 0, 0] * jacobian[..., 1, 1]
    return np.asarray(product - jacobian[..., 0, 1] * jacobian[..., 1, 0])


def _solve(jacobian: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Solve 2x2 systems; a singular one gives infinity or NaN, not an error."""
    u, v = residual[..., 0], residual[..., 1]
    first = jacobian[..., 1, 1] * u - jacobian[..., 0, 1] * v
    second = jacobian[..., 0, 0] * v - jacobian[..., 1, 0] * u
    return np.stack([first, second], axis=-1) / _determinant(jacobian)[..., None]
