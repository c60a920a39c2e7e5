"""Draws docs/conventions.svg: the axes, and the joints with their numbers, from `skeleton.py`.

Usage: python tools/draw_conventions.py [OUT]
"""

import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overpose.skeleton import HUMAN36M

OUT = Path(__file__).parents[1] / "docs" / "conventions.svg"
PLACES = {
    "pelvis": (0, 0), "spine": (0, -230), "neck": (0, -480), "nose": (0, -600),
    "head_top": (0, -720), "hip": (130, 30), "knee": (150, 440), "ankle": (160, 860),
    "shoulder": (200, -450), "elbow": (340, -230), "wrist": (470, -40),
}  # fmt: skip
"""Where the joints of a standing person who faces the camera are, mm; left ones at positive x."""
LEFT, RIGHT, MIDDLE = "#c8553d", "#2a6f97", "#333333"


def place_of(joint: str) -> tuple[float, float]:
    """x and y of a joint, mm, camera axes."""
    side, _, part = joint.partition("_")
    if side not in ("left", "right"):
        return PLACES[joint]
    x, y = PLACES[part]
    return (x if side == "left" else -x), y


def colour_of(joint: str) -> str:
    """Colour of a side of the body."""
    return LEFT if joint.startswith("left") else RIGHT if joint.startswith("right") else MIDDLE


def draw_skeleton(axes: Axes) -> None:
    """The joints with number and name, and the limbs from parent to joint."""
    for parent, joint in HUMAN36M.limbs:
        ends = [place_of(HUMAN36M.joint_names[index]) for index in (parent, joint)]
        colour = colour_of(HUMAN36M.joint_names[joint])
        axes.plot(*zip(*ends, strict=True), color=colour, linewidth=3, zorder=1)
    for index, name in enumerate(HUMAN36M.joint_names):
        x, y = place_of(name)
        axes.plot(x, y, "o", color=colour_of(name), markersize=7, zorder=2)
        side = -1 if name.startswith("right") else 1
        up = 40 if name in ("pelvis", "neck") else 0  # off the limbs to both sides
        align = "left" if side > 0 else "right"
        axes.text(x + 35 * side, y - up, f"{index} {name}", va="center", ha=align)
    axes.set_title("17 joints; the person faces the camera")
    axes.set(xlim=(-800, 800), ylim=(930, -800), aspect="equal")
    axes.axis("off")


def draw_axes(axes: Axes) -> None:
    """The camera's axes, and the image with its pixels."""
    arrow = {"arrowstyle": "-|>", "linewidth": 2, "color": MIDDLE}
    for tip, said in (((300, 0), "x, right"), ((0, 300), "y, down"), ((190, -170), "z, forward")):
        axes.annotate("", tip, (0, 0), arrowprops=arrow)
        axes.text(tip[0] + 20, tip[1] + 25, said)
    axes.text(-30, -40, "camera", ha="right")
    left, top, side = -100, 480, 400
    axes.plot(
        [left, left + side, left + side, left, left], [top, top, top + side, top + side, top],
        color=MIDDLE,
    )  # fmt: skip
    for step in (50, 100, 150):
        axes.plot([left + step] * 2, [top, top + 150], color="#bbbbbb", zorder=0)
        axes.plot([left, left + 150], [top + step] * 2, color="#bbbbbb", zorder=0)
    axes.text(left - 20, top - 15, "(0, 0)", ha="right")
    axes.plot(left + 25, top + 25, ".", color=LEFT)
    axes.annotate(
        "(0.5, 0.5): centre of\nthe first pixel", (left + 25, top + 25), (left + 180, top + 210),
        arrowprops={"arrowstyle": "-", "color": LEFT},
    )  # fmt: skip
    axes.annotate("", (left + side, top - 35), (left, top - 35), arrowprops=arrow)
    axes.text(left + side / 2, top - 50, "x, px", ha="center")
    axes.annotate("", (left - 35, top + side), (left - 35, top), arrowprops=arrow)
    axes.text(left - 50, top + side / 2, "y, px", ha="right", va="center")
    axes.set_title("Camera axes (mm) and image (px)")
    axes.set(xlim=(-350, 600), ylim=(930, -300), aspect="equal")
    axes.axis("off")


def main(out: Path = OUT) -> None:
    """Write the drawing."""
    settings = {"svg.fonttype": "none", "svg.hashsalt": "overpose", "font.family": "sans-serif"}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(11, 6.2), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.3))
        draw_axes(left)
        draw_skeleton(right)
        figure.savefig(out, format="svg", metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
