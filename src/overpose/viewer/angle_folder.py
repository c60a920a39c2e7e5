"""Joint angles in the live viewer: the values of one person now, and the curve of one of them."""

import numpy as np
import viser

from overpose.angles import SIDES
from overpose.movement.cycles import POINTS, CycleMean
from overpose.viewer.shown import SIDE_COLOURS, ShownPerson, frame_at

_NO_LINE = np.array([0.0, 1.0])


def angle_rows(person: ShownPerson) -> dict[str, dict[str, np.ndarray]]:
    """For every angle without its side, its curves (frames,), degrees, by side or "middle"."""
    rows: dict[str, dict[str, np.ndarray]] = {}
    for name, values in person.angles.items():
        side, _, part = name.partition("_")
        if side in SIDES:
            rows.setdefault(part, {})[side] = values
        else:
            rows[name] = {"middle": values}
    return rows


class AngleFolder:
    """A folder of the viewer's controls; see `update`.

    Args:
        gui: of viser.
        people: whose angles are shown, one at a time; those without any are left out.
    """

    def __init__(self, gui: viser.GuiApi, people: tuple[ShownPerson, ...]) -> None:
        self._people = {f"{number}: {p.label}": p for number, p in enumerate(people, 1) if p.angles}
        if not self._people:
            return
        names = [name for person in self._people.values() for name in angle_rows(person)]
        with gui.add_folder("Joint angles", expand_by_default=False):
            labels = tuple(self._people)
            self.person = gui.add_dropdown("person", labels, visible=len(labels) > 1)
            self.angle = gui.add_dropdown(
                "curve", tuple(dict.fromkeys(names)), initial_value="knee_flexion"
            )
            self._plot = gui.add_uplot((_NO_LINE, _NO_LINE), ({}, {}), aspect=1.6)
            self.cycles = gui.add_markdown("", visible=False)
            self._cycle = gui.add_uplot((_NO_LINE, _NO_LINE), ({}, {}), aspect=1.6, visible=False)
            self._values = gui.add_markdown("")
        self._drawn: tuple[str, str] | None = None

    def update(self, time_s: float) -> None:
        """Show the values at a time, and the curve if another one is chosen."""
        if not self._people:
            return
        person = self._people[self.person.value]
        rows, frame = angle_rows(person), frame_at(time_s, person.fps)
        shown = person.frames > frame >= 0
        lines = ["| | left | right |", "| --- | --- | --- |"]
        for part, curves in rows.items():
            sides = ("middle",) if "middle" in curves else SIDES
            cells = [_degrees(curves[side][frame]) if shown else "–" for side in sides]
            lines.append(f"| {part.replace('_', ' ')} | {' | '.join([*cells, ''][:2])} |")
        self._values.content = "\n".join(lines)
        chosen = (self.person.value, self.angle.value)
        if chosen != self._drawn:
            self._drawn = chosen
            self._draw(person, rows.get(self.angle.value, {}))

    def _draw(self, person: ShownPerson, curves: dict[str, np.ndarray]) -> None:
        times = np.arange(person.frames) / person.fps
        lines = curves or {"middle": np.full(person.frames, np.nan)}
        self._plot.series = (
            {"label": "s"},
            *({"label": side, "stroke": _css(side), "width": 2} for side in lines),
        )
        self._plot.data = (times, *lines.values())
        self._draw_cycle(person, curves)

    def _draw_cycle(self, person: ShownPerson, curves: dict[str, np.ndarray]) -> None:
        """The mean over strides or repetitions, a standard deviation above and below it."""
        means: dict[str, CycleMean] = {}
        for side, values in curves.items():
            name = self.angle.value if side == "middle" else f"{side}_{self.angle.value}"
            found = None if person.cycles is None else person.cycles.mean_of(name, values)
            if found is not None:
                means[side] = found
        self.cycles.visible = self._cycle.visible = bool(means)
        if person.cycles is None or not means:
            return
        counts = " and ".join(dict.fromkeys(str(each.count) for each in means.values()))
        self.cycles.content = f"mean ± SD of {counts} {person.cycles.title}, over 0 to 100 %"
        bands = [
            (side, label, each.mean + factor * each.spread)
            for side, each in means.items()
            for label, factor in ((side, 0), (f"{side} +", 1), (f"{side} −", -1))
        ]
        self._cycle.series = (
            {"label": "%"},
            *(
                {"label": label, "stroke": _css(side), "width": 2 if label == side else 1}
                for side, label, _ in bands
            ),
        )
        self._cycle.data = (np.linspace(0, 100, POINTS), *(values for *_, values in bands))


def _degrees(value: float) -> str:
    return f"{round(value):d}°" if np.isfinite(value) else "–"


def _css(side: str) -> str:
    return "rgb({}, {}, {})".format(*SIDE_COLOURS[side])
