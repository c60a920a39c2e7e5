"""Measures of pose error and of how steady and well proportioned bodies are.

Which samples are compared, and the tables made of the numbers, belong to `measure` and `report`.

What all measures share:

- Poses are floating numpy arrays (..., joints, 3); a prediction and its target have the same
  shape, unit and frame. Nothing is centred unless a measure says so. Lengths come back in the
  input's unit.
- The result is a float: the mean over everything counted, every counted joint weighing the same;
  NaN when nothing is counted. With `per_pose=True` it is an array (...), the mean over each pose's
  counted joints, NaN for a pose without any.
- `mask` is a boolean array (...) or (..., joints), True for what counts; it chooses what is
  averaged. Alignments use every joint that is finite in both poses, counted or not, so put NaN
  where there is no label. Values that are not finite are refused where they count.

All raise InputError for a wrong type, dtype or shape, or a value that counts and is not finite.
"""

import numpy as np

from overpose.skeleton import HUMAN36M, Skeleton
from overpose.support.checks import check_array
from overpose.support.errors import InputError

AUC_THRESHOLDS_MM = np.arange(0.0, 151.0, 5.0)
"""(31,) the thresholds of `auc`: 0, 5, ..., 150 mm, those of MPI-INF-3DHP's own code."""


def mpjpe(
    predicted: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    per_pose: bool = False,
) -> float | np.ndarray:
    """Mean per-joint position error: the mean distance between joints, nothing aligned.

    Args:
        predicted: (..., joints, 3) poses.
        target: the same shape.
        mask: (...) or (..., joints) bool, what counts; None for everything.
        per_pose: whether to give one value a pose, (...), rather than one number.
    """
    points, truth, counted = _checked_pair(predicted, target, mask)
    return _average(_distances(points, truth), counted, per_pose)


def p_mpjpe(
    predicted: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    per_pose: bool = False,
) -> float | np.ndarray:
    """MPJPE after each predicted pose is aligned to its target by `align_similarity`.

    Arguments as for `mpjpe`. Also called PA-MPJPE, and protocol 2 on Human3.6M.
    """
    points, truth, counted = _checked_pair(predicted, target, mask)
    return _average(_distances(_align_similarity(points, truth), truth), counted, per_pose)


def n_mpjpe(
    predicted: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    per_pose: bool = False,
) -> float | np.ndarray:
    """MPJPE after each predicted pose is scaled about the root by its least-squares scale.

    Both poses are first moved so that joint 0, the root, is at the origin: input that is not
    centred is centred here. With p and t the centred poses the scale is <p, t> / <p, p> (Rhodin et
    al. 2018); it may be negative, and is 0 where all predicted joints coincide. Arguments as for
    `mpjpe`.

    Raises:
        InputError: also when the root of a pose that counts is not finite.
    """
    points, truth, counted = _checked_pair(predicted, target, mask)
    rootless = counted.any(axis=-1) & ~_usable(points, truth)[..., 0]
    if rootless.any():
        raise InputError(
            f"n_mpjpe: the root is NaN or infinite in pose {np.argwhere(rootless)[0].tolist()}, "
            "about which the pose is scaled; mask the pose"
        )
    points, truth = points - points[..., :1, :], truth - truth[..., :1, :]
    usable = _usable(points, truth)[..., None]
    energy = np.where(usable, points**2, 0.0).sum(axis=(-2, -1))
    overlap = np.where(usable, points * truth, 0.0).sum(axis=(-2, -1))
    scale = _ratio(overlap, energy, otherwise=0.0)[..., None, None]
    return _average(_distances(scale * points, truth), counted, per_pose)


def pck(
    predicted: np.ndarray,
    target: np.ndarray,
    threshold_mm: float = 150.0,
    mask: np.ndarray | None = None,
    *,
    per_pose: bool = False,
) -> float | np.ndarray:
    """Fraction of correct keypoints, 0 to 1: joints less than `threshold_mm` from the target.

    Arguments as for `mpjpe`, poses in millimetres. Strictly less, as in MPI-INF-3DHP's own code
    (Mehta et al. 2017).
    """
    points, truth, counted = _checked_pair(predicted, target, mask)
    is_number = isinstance(threshold_mm, int | float | np.number) and np.isfinite(threshold_mm)
    if not is_number or threshold_mm <= 0:
        raise InputError(f"threshold_mm: got {threshold_mm!r}, expected a positive number")
    correct = _distances(points, truth) < threshold_mm
    return _average(correct.astype(np.float64), counted, per_pose)


def auc(
    predicted: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    per_pose: bool = False,
) -> float | np.ndarray:
    """Area under the PCK curve, 0 to 1: the mean of PCK over `AUC_THRESHOLDS_MM`.

    Arguments as for `mpjpe`, poses in millimetres. As in MPI-INF-3DHP's own code the threshold 0,
    which no joint can pass, is one of the 31, so a perfect prediction scores 30 / 31.
    """
    points, truth, counted = _checked_pair(predicted, target, mask)
    missed = np.searchsorted(AUC_THRESHOLDS_MM, _distances(points, truth), side="right")
    return _average(1.0 - missed / len(AUC_THRESHOLDS_MM), counted, per_pose)


