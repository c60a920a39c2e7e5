"""Whether rows of a block show what the paper shows: ours against the CNN and the other systems."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from overpose.methods import METHODS, Method
from overpose.report import published
from overpose.report.rows import MEAN, Row, Summary, actions_of, summarize

REFERENCE = "finetuned"
"""The method that ratios are taken to: ours with fine-tuning."""


@dataclass(frozen=True)
class Checks:
    """Whether the measured rows show what the paper shows; means over the seeds.

    Attributes:
        ours, cnn: the methods compared.
        actions_won: actions in which ours has the smaller MPJPE.
        actions: the actions that both methods have numbers for.
        mean_mpjpe_ratio: MPJPE of ours / the CNN's in the mean over the actions.
        limb_ratio_full_ratio: full-body limb-ratio error of ours / the CNN's, likewise.
    """

    ours: str
    cnn: str
    actions_won: tuple[str, ...]
    actions: tuple[str, ...]
    mean_mpjpe_ratio: float
    limb_ratio_full_ratio: float

    def lines(self) -> list[str]:
        """The checks as plain sentences."""
        beaten = "smaller" if self.mean_mpjpe_ratio < 1 else "not smaller"
        table = published.TABLE_2_LIMB_RATIO
        limbs = table[published.TABLE_2_OURS][2] / table[published.TABLE_2_CNN][2]
        return [
            f"{self.ours} beats {self.cnn} in MPJPE on {len(self.actions_won)} of "
            f"{len(self.actions)} actions",
            f"mean MPJPE {self.ours}/{self.cnn} = {self.mean_mpjpe_ratio:.3f}, {beaten}",
            f"full-body limb-ratio error {self.ours}/{self.cnn} = "
            f"{_beside(self.limb_ratio_full_ratio, limbs)}",
        ]


def checks(rows: Sequence[Row], ours: str = REFERENCE, cnn: str = "direct") -> Checks | None:
    """Compare a method of ours with the CNN; None if either has no mean over the actions."""
    merged = summarize(rows)
    if not (_has_numbers(merged, ours, MEAN) and _has_numbers(merged, cnn, MEAN)):
        return None
    compared = tuple(
        action
        for action in actions_of(rows)
        if _has_numbers(merged, ours, action) and _has_numbers(merged, cnn, action)
    )
    first, second = ({a: merged[m, a].mean for a in (*compared, MEAN)} for m in (ours, cnn))
    return Checks(
        ours,
        cnn,
        tuple(a for a in compared if first[a]["mpjpe_mm"] < second[a]["mpjpe_mm"]),
        compared,
        ratio(first[MEAN]["mpjpe_mm"], second[MEAN]["mpjpe_mm"]),
        ratio(first[MEAN]["limb_ratio_full"], second[MEAN]["limb_ratio_full"]),
    )


def best_lines(rows: Sequence[Row]) -> list[str]:
    """The methods without privilege that have the smallest errors."""
    merged = summarize(row for row in rows if not row.privileged)
    means = {m: s.mean for (m, action), s in merged.items() if action == MEAN and s.seeds}
    lines = []
    for measure, (what, unit) in _BEST.items():
        if means:
            best = min(means, key=lambda method: means[method][measure])
            lines.append(f"smallest {what}: {best}, {means[best][measure]:.1f}{unit}")
    return lines


_BEST = {
    "mpjpe_mm": ("mean MPJPE", " mm"),
    "p_mpjpe_mm": ("mean P-MPJPE", " mm"),
    "limb_ratio_full": ("full-body limb-ratio error", ""),
}


def failures(rows: Sequence[Row]) -> list[str]:
    """One line for each method and seed that failed."""
    return [
        f"{row.method}, seed {row.seed}{'' if row.action == MEAN else ', ' + row.action}: "
        f"failed: {row.error}"
        for row in rows
        if row.error is not None
    ]


def check_lines(
    rows: Sequence[Row], *, bullet: str = "", methods: Sequence[Method] = METHODS
) -> list[str]:
    """The checks and the failures as lines."""
    result = checks(rows)
    found = (
        ["finetuned cannot be compared with direct: a row of one of them is missing"]
        if result is None
        else result.lines()
    )
    on_limbs = checks(rows, "finetuned_limbs", "direct_limbs")
    found += on_limbs.lines() if on_limbs is not None else []
    lines = [*found, *ratio_lines(rows, methods), *best_lines(rows), *failures(rows)]
    return [bullet + line for line in lines]


def ratio_lines(rows: Sequence[Row], methods: Sequence[Method] = METHODS) -> list[str]:
    """Ours against each of the other systems in the mean MPJPE, beside what the paper has."""
    merged = summarize(rows)
    if not _has_numbers(merged, REFERENCE, MEAN):
        return []
    published_means = {
        name: sum(values) / len(values) for name, values in published.TABLE_1_MPJPE_MM.items()
    }
    ours = published_means[published.TABLE_1_OURS]
    found = merged[REFERENCE, MEAN].mean["mpjpe_mm"]
    return [
        f"mean MPJPE finetuned/{method.name} = "
        + _beside(
            ratio(found, merged[method.name, MEAN].mean["mpjpe_mm"]),
            ours / published_means[method.published],
        )
        for method in methods
        if method.published is not None and _has_numbers(merged, method.name, MEAN)
    ]


def ratio(value: float, reference: float) -> float:
    """value / reference, NaN if that is 0."""
    return value / reference if reference else math.nan


def _beside(measured: float, as_published: float) -> str:
    reached = "reached" if measured <= as_published else "not reached"
    return f"{measured:.3f} (published: {as_published:.3f}; {reached})"


def _has_numbers(merged: dict[tuple[str, str], Summary], method: str, action: str) -> bool:
    return (method, action) in merged and bool(merged[method, action].seeds)
