"""Whether the errors that a lifter expects are those that it makes: their scale, and by how much.

A lifter is calibrated where, of all joints that it expects to be off by so much, the mean distance
from the truth is so much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import rankdata

from overpose.networks.numpy_lifter import NumpyLifter
from overpose.networks.pose_predictor import PosePredictor
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.training.samples import Drawn

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Joints of which about the same is expected.

    Attributes:
        expected_mm: mean of what is expected.
        made_mm: mean distance from the truth.
        share: how many of all they are.
    """

    expected_mm: float
    made_mm: float
    share: float


@dataclass(frozen=True)
class ErrorRow:
    """How well expected errors are met.

    Attributes:
        joint: which, or "mean": all but the root.
        made_mm: mean distance from the truth.
        expected_mm: mean of what is expected.
        off_mm: expected calibration error, the mean distance of `BINS` bins from the diagonal.
        constant_off_mm: mean distance of single errors from their mean, and
        single_off_mm: from what is expected of each: less, if it tells large from small.
        rank_correlation: Spearman's, between expected and made.
    """

    joint: str
    made_mm: float
    expected_mm: float
    off_mm: float
    constant_off_mm: float
    single_off_mm: float
    rank_correlation: float


def set_scale(model: PosePredictor, drawn: Drawn) -> None:
    """Make the mean of the expected errors of each joint that of the errors made of windows."""
    expected, made = errors_of(model, drawn)
    assert model.error_head is not None  # `errors_of` has asked
    last = model.error_head[-1]
    factor = made[:, 1:].mean(axis=0) / expected[:, 1:].mean(axis=0)
    with torch.no_grad():
        last.bias[1:] += torch.from_numpy(np.log(factor)).float()  # pyright: ignore


def errors_of(model: PosePredictor | NumpyLifter, drawn: Drawn) -> tuple[np.ndarray, np.ndarray]:
    """Expected and made errors (N, 17), mm.

    Raises:
        InputError: the model expects none.
    """
    lifted = model.predict_all(drawn.features)
    if lifted.joint_error_mm is None:
        raise InputError("model: knows no expected errors; train it with error_epochs")
    made = np.linalg.norm(lifted.poses_mm - drawn.poses_mm, axis=-1)
    return lifted.joint_error_mm.astype(np.float64), made.astype(np.float64)


def bins_of(expected_mm: np.ndarray, made_mm: np.ndarray, count: int = BINS) -> list[Bin]:
    """Errors (n,) in bins of equal size, in the order of what is expected."""
    order = np.argsort(expected_mm, kind="stable")
    parts = [part for part in np.array_split(order, count) if len(part)]
    return [
        Bin(float(expected_mm[part].mean()), float(made_mm[part].mean()), len(part) / len(order))
        for part in parts
    ]


def calibration_error_mm(bins: Sequence[Bin]) -> float:
    """Mean distance of bins from the diagonal."""
    return sum(each.share * abs(each.expected_mm - each.made_mm) for each in bins)


def error_rows(expected_mm: np.ndarray, made_mm: np.ndarray) -> list[ErrorRow]:
    """A row for each joint but the root, then one for all, of errors (N, 17)."""
    rows = []
    joints = {name: [place] for place, name in enumerate(HUMAN36M.joint_names) if place > 0}
    for name, places in {**joints, "mean": list(range(1, len(HUMAN36M)))}.items():
        expected, made = expected_mm[:, places].ravel(), made_mm[:, places].ravel()
        varies = np.ptp(expected) > 0 and np.ptp(made) > 0
        rows.append(
            ErrorRow(
                name,
                float(made.mean()),
                float(expected.mean()),
                calibration_error_mm(bins_of(expected, made)),
                float(np.abs(made - made.mean()).mean()),
                float(np.abs(made - expected).mean()),
                float(np.corrcoef(rankdata(expected), rankdata(made))[0, 1]) if varies else 0.0,
            )
        )
    return rows