def mpjve(
    predicted: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    per_pose: bool = False,
) -> float | np.ndarray:
    """Mean per-joint velocity error: MPJPE of the differences between consecutive frames.

    In the input's unit per frame (Pavllo et al. 2019): multiply by the frame rate for a speed.

    Args:
        predicted: (..., frames, joints, 3) poses in order of time, at least two frames.
        target: the same shape.
        mask: (..., frames) or (..., frames, joints) bool; a difference counts when both of its
            frames do.
        per_pose: whether to give one value a difference, (..., frames - 1).
    """
    check_array("predicted", predicted, ("...", "frames", "joints", 3))
    points, truth, counted = _checked_pair(predicted, target, mask)
    if points.shape[-3] < 2:
        raise InputError(f"mpjve: got {points.shape[-3]} frames, expected at least 2")
    both = counted[..., 1:, :] & counted[..., :-1, :]
    distances = _distances(np.diff(points, axis=-3), np.diff(truth, axis=-3))
    return _average(distances, both, per_pose)


def limb_lengths(poses: np.ndarray, skeleton: Skeleton = HUMAN36M) -> np.ndarray:
    """Lengths (..., limbs) of every limb of `skeleton`, in its order; NaN where a joint is NaN.

    Args:
        poses: (..., joints, 3).
        skeleton: whose joints these are.
    """
    check_array("poses", poses, ("...", len(skeleton), 3))
    points = _finite_or_nan(poses)
    parents, joints = skeleton.limbs.T
    return _distances(points[..., joints, :], points[..., parents, :])


def limb_length_std(
    poses: np.ndarray,
    skeleton: Skeleton = HUMAN36M,
    mask: np.ndarray | None = None,
    *,
    per_limb: bool = False,
) -> float | np.ndarray:
    """Standard deviation of limb lengths over a clip: 0 for a body that keeps its proportions.

    The population standard deviation over frames, a limb at a time, then the mean over limbs and
    clips.

    Args:
        poses: (..., frames, joints, 3).
        skeleton: whose joints these are.
        mask: (..., frames) or (..., frames, joints) bool; a limb counts in the frames in which both
            of its joints do. None for everything.
        per_limb: whether to give an array (..., limbs), NaN for a limb that never counts.
    """
    check_array("poses", poses, ("...", "frames", len(skeleton), 3))
    counted = _counted("poses", poses, mask)
    _refuse_not_finite("poses", poses, counted)
    lengths = limb_lengths(poses, skeleton=skeleton)
    used = np.asarray(counted[..., skeleton.limbs].all(axis=-1))
    frames = used.sum(axis=-2)
    total = np.where(used, lengths, 0.0).sum(axis=-2, keepdims=True)
    mean = _ratio(total, frames[..., None, :], otherwise=np.nan)
    squares = np.where(used, lengths - mean, 0.0) ** 2
    deviations = np.sqrt(_ratio(squares.sum(axis=-2), frames, otherwise=np.nan))
    if per_limb:
        return deviations
    return _average(deviations, np.asarray(frames > 0), per_pose=False)


def limb_ratio_error(
    predicted: np.ndarray,
    target: np.ndarray,
    skeleton: Skeleton = HUMAN36M,
    part: str = "full",
    mask: np.ndarray | None = None,
    *,
    per_pose: bool = False,
) -> float | np.ndarray:
    """How far the proportions between limbs are off: 0 when they are right, whatever the scale.

    The sum over pairs of limbs i < j of |log((p_i / p_j) / (t_i / t_j))|, p and t the predicted and
    the target's limb lengths, then the mean over poses. The definition is this project's own: the
    paper's Table 2 gives numbers and no formula, and this one reproduces how its three columns
    relate.

    A limb of length zero makes its pose's error NaN, and so the mean, unless masked.

    Args:
        predicted: (..., joints, 3) poses.
        target: the same shape.
        skeleton: whose joints these are.
        part: "lower", "upper" or "full": the limbs between which ratios are taken.
        mask: (...) or (..., joints) bool; a pose counts when all joints of the part's limbs do.
        per_pose: whether to give one value a pose, (...), NaN for those that do not count.
    """
    check_array("predicted", predicted, ("...", len(skeleton), 3))
    points, truth, counted = _checked_pair(predicted, target, mask)
    chosen = skeleton.limb_part(part)
    used = np.asarray(counted[..., skeleton.limbs[chosen]].all(axis=(-2, -1)))
    lengths = limb_lengths(points, skeleton=skeleton)[..., chosen]
    true_lengths = limb_lengths(truth, skeleton=skeleton)[..., chosen]
    defined = np.asarray(((lengths > 0) & (true_lengths > 0)).all(axis=-1))
    logs = np.log(_ratio(lengths, np.where(defined[..., None], true_lengths, 0.0), otherwise=1.0))
    # In ascending order the k-th of n values is the larger of k pairs and the smaller of n - 1 - k.
    ordered = np.sort(logs, axis=-1)
    weights = 2.0 * np.arange(len(chosen)) - (len(chosen) - 1)
    errors = np.where(defined, ordered @ weights, np.nan)
    if per_pose:
        return np.where(used, errors, np.nan)
    return _average(errors, used, per_pose=False)


