"""Choosing how far the common finishing blends limb lengths: one share for all networks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from overpose.experiments.pipeline import Run, trained_predictor
from overpose.measure.protocols import measure, predict_poses
from overpose.methods import Method, mean_limb_lengths, pictures
from overpose.methods.finishing import blend_limbs, mirrored_mean
from overpose.report.tables import TextTable
from overpose.support.errors import InputError
from overpose.support.files import write_json
from overpose.support.progress import say

SHARES = tuple(round(0.1 * step, 1) for step in range(11))
CRITERION = (
    "the largest share whose MPJPE, the mean over all networks, is not above that without blending"
)
_MEASURES = ("mpjpe_mm", "p_mpjpe_mm", "limb_ratio_full")


def choose_share(runs: Sequence[Run], path: Path) -> list[TextTable]:
    """Measure every trained network with every share; write which share is chosen, and why.

    Args:
        runs: on a dataset whose split "test" are training subjects, see `held_out`.
        path: finishing.json.

    Returns:
        The table of all shares; none if no network is trained.
    """
    found: list[np.ndarray] = []
    for run in runs:
        for method in run.preset.compared:
            if method.finished and not method.fitted_once:
                try:
                    found.append(_by_share(run, method))
                except InputError as error:
                    say(f"{method.name} of {run.out}: no part of the choice: {error}")
    if not found:
        return []
    mean = np.mean(found, axis=0)
    chosen = max(share for share, row in zip(SHARES, mean, strict=True) if row[0] <= mean[0, 0])
    value = {
        "share": chosen,
        "criterion": CRITERION,
        "subjects": sorted(set(runs[0].samples.test.subjects.tolist())),
        "networks": len(found),
        "by_share": [
            {"share": share, **dict(zip(_MEASURES, row.tolist(), strict=True))}
            for share, row in zip(SHARES, mean, strict=True)
        ],
    }
    write_json(path, value)
    note = (
        f"Mean over {len(found)} networks (methods, inputs, seeds) and the actions, on held-out "
        f"training subjects {', '.join(value['subjects'])}, with the mirrored image; the limbs' "
        f"lengths are blended in the logarithm towards the training mean. Chosen: {chosen:g}, "
        f"{CRITERION}."
    )
    header = ("Share", "MPJPE, mm", "P-MPJPE, mm", "Limb-ratio error, full body")
    rows = tuple(
        (f"{share:g}", f"{row[0]:.1f}", f"{row[1]:.1f}", f"{row[2]:.2f}")
        for share, row in zip(SHARES, mean, strict=True)
    )
    return [TextTable("Share of the training people's limb lengths", note, header, rows)]


def _by_share(run: Run, method: Method) -> np.ndarray:
    """(shares, measures): the mean over the actions."""
    test, predict = run.samples.test, trained_predictor(run, method)
    images_of = pictures(test, run.samples.inputs, mask_channel=method.mask_channel)
    poses_mm, _ = predict_poses(
        lambda images: mirrored_mean(predict, images), images_of, np.arange(len(test))
    )
    lengths_mm = mean_limb_lengths(run.samples.train.poses_mm)
    found = []
    for share in SHARES:
        blended = blend_limbs(poses_mm, lengths_mm, share)
        by_action = [
            measure(blended[test.actions == action], test.poses_mm[test.actions == action])
            for action in dict.fromkeys(test.actions.tolist())
        ]
        found.append([np.mean([each[name] for each in by_action]) for name in _MEASURES])
    return np.array(found)
