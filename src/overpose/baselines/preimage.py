"""Pre-images: the poses whose features are nearest to given ones, many at once.

Quasi-Newton (BFGS) with a dense matrix for each pose: 51 numbers are few. Which features, is said
by the caller's function.
"""

from collections.abc import Callable

import numpy as np

Objective = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From points (n, D) and their numbers (n,) to values (n,) and gradients (n, D)."""

_ENOUGH_DESCENT = 1e-4
_HALVINGS = 25


def minimize_batch(
    objective: Objective,
    start: np.ndarray,
    *,
    iterations: int = 50,
    tolerance: float = 1e-8,
) -> np.ndarray:
    """Minimise many small problems at once, each by itself, by BFGS with backtracking.

    A problem ends when a step lowers its value by less than `tolerance`, when no step lowers it, or
    after `iterations` steps.

    Args:
        objective: values and gradients at points; it is told which problems are asked for.
        start: (N, D).
        iterations: most steps of each.
        tolerance: least descent of a step.

    Returns:
        (N, D) float64, no worse than `start`.
    """
    point = start.astype(np.float64)
    count, size = point.shape
    value, gradient = objective(point, np.arange(count))
    inverse = np.tile(np.eye(size), (count, 1, 1))
    fresh = np.ones(count, bool)
    active = np.arange(count)
    for _ in range(iterations):
        if not len(active):
            break
        step = -np.einsum("nij,nj->ni", inverse[active], gradient[active])
        slope = (step * gradient[active]).sum(axis=1)
        uphill = slope >= 0
        inverse[active[uphill]] = np.eye(size)
        step[uphill] = -gradient[active[uphill]]
        slope[uphill] = -(gradient[active[uphill]] ** 2).sum(axis=1)
        moved, new_value, new_gradient, found = _searched(
            objective, point, value, active, step, slope
        )
        descent = value[active] - new_value
        change, turn = moved - point[active], new_gradient - gradient[active]
        point[active] = moved
        value[active] = new_value
        gradient[active] = new_gradient
        curved = (change * turn).sum(axis=1)
        good = found & (curved > 1e-12 * np.maximum((turn**2).sum(axis=1), 1e-300))
        _update(inverse, active[good], change[good], turn[good], curved[good], fresh)
        active = active[found & (descent > tolerance)]
    return point


def _searched(
    objective: Objective,
    point: np.ndarray,
    value: np.ndarray,
    active: np.ndarray,
    step: np.ndarray,
    slope: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """New points, values and gradients of the active problems, and which of them moved."""
    moved = point[active].copy()
    new_value, new_gradient = value[active].copy(), np.zeros_like(step)
    found = np.zeros(len(active), bool)
    share = np.ones(len(active))
    for _ in range(_HALVINGS):
        left = np.flatnonzero(~found)
        if not len(left):
            break
        tried = point[active[left]] + share[left, None] * step[left]
        at, towards = objective(tried, active[left])
        enough = at <= value[active[left]] + _ENOUGH_DESCENT * share[left] * slope[left]
        chosen = left[enough]
        moved[chosen], new_value[chosen] = tried[enough], at[enough]
        new_gradient[chosen] = towards[enough]
        found[chosen] = True
        share[left[~enough]] /= 2
    return moved, new_value, new_gradient, found


def _update(
    inverse: np.ndarray,
    which: np.ndarray,
    change: np.ndarray,
    turn: np.ndarray,
    curved: np.ndarray,
    fresh: np.ndarray,
) -> None:
    """BFGS's update of the inverse Hessians, the first one scaled (Nocedal and Wright 6.17)."""
    first = fresh[which]
    scale = curved / (turn**2).sum(axis=1)
    inverse[which[first]] *= scale[first, None, None]
    fresh[which] = False
    rho = 1 / curved
    turned = np.einsum("nij,nj->ni", inverse[which], turn)
    both = np.einsum("ni,nj->nij", turned, change)
    along = rho * (1 + rho * (turn * turned).sum(axis=1))
    inverse[which] += along[:, None, None] * np.einsum("ni,nj->nij", change, change) - rho[
        :, None, None
    ] * (both + both.transpose(0, 2, 1))
