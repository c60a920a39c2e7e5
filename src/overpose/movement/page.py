"""The report page of one person, a PNG: numbers, joint angles over time and over one cycle.

What is in it is decided by `doing` and `numbers`.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overpose.angles import SIDES
from overpose.formats.format import Format
from overpose.movement.cycles import POINTS
from overpose.support.errors import InputError

if TYPE_CHECKING:
    import overpose.movement.doing
    import overpose.poses

INCHES, DOTS_PER_INCH = (10.0, 13.5), 120
CURVES = (
    "hip_flexion", "knee_flexion", "ankle_dorsiflexion", "pelvis_tilt", "trunk_lean",
    "shoulder_elevation", "elbow_flexion",
)  # fmt: skip
"""Angles that are drawn; all of them are in `--formats angles`."""
_COLOURS = {"left": "#D55E00", "right": "#0072B2", "middle": "#444444"}
"""Vermillion and blue of Okabe and Ito: told apart with every kind of colour blindness."""


def get_matplotlib() -> None:
    """See that the page can be drawn.

    Raises:
        InputError: matplotlib is missing; the message says which extra brings it.
    """
    try:
        importlib.import_module("matplotlib.figure")
    except ModuleNotFoundError:
        raise InputError("--report needs matplotlib: pip install 'overpose[report]'") from None


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Draw the page of a track of one person, whole or not at all."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from overpose.movement.doing import doing_of
    from overpose.support.files import writing_file

    doing = doing_of(track, 0)
    figure = Figure(figsize=INCHES, dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    names = [name for name in CURVES if _sides(doing, name)]
    rows = figure.add_gridspec(
        1 + len(names), 2, width_ratios=(2.2, 1), height_ratios=(2.6, *[1] * len(names)),
        left=0.075, right=0.975, top=0.955, bottom=0.045, hspace=0.55, wspace=0.16,
    )  # fmt: skip
    figure.suptitle(path.stem.removesuffix("_report"), x=0.02, y=0.985, ha="left", fontsize=14)
    _write_numbers(figure.add_subplot(rows[0, :]), doing, track)
    for row, name in enumerate(names, 1):
        last = row == len(names)
        width = rows[row, 0] if doing.cycles is not None else rows[row, :]
        _draw_curve(figure.add_subplot(width), doing, name, last=last)
        if doing.cycles is not None:
            _draw_cycle(figure.add_subplot(rows[row, 1]), doing, name, first=row == 1, last=last)
    with writing_file(path) as temporary, temporary.open("wb") as file:
        figure.savefig(file, format="png", metadata={"Software": None})


def _sides(doing: "overpose.movement.doing.Doing", name: str) -> list[tuple[str, str]]:
    """Names of an angle's curves, and their sides."""
    if name in doing.angles:
        return [(name, "middle")]
    both = [(f"{side}_{name}", side) for side in SIDES]
    return [(full, side) for full, side in both if full in doing.angles]


def _write_numbers(
    axes: Any, doing: "overpose.movement.doing.Doing", track: "overpose.poses.PoseTrack"
) -> None:
    from overpose.movement.numbers import notes_of, sections_of

    axes.axis("off")
    camera = "world known" if doing.on_floor else "no world"
    facts = f"seen for {doing.seen_s:.1f} s · {track.fps:.4g} frames/s · {camera} · {track.model}"
    put = {"transform": axes.transAxes, "va": "top"}
    axes.text(-0.06, 1.03, facts, fontsize=9, color="#666666", **put)
    sections = sections_of(doing)
    left, top = -0.06, 0.9
    for heading, lines in sections[:MOST_SECTIONS]:
        if top - (len(lines) + 1) * _LINE < 0.05:
            left, top = left + 0.36, 0.9
        axes.text(left, top, heading, fontsize=10.5, weight="bold", **put)
        for name, value in lines:
            top -= _LINE
            axes.text(left, top, name, fontsize=9.5, color="#555555", **put)
            axes.text(left + 0.17, top, value, fontsize=9.5, **put)
        top -= 1.6 * _LINE
    notes = notes_of(doing)
    if len(sections) > MOST_SECTIONS:
        notes.append(f"{len(sections) - MOST_SECTIONS} more movements are left out.")
    axes.text(-0.06, 0.0, "\n".join(notes), fontsize=9.5, color="#8a4b00", **put | {"va": "bottom"})


_LINE = 0.088
MOST_SECTIONS = 5


def _draw_curve(
    axes: Any, doing: "overpose.movement.doing.Doing", name: str, *, last: bool
) -> None:
    for full, side in _sides(doing, name):
        values = doing.angles[full]
        times = np.arange(len(values)) / doing.fps
        turned = np.abs(np.diff(values, prepend=values[:1])) > 180  # an angle that goes round
        axes.plot(times, np.where(turned, np.nan, values), color=_COLOURS[side], lw=1.1, label=side,
                  marker="o" if len(values) < 3 else None)  # fmt: skip
    for begin, end in _spans(doing):
        axes.axvspan(begin / doing.fps, end / doing.fps, color="#e8eef5", zorder=0)
    _finish(axes, name.replace("_", " ") + ", degrees")
    axes.margins(x=0.01)
    if last:
        axes.set_xlabel("seconds", fontsize=8.5)
    if len(_sides(doing, name)) > 1 and name == CURVES[0]:
        axes.legend(fontsize=8, ncols=2, frameon=False, loc="upper right", bbox_to_anchor=(1, 1.4))


def _spans(doing: "overpose.movement.doing.Doing") -> Sequence[tuple[float, float]]:
    """(begin, end) frames of every walk and every series of repetitions."""
    walks = [(walk.contacts[0].frame, walk.contacts[-1].frame) for walk in doing.walks]
    squats = [] if doing.squats is None else [tuple(span) for span in doing.squats.spans]
    return [*walks, *squats, *((each.spans[0, 0], each.spans[-1, 1]) for each in doing.repetitions)]


def _draw_cycle(
    axes: Any, doing: "overpose.movement.doing.Doing", name: str, *, first: bool, last: bool
) -> None:
    cycles = doing.cycles
    assert cycles is not None
    share, count = np.linspace(0, 100, POINTS), 0
    for full, side in _sides(doing, name):
        found = cycles.mean_of(full, doing.angles[full])
        if found is None:
            continue
        count = max(count, found.count)
        low, high = found.mean - found.spread, found.mean + found.spread
        axes.fill_between(share, low, high, color=_COLOURS[side], alpha=0.2, lw=0)
        axes.plot(share, found.mean, color=_COLOURS[side], lw=1.3)
    if not count:
        axes.text(0.5, 0.5, "fewer than 2 whole cycles", ha="center", va="center", fontsize=8,
                  transform=axes.transAxes, color="#666666")  # fmt: skip
    _finish(axes, f"mean ± SD of {cycles.title}" if first else "")
    axes.set_xlim(0, 100)
    if last:
        axes.set_xlabel("% of a cycle", fontsize=8.5)


def _finish(axes: Any, title: str) -> None:
    axes.set_title(title, fontsize=9, loc="left", pad=3)
    axes.tick_params(labelsize=8)
    axes.grid(color="#e5e5e5", lw=0.6)
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)


FORMAT = Format(
    "report", "_report.png", "a page for each person: numbers, joint angles, cycles", write,
    per_person=True, in_world=False, get=get_matplotlib,
)  # fmt: skip
"""The card of the page; `--report` asks for it."""


def with_report(formats: Sequence[Format], *, asked: bool) -> tuple[Format, ...]:
    """The formats, and the page if it is asked for."""
    return (*formats, FORMAT) if asked else tuple(formats)
