"""The numbers of the report page, and what is said where there is none.

What they mean is written in docs/report.md; how they look belongs to `page`.
"""

from collections.abc import Sequence

import numpy as np

from overpose.angles import SIDES
from overpose.movement.doing import LEAST_FPS, LEAST_S, Doing, title_of
from overpose.movement.gait import Walk
from overpose.movement.repetitions import Repetitions

Rows = list[tuple[str, str]]
"""Names and values, with their units."""


def sections_of(doing: Doing) -> list[tuple[str, Rows]]:
    """Headings and rows of everything that is known of what somebody does."""
    sections = []
    if doing.walks:
        sections.append(("Walking and running", _of_walks(doing.walks)))
    for each in (doing.squats, *doing.repetitions):
        if each is not None:
            title = title_of(each)
            sections.append((title[0].upper() + title[1:], _of_repetitions(each, doing.fps)))
    return sections


def notes_of(doing: Doing) -> list[str]:
    """Lines on what is left out, and why."""
    if not doing.angles:
        return ["Other joints than those of Human3.6M: no angles, nothing is looked for."]
    if doing.fps < LEAST_FPS and doing.seen_s >= LEAST_S:
        return [f"{doing.fps:.3g} frames a second are too few for steps and repetitions."]
    if doing.too_short:
        return [f"Seen for {doing.seen_s:.1f} s: too short for steps and repetitions."]
    notes = []
    if not doing.walks:
        notes.append("No walking: no three even steps one after the other.")
    elif not doing.on_floor:
        notes.append("No world: speed and step length are left out; steps on the spot count.")
    if doing.squats is None and not doing.repetitions:
        notes.append("No squats, and nothing else is done three times alike.")
    return notes


def _of_walks(walks: Sequence[Walk]) -> Rows:
    step_s = np.concatenate([walk.step_s for walk in walks])
    step_mm = np.concatenate([walk.step_mm for walk in walks])
    sides = np.array([c.side for walk in walks for c in walk.contacts[1:]])
    times = np.array([walk.step_s.sum() for walk in walks])
    rows = [("steps", f"{len(step_s)} in {step_s.sum():.1f} s")]
    if np.isfinite(step_mm).all():
        speed = float(np.average([walk.speed_mm_s for walk in walks], weights=times))
        rows.append(("speed", f"{speed / 1000:.2f} m/s"))
    rows.append(("cadence", f"{60 / step_s.mean():.0f} steps/min"))
    for side in SIDES:
        own = step_mm[sides == side]
        if np.isfinite(own).all():
            rows.append((f"step length, {side}", f"{_spread(own / 1000, '.2f')} m"))
    rows += [(f"step time, {side}", f"{_spread(step_s[sides == side], '.2f')} s") for side in SIDES]
    return rows


def _of_repetitions(each: Repetitions, fps: float) -> Rows:
    rows = [("number", str(len(each.spans)))]
    if each.depth_mm is not None:
        rows.append(("depth", f"{_spread(each.depth_mm / 1000, '.2f')} m"))
        rows.append(("deepest", f"{each.depth_mm.max() / 1000:.2f} m"))
        rows.append(("knees at the bottom", f"{_spread(each.most_deg, '.0f')}°"))
    else:
        rows.append(("from", f"{_spread(each.least_deg, '.0f')}°"))
        rows.append(("to", f"{_spread(each.most_deg, '.0f')}°"))
    rows.append(("time of each", f"{_spread(np.ptp(each.spans, axis=1) / fps, '.2f')} s"))
    return rows


def _spread(values: np.ndarray, form: str) -> str:
    """Mean and, of several, standard deviation."""
    mean = f"{values.mean():{form}}"
    return mean if len(values) < 2 else f"{mean} ± {values.std(ddof=1):{form}}"
