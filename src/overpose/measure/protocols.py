"""How a method is measured: which samples, which numbers, how they are averaged and timed.

Knows nothing of how a method was trained: it gets a function from images to poses.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from overpose.datasets.store import Dataset
from overpose.methods import Adjust, Inputs, Predict, pictures
from overpose.metrics import limb_ratio_error, mpjpe, p_mpjpe
from overpose.report.rows import MEAN, MEASURES, Finishing, Row
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.progress import progress_bar

PROTOCOL = (
    "train and test subjects are disjoint; every camera gives separate monocular samples; poses in "
    "camera axes relative to the pelvis; MPJPE is the mean distance over the 17 joints, the pelvis "
    "included, in mm, without scaling or alignment; P-MPJPE is the same after a similarity "
    "Procrustes alignment of each pose (no reflection); limb-ratio error is the mean over poses of "
    "the sum over pairs of limbs of |log(predicted ratio / true ratio)|, lower body 6 limbs, upper "
    "body 10, full body 16 (our definition); mean is the unweighted mean over the actions"
)
"""The protocol in words, as printed next to every table."""


def evaluate(
    predict: Predict,
    dataset: Dataset,
    *,
    method: str,
    seed: int,
    train_s: float = 0.0,
    batch_size: int = 256,
    train_subjects: Iterable[str] | None = None,
    inputs: Inputs = "image",
    mask_channel: bool = False,
    finishing: Finishing = "none",
    adjust: Adjust | None = None,
    joint_errors: dict[str, float] | None = None,
) -> list[Row]:
    """Measure a method on the test samples of a dataset.

    Args:
        predict: maps images (n, side, side, 3) uint8 RGB to poses (n, 17, 3) float in mm, camera
            axes, root-relative.
        dataset: only its rows of split "test" are predicted.
        method: the method's name in the rows.
        seed: the seed that the method was trained with.
        train_s: seconds that its training took.
        batch_size: images per call of `predict`.
        train_subjects: subjects that some training stage has seen besides those of the dataset's
            rows of the splits "train" and "val".
        inputs, mask_channel: what `predict` takes, see `methods.pictures`.
        finishing: what `predict` does with its poses, for the rows.
        adjust: what the method does with knowledge that no image gives; its rows say so.
        joint_errors: filled with the mean distance in mm of each joint, by name, the unweighted
            mean over the actions.

    Returns:
        One row for each action, in the order in which the actions appear in the test samples, then
        the row "mean": the unweighted mean of the others.

    Raises:
        InputError: there are no test samples, a test subject was trained on, or a prediction has
            the wrong shape or holds NaN.
    """
    require_disjoint_subjects(dataset, train_subjects=train_subjects)
    test = dataset.select(dataset.splits == "test")
    if len(test) == 0:
        raise InputError("dataset: got no samples of split 'test', expected at least one")
    actions = list(dict.fromkeys(test.actions.tolist()))
    images_of = pictures(test, inputs, mask_channel=mask_channel)
    predict(images_of(np.arange(min(8, len(test)))))  # the first call may compile: not timed
    rows, distances = [], []
    with progress_bar(f"evaluate {method}, seed {seed}", len(test)) as advance:
        for action in actions:
            chosen = np.flatnonzero(test.actions == action)
            predicted, seconds = predict_poses(predict, images_of, chosen, batch_size, advance)
            if adjust is not None:
                predicted = adjust(predicted, test.poses_mm[chosen])
            row = Row(
                method,
                action,
                seed,
                train_s=float(train_s),
                predict_ms_per_image=1000 * seconds / len(chosen),
                inputs=inputs,
                finishing=finishing,
                privileged=adjust is not None,
            )
            rows.append(replace(row, **measure(predicted, test.poses_mm[chosen])))
            apart = np.linalg.norm(predicted - test.poses_mm[chosen], axis=-1)
            distances.append(apart.mean(axis=0, dtype=np.float64))
    if joint_errors is not None:
        mean = np.mean(distances, axis=0)
        joint_errors |= dict(zip(HUMAN36M.joint_names, mean.tolist(), strict=True))
    return [*rows, mean_row(rows)]


def measure(predicted_mm: np.ndarray, target_mm: np.ndarray) -> dict[str, float]:
    """The five accuracy numbers of a row for poses (n, 17, 3) in mm; see `PROTOCOL`."""
    return {
        "mpjpe_mm": float(mpjpe(predicted_mm, target_mm)),
        "p_mpjpe_mm": float(p_mpjpe(predicted_mm, target_mm)),
        **{
            f"limb_ratio_{part}": float(limb_ratio_error(predicted_mm, target_mm, part=part))
            for part in ("lower", "upper", "full")
        },
    }


def mean_row(rows: list[Row]) -> Row:
    """The unweighted mean over the actions: each action counts the same, whatever its size."""
    numbers = {name: float(np.mean([getattr(row, name) for row in rows])) for name in MEASURES}
    return replace(rows[0], action=MEAN, **numbers)


def require_disjoint_subjects(
    dataset: Dataset, *, train_subjects: Iterable[str] | None = None
) -> None:
    """Refuse a dataset whose test subjects were trained on.

    Raises:
        InputError: some subject has test samples and training or validation samples; it is named.
    """
    trained = set(dataset.subjects[dataset.splits != "test"].tolist())
    trained |= set(train_subjects or ())
    leaked = sorted(trained & set(dataset.subjects[dataset.splits == "test"].tolist()))
    if leaked:
        raise InputError(
            f"dataset: subjects {', '.join(leaked)} are in training and in test; expected disjoint "
            "subjects; choose other test subjects and render again"
        )


def require_image_size(dataset: Dataset, size: int) -> None:
    """Refuse a dataset whose images are not of the side, in px, that a network takes.

    Raises:
        InputError: both sizes are named.
    """
    if dataset.info.image_size != size:
        raise InputError(
            f"{dataset.info.path}: has images of {dataset.info.image_size} px, the network takes "
            f"{size} px; render a dataset of that size, or use a model or preset for this one"
        )


def dataset_text(dataset: Dataset) -> str:
    """One line on a dataset: how many images of whom, and where the motion is from."""
    counts = {split: int((dataset.splits == split).sum()) for split in ("train", "val", "test")}
    subjects = {
        split: len(set(dataset.subjects[dataset.splits == split].tolist())) for split in counts
    }
    return (
        f"{dataset.info.name}, {dataset.info.image_size} px: {counts['train']} training images of "
        f"{subjects['train']} subjects, {counts['test']} test images of {subjects['test']} others "
        f"({counts['val']} images of training subjects to watch training); motion: "
        f"{dataset.info.provenance.get('motion', 'unknown')}"
    )


def error_text(error: BaseException) -> str:
    """What a row says of an error, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def predict_poses(
    predict: Predict,
    images_of: Callable[[np.ndarray], np.ndarray],
    chosen: np.ndarray,
    batch_size: int = 256,
    advance: Callable[[int], None] = lambda count: None,
) -> tuple[np.ndarray, float]:
    """Predict some samples, batch by batch.

    Args:
        predict: the method.
        images_of: reads the images of samples.
        chosen: which samples.
        batch_size: images per call.
        advance: called with the number of images after each batch.

    Returns:
        Poses (n, 17, 3) mm, and the seconds spent in `predict`.

    Raises:
        InputError: a prediction has the wrong shape or holds NaN.
    """
    predictions, seconds = [], 0.0
    for start in range(0, len(chosen), batch_size):
        images = images_of(chosen[start : start + batch_size])
        started = time.perf_counter()
        poses_mm = np.asarray(predict(images))
        seconds += time.perf_counter() - started
        expected = (len(images), len(HUMAN36M), 3)
        if poses_mm.shape != expected:
            raise InputError(f"prediction: got shape {poses_mm.shape}, expected {expected}")
        if not np.isfinite(poses_mm).all():
            raise InputError("prediction: got NaN or infinity, expected numbers in mm")
        predictions.append(poses_mm)
        advance(len(images))
    return np.concatenate(predictions), seconds
