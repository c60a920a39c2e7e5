"""The figure of examples: what the methods make of one test image of every action."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from overpose.experiments.pipeline import Run, trained_predictor
from overpose.methods import pictures
from overpose.report.figures import draw_comparison
from overpose.support.errors import InputError

FIGURE_ROWS = 6


def draw_examples(path: Path, runs: Sequence[Run]) -> bool:
    """Draw the middle test sample of every action, with what each trained method makes of it.

    Args:
        path: the PNG; removed if there is nothing to draw.
        runs: of which those of the first seed and the first inputs are drawn.

    Returns:
        Whether there was any trained method.
    """
    seed, inputs = runs[0].seed, runs[0].samples.inputs
    images, truths, titles = [], [], []
    predictions: dict[str, list[np.ndarray]] = {}
    for run in (r for r in runs if (r.seed, r.samples.inputs) == (seed, inputs)):
        test, chosen = run.samples.test, []
        for action in dict.fromkeys(test.actions.tolist()):
            of_action = np.flatnonzero(test.actions == action)
            chosen.append(int(of_action[len(of_action) // 2]))
            titles.append(action.replace("_", " "))
        images.append(test.images(chosen))
        truths.append(test.poses_mm[chosen])
        for method in (card for card in run.preset.compared if card.in_figure):
            try:
                shown = pictures(test, run.samples.inputs, mask_channel=method.mask_channel)
                poses_mm = trained_predictor(run, method)(shown(np.array(chosen)))
            except InputError:
                poses_mm = np.full((len(chosen), 17, 3), np.nan)
            predictions.setdefault(method.name, []).append(poses_mm)
    drawn = {
        method: np.concatenate(parts)[:FIGURE_ROWS]
        for method, parts in predictions.items()
        if not all(np.isnan(part).all() for part in parts)
    }
    if not drawn:
        path.unlink(missing_ok=True)
        return False
    draw_comparison(
        path,
        np.concatenate(images)[:FIGURE_ROWS],
        np.concatenate(truths)[:FIGURE_ROWS],
        drawn,
        row_titles=titles[:FIGURE_ROWS],
    )
    return True
