"""Figures: images beside the true skeleton and the predicted ones, as in the paper's Fig. 2.

Draws what it is given and saves PNG files; which samples and methods is the caller's choice.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.axes3d import Axes3D

from overpose.report.rows import MEAN, Row, actions_of, summarize
from overpose.report.tables import titles_of
from overpose.skeleton import HUMAN36M, Skeleton, side_and_part
from overpose.support.errors import InputError
from overpose.support.files import writing_file

_SIDE_COLOURS = {"left": "#D55E00", "right": "#0072B2", "middle": "#555555"}
"""Vermillion and blue of Okabe and Ito: told apart with every kind of colour blindness."""

PANEL_INCHES = 1.8
DOTS_PER_INCH = 150


def draw_comparison(
    path: Path,
    images: np.ndarray,
    true_mm: np.ndarray,
    predictions_mm: Mapping[str, np.ndarray],
    *,
    row_titles: Sequence[str] | None = None,
    skeleton: Skeleton = HUMAN36M,
) -> None:
    """Save a grid: one row for each sample, with image, ground truth and every prediction.

    All skeletons are seen from the camera's side, slightly turned and from above, at one scale.

    Args:
        path: where the PNG goes, whole or not at all; 270 px per panel.
        images: (n, side, side, 3) uint8 RGB.
        true_mm: (n, joints, 3) mm, camera axes, root-relative.
        predictions_mm: title of the column to its poses (n, joints, 3).
        row_titles: text at the left of each row.

    Raises:
        InputError: the number of samples differs between the arguments, or is zero.
    """
    poses = {"ground truth": true_mm, **predictions_mm}
    counts = {name: len(value) for name, value in {"images": images, **poses}.items()}
    if len(set(counts.values())) != 1 or len(images) == 0:
        raise InputError(f"figure: got {counts} samples, expected the same number, at least one")
    columns, count = 1 + len(poses), len(images)
    figure = Figure(figsize=(PANEL_INCHES * columns, PANEL_INCHES * count), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        count,
        columns,
        left=0.02,
        right=0.995,
        bottom=0.005,
        top=1 - 0.25 / (PANEL_INCHES * count),
        wspace=0.02,
        hspace=0.02,
    )
    half_side_mm = max(1.0, 1.02 * float(np.abs(true_mm).max()))
    for row in range(count):
        panel = figure.add_subplot(grid[row, 0])
        panel.imshow(images[row], interpolation="nearest")
        panel.set_xticks([])
        panel.set_yticks([])
        if row_titles is not None:
            panel.set_ylabel(row_titles[row], fontsize=7, labelpad=1)
        if row == 0:
            panel.set_title("image", fontsize=8, pad=3)
        for column, (title, poses_mm) in enumerate(poses.items(), start=1):
            axes = figure.add_subplot(grid[row, column], projection="3d")
            assert isinstance(axes, Axes3D)
            _draw_skeleton(axes, poses_mm[row], half_side_mm, skeleton)
            if row == 0:
                axes.set_title(title, fontsize=8, pad=3)
    with writing_file(path) as temporary:
        figure.savefig(temporary, format="png")


def draw_errors(path: Path, rows: Sequence[Row]) -> None:
    """Save a bar chart of MPJPE in mm for each action and method, with the deviation over seeds."""
    merged = summarize(rows)
    methods = [m for m in titles_of(rows) if (m, MEAN) in merged and merged[m, MEAN].seeds]
    actions = [*actions_of(rows), MEAN]
    figure = Figure(figsize=(9, 3.5), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    colours = colormaps["tab20"].colors  # pyright: ignore[reportAttributeAccessIssue]
    width = 0.8 / max(1, len(methods))
    for index, method in enumerate(methods):
        values = [merged.get((method, action)) for action in actions]
        heights = [np.nan if s is None else s.mean["mpjpe_mm"] for s in values]
        deviations = [0.0 if s is None else np.nan_to_num(s.std["mpjpe_mm"]) for s in values]
        places = np.arange(len(actions)) + (index - (len(methods) - 1) / 2) * width
        axes.bar(
            places,
            heights,
            width,
            yerr=deviations,
            label=method,
            color=colours[index % len(colours)],
            error_kw={"elinewidth": 0.8},
        )
    axes.set_xticks(np.arange(len(actions)), [name.replace("_", " ") for name in actions])
    axes.set_ylabel("MPJPE, mm")
    axes.spines[["top", "right"]].set_visible(False)
    if methods:
        axes.legend(frameon=False, fontsize=8, ncols=min(5, len(methods)))
    with writing_file(path) as temporary:
        figure.savefig(temporary, format="png")


def draw_learning_curve(path: Path, curve: Mapping[int, Sequence[Row]]) -> None:
    """Save a line for each method: MPJPE in mm over the number of training images, mean and
    deviation over the seeds."""
    figure = Figure(figsize=(5, 3.5), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    merged = {size: summarize(rows) for size, rows in curve.items()}
    for method in titles_of([row for rows in curve.values() for row in rows]):
        found = {size: each.get((method, MEAN)) for size, each in merged.items()}
        shown = {size: summary for size, summary in found.items() if summary and summary.seeds}
        if shown:
            means = [summary.mean["mpjpe_mm"] for summary in shown.values()]
            deviations = np.nan_to_num([s.std["mpjpe_mm"] for s in shown.values()])
            axes.errorbar(list(shown), means, yerr=deviations, marker="o", label=method)
    axes.set_xscale("log")
    axes.set_xticks(list(curve), [f"{size:,}" for size in curve])
    axes.minorticks_off()
    axes.set_xlabel("training images")
    axes.set_ylabel("MPJPE, mm")
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    with writing_file(path) as temporary:
        figure.savefig(temporary, format="png")


def draw_windows_curve(path: Path, curve: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Save a line for each lifter: error on held-out renders, mm, over windows seen in training."""
    figure = Figure(figsize=(6, 4), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    colours = colormaps["tab20"].colors  # pyright: ignore[reportAttributeAccessIssue]
    for number, (name, points) in enumerate(curve.items()):
        seen, errors = np.asarray(points, dtype=float).T
        axes.plot(seen / 1e6, errors, marker=".", label=name, color=colours[number % len(colours)])
    axes.set_xlabel("windows seen, millions")
    axes.set_ylabel("MPJPE on held-out renders, mm")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=7)
    with writing_file(path) as temporary:
        figure.savefig(temporary, format="png")