def align_similarity(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Each predicted pose moved, turned and scaled onto its target: least squares, no reflection.

    Args:
        predicted: (..., joints, 3) poses; joints that are not finite in both poses are not fitted.
        target: the same shape.

    Returns:
        (..., joints, 3) float64. Where all fitted joints of a prediction coincide, they land on
        the target's centroid.

    Source: Umeyama 1991.
    """
    points, truth, _ = _checked_pair(predicted, target, np.zeros(np.shape(predicted)[:-1], bool))
    return _align_similarity(points, truth)


def _align_similarity(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    usable = _usable(points, truth)[..., None]
    number = usable.sum(axis=-2, keepdims=True)
    center = _ratio(np.where(usable, points, 0.0).sum(-2, keepdims=True), number, otherwise=np.nan)
    goal = _ratio(np.where(usable, truth, 0.0).sum(-2, keepdims=True), number, otherwise=np.nan)
    moved = np.where(usable, points - center, 0.0)
    wanted = np.where(usable, truth - goal, 0.0)
    left, values, right = np.linalg.svd(np.swapaxes(moved, -1, -2) @ wanted)
    signs = np.ones_like(values)
    signs[..., 2] = np.where(np.linalg.det(left) * np.linalg.det(right) < 0, -1.0, 1.0)
    turn = (left * signs[..., None, :]) @ right
    scale = _ratio((values * signs).sum(-1), (moved**2).sum(axis=(-2, -1)), otherwise=0.0)
    return scale[..., None, None] * ((points - center) @ turn) + goal


def _checked_pair(
    predicted: np.ndarray, target: np.ndarray, mask: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both poses as float64 with NaN for what is not finite, and (..., joints) what counts."""
    check_array("predicted", predicted, ("...", "joints", 3))
    check_array("target", target, ("...", "joints", 3))
    if predicted.shape != target.shape:
        raise InputError(
            f"got predicted of shape {predicted.shape} and target of shape {target.shape}, "
            "expected the same"
        )
    counted = _counted("predicted", predicted, mask)
    _refuse_not_finite("predicted", predicted, counted)
    _refuse_not_finite("target", target, counted)
    return _finite_or_nan(predicted), _finite_or_nan(target), counted


def _counted(name: str, poses: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    if mask is None:
        return np.ones(poses.shape[:-1], dtype=bool)
    if not isinstance(mask, np.ndarray | np.bool) or mask.dtype != np.bool:
        got = f"dtype {mask.dtype}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise InputError(f"mask: got {got}, expected a numpy array of bool")
    chosen = np.array(mask)
    if chosen.shape == poses.shape[:-1]:
        return chosen
    if chosen.shape == poses.shape[:-2]:
        return np.broadcast_to(chosen[..., None], poses.shape[:-1])
    raise InputError(
        f"mask: got shape {mask.shape}, expected {poses.shape[:-2]} or {poses.shape[:-1]} "
        f"for {name} of shape {poses.shape}"
    )


def _refuse_not_finite(name: str, poses: np.ndarray, counted: np.ndarray) -> None:
    bad = counted & ~np.isfinite(poses).all(axis=-1)
    if bad.any():
        raise InputError(
            f"{name}: got NaN or infinity at pose and joint {np.argwhere(bad)[0].tolist()}; "
            "expected numbers, or a mask that leaves it out"
        )


def _finite_or_nan(poses: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(poses), poses.astype(np.float64), np.nan)


def _usable(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(points + truth).all(axis=-1))


def _distances(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.sqrt(((points - truth) ** 2).sum(axis=-1))


def _average(values: np.ndarray, counted: np.ndarray, per_pose: bool) -> float | np.ndarray:
    """The mean of the counted values, over the last axis or over all; NaN for a mean of nothing."""
    axis = -1 if per_pose else None
    total = np.where(counted, values, 0.0).sum(axis=axis)
    mean = _ratio(total, counted.sum(axis=axis), otherwise=np.nan)
    return mean if per_pose else float(mean)


def _ratio(
    above: np.ndarray | np.number, below: np.ndarray | np.number, *, otherwise: float
) -> np.ndarray:
    """above / below, and `otherwise` where `below` is zero."""
    return np.where(below != 0, above / np.where(below != 0, below, 1), otherwise)