def draw_expected_errors(path: Path, bins: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Save a reliability diagram: of joints of which about the same error is expected, the mean
    expected and made, mm; a line for each lifter, and the diagonal, where both are the same."""
    figure = Figure(figsize=(4, 4), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    largest = 0.0
    for name, each in bins.items():
        expected, made = ([one[key] for one in each] for key in ("expected_mm", "made_mm"))
        axes.plot(expected, made, marker="o", label=name)
        largest = max(largest, *expected, *made)
    axes.plot([0, largest], [0, largest], color="#999999", linewidth=0.8, zorder=0)
    axes.set_xlabel("expected error, mm")
    axes.set_ylabel("mean error, mm")
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    with writing_file(path) as temporary:
        figure.savefig(temporary, format="png")


def _draw_skeleton(
    axes: Axes3D, pose_mm: np.ndarray, half_side_mm: float, skeleton: Skeleton
) -> None:
    # Camera axes are x right, y down, z forward; the plot's third axis points up.
    x, depth, up = pose_mm[:, 0], pose_mm[:, 2], -pose_mm[:, 1]
    for parent, joint in skeleton.limbs:
        colour = _SIDE_COLOURS[side_and_part(skeleton.joint_names[joint])[0]]
        ends = [parent, joint]
        axes.plot(x[ends], depth[ends], up[ends], color=colour, linewidth=1.6, clip_on=False)
    axes.set_xlim(-half_side_mm, half_side_mm)
    axes.set_ylim(-half_side_mm, half_side_mm)
    axes.set_zlim(-half_side_mm, half_side_mm)
    axes.set_box_aspect((1, 1, 1), zoom=1.7)  # pyright: ignore[reportArgumentType]
    axes.view_init(elev=12, azim=-75)
    axes.set_axis_off()
