"""tables.md and the same tables on the terminal: what was measured, beside what was published.

Only layout and arithmetic over rows; measuring belongs to `measure`, storing to `rows`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overpose.methods import METHODS, Method
from overpose.report import published
from overpose.report.rows import (
    MEAN,
    Report,
    Row,
    Summary,
    actions_of,
    summarize,
)

REFERENCE = "finetuned"
"""The method that ratios are taken to: ours with fine-tuning."""
_PARTS = {
    "Lower body": "limb_ratio_lower",
    "Upper body": "limb_ratio_upper",
    "Full body": "limb_ratio_full",
}
_NOT_MEASURED = "–"


@dataclass(frozen=True)
class TextTable:
    """A table ready to print: a title, one line of notes, a header and rows of cells."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Checks:
    """Whether the measured rows show what the paper shows; means over the seeds.

    Attributes:
        actions_won: actions in which finetuned has the smaller MPJPE than direct.
        actions: the actions that both methods have numbers for.
        mean_mpjpe_ratio: MPJPE of finetuned / direct in the mean over the actions.
        limb_ratio_full_ratio: full-body limb-ratio error of finetuned / direct, likewise.
    """

    actions_won: tuple[str, ...]
    actions: tuple[str, ...]
    mean_mpjpe_ratio: float
    limb_ratio_full_ratio: float

    def lines(self) -> list[str]:
        """The checks as plain sentences."""
        beaten = "smaller" if self.mean_mpjpe_ratio < 1 else "not smaller"
        return [
            f"finetuned beats direct in MPJPE on {len(self.actions_won)} of {len(self.actions)} "
            f"actions (expected: at least 5 of 6)",
            f"mean MPJPE finetuned/direct = {self.mean_mpjpe_ratio:.3f}, {beaten} "
            "(expected: below 1)",
            f"full-body limb-ratio error finetuned/direct = {self.limb_ratio_full_ratio:.3f} "
            "(expected: at most 0.80; published: 0.795)",
        ]


def checks(rows: Sequence[Row]) -> Checks | None:
    """Compare `finetuned` with `direct`; None if either has no mean over the actions."""
    merged = summarize(rows)
    ours, cnn = merged.get((REFERENCE, MEAN)), merged.get(("direct", MEAN))
    if ours is None or cnn is None or not ours.seeds or not cnn.seeds:
        return None
    compared = tuple(
        action
        for action in actions_of(rows)
        if _has_numbers(merged, REFERENCE, action) and _has_numbers(merged, "direct", action)
    )
    won = tuple(
        action
        for action in compared
        if merged[REFERENCE, action].mean["mpjpe_mm"] < merged["direct", action].mean["mpjpe_mm"]
    )
    return Checks(
        won,
        compared,
        _ratio(ours.mean["mpjpe_mm"], cnn.mean["mpjpe_mm"]),
        _ratio(ours.mean["limb_ratio_full"], cnn.mean["limb_ratio_full"]),
    )


def measured_tables(report: Report, *, methods: Sequence[Method] = METHODS) -> list[TextTable]:
    """Tables 1 and 2 as measured, the latter by action too, P-MPJPE, and times.

    Args:
        report: the measured rows.
        methods: whose titles to give, in their order.
    """
    titles = titles_of(report.rows, methods)
    return [
        _action_table("Table 1 as measured: MPJPE in mm", report, titles, "mpjpe_mm"),
        _action_table(
            "P-MPJPE in mm (after a similarity alignment of each pose)",
            report,
            titles,
            "p_mpjpe_mm",
        ),
        _limb_ratio_table(report, titles),
        *(
            _action_table(f"Limb-ratio error by action: {part.lower()}", report, titles, measure)
            for part, measure in _PARTS.items()
        ),
        _time_table(report, titles),
    ]


def published_tables(report: Report) -> list[TextTable]:
    """Tables 1 and 2 as the paper published them, with the mean and the ratio to its own; their
    notes say whether the report's dataset is the paper's."""
    same = report.dataset.startswith(published.DATASET)
    compares = (
        f"{published.DATASET}, as above; the numbers compare as far as the protocol above is the "
        "paper's and nothing of the dataset is missing."
        if same
        else f"{published.DATASET}, other actions, other people and real images: these columns "
        "could not be measured here and do not compare with the table above number by number."
    )
    means = {name: sum(v) / len(v) for name, v in published.TABLE_1_MPJPE_MM.items()}
    ours = means[published.TABLE_1_OURS]
    first = TextTable(
        "Table 1 as published: MPJPE in mm",
        f"{compares} The mean is ours: unweighted over the six columns.",
        ("Method", *published.TABLE_1_ACTIONS, "Mean", "Mean / ours"),
        tuple(
            (name, *(f"{x:.2f}" for x in values), f"{means[name]:.2f}", f"{means[name] / ours:.3f}")
            for name, values in published.TABLE_1_MPJPE_MM.items()
        ),
    )
    full = published.TABLE_2_LIMB_RATIO[published.TABLE_2_OURS][2]
    second = TextTable(
        "Table 2 as published: sum of the log of limb length ratio errors",
        f"{published.DATASET}{'' if same else ', could not be measured here'}. The paper does not "
        "print its formula; the measured table uses our definition.",
        ("Method", *_PARTS, "Full / ours"),
        tuple(
            (name, *(f"{x:.2f}" for x in values), f"{values[2] / full:.3f}")
            for name, values in published.TABLE_2_LIMB_RATIO.items()
        ),
    )
    return [first, second]


def titles_of(rows: Sequence[Row], methods: Sequence[Method] = METHODS) -> dict[str, str]:
    """Titles by name of the methods that have rows: in the order of `methods`, others after."""
    found = {row.method: row.method for row in rows}
    known = {method.name: method.title for method in methods if method.name in found}
    return {**known, **{name: name for name in found if name not in known}}


def failures(rows: Sequence[Row]) -> list[str]:
    """One line for each method and seed that failed."""
    return [
        f"{row.method}, seed {row.seed}{'' if row.action == MEAN else ', ' + row.action}: "
        f"failed: {row.error}"
        for row in rows
        if row.error is not None
    ]


def tables_markdown(
    report: Report, *, extra: Sequence[TextTable] = (), methods: Sequence[Method] = METHODS
) -> str:
    """The text of tables.md.

    Args:
        report: the measured rows.
        extra: further tables to put at the end, e.g. what the autoencoder does alone.
        methods: whose titles and expected ratios to give, in their order.
    """
    seeds = sorted({row.seed for row in report.rows})
    measured = measured_tables(report, methods=methods)
    table_1, table_2 = published_tables(report)
    lines = [
        "# Results",
        "",
        f"- Dataset: {report.dataset}",
        f"- Protocol: {report.protocol}",
        f"- Seeds: {', '.join(map(str, seeds)) or 'none'}; numbers are the mean over the seeds ± "
        "their sample standard deviation",
        f"- Commit: {report.commit}",
        f"- Machine: {report.machine}",
        f"- Date: {report.date}",
        "",
        "## Checks",
        "",
        *check_lines(report.rows, bullet="- ", methods=methods),
        "",
    ]
    for table in (measured[0], table_1, *measured[1:3], table_2, *measured[3:], *extra):
        lines += [markdown_table(table), ""]
    return "\n".join(lines).rstrip() + "\n"


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
    return [bullet + line for line in [*found, *ratio_lines(rows, methods), *failures(rows)]]


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
    lines = []
    for method in methods:
        most, row = method.expected_ratio, method.published
        if most is not None and row is not None and _has_numbers(merged, method.name, MEAN):
            ratio = _ratio(found, merged[method.name, MEAN].mean["mpjpe_mm"])
            lines.append(
                f"mean MPJPE finetuned/{method.name} = {ratio:.3f} (expected: at most {most:.2f}; "
                f"published: {ours / published_means[row]:.3f})"
            )
    return lines


def print_tables(
    report: Report, *, console: Console | None = None, methods: Sequence[Method] = METHODS
) -> None:
    """Print the measured and the published tables, and the checks, on the terminal."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, 120)
    measured = measured_tables(report, methods=methods)
    short = {title: name for name, title in titles_of(report.rows, methods).items()}
    table_1, table_2 = published_tables(report)
    for line in (f"Dataset: {report.dataset}", f"Protocol: {report.protocol}"):
        console.print(line, highlight=False, markup=False)
    for table in (measured[0], table_1, measured[1], measured[2], table_2, measured[3]):
        caption = None if table.note == _note(report) else table.note
        shown = Table(
            title=table.title,
            caption=caption,
            title_justify="left",
            caption_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1, 0, 0),
        )
        for index, name in enumerate(table.header):
            shown.add_column(name, justify="left" if index == 0 else "right")
        for row in table.rows:
            shown.add_row(short.get(row[0], row[0]) if table in measured else row[0], *row[1:])
        console.print()
        console.print(shown)
    for line in check_lines(report.rows, methods=methods):
        console.print(line, highlight=False, markup=False)


def markdown_table(table: TextTable) -> str:
    """One table as Markdown: heading, table, note."""
    align = [":--", *["--:"] * (len(table.header) - 1)]
    cells = [table.header, align, *table.rows]
    body = "\n".join("| " + " | ".join(_escape(cell) for cell in row) + " |" for row in cells)
    return f"## {table.title}\n\n{body}\n\n{table.note}"


def number_text(mean: float, std: float = math.nan, *, digits: int = 1) -> str:
    """A number with its deviation, "66.1 ± 0.4"; a dash where there is none."""
    if math.isnan(mean):
        return _NOT_MEASURED
    return f"{mean:.{digits}f}" + ("" if math.isnan(std) else f" ± {std:.{digits}f}")


def _action_table(title: str, report: Report, titles: Mapping[str, str], measure: str) -> TextTable:
    merged, actions = summarize(report.rows), actions_of(report.rows)
    columns = [*actions, MEAN]
    rows = tuple(
        (
            name,
            *(_cell(merged.get((method, column)), measure, 1) for column in columns),
            _ratio_cell(merged, method, measure),
        )
        for method, name in titles.items()
    )
    header = ("Method", *(name.replace("_", " ") for name in actions), "Mean", "Mean / ours")
    return TextTable(title, _note(report), header, rows)


def _limb_ratio_table(report: Report, titles: Mapping[str, str]) -> TextTable:
    merged = summarize(report.rows)
    rows = tuple(
        (
            name,
            *(_cell(merged.get((method, MEAN)), measure, 2) for measure in _PARTS.values()),
            _ratio_cell(merged, method, "limb_ratio_full"),
        )
        for method, name in titles.items()
    )
    return TextTable(
        "Table 2 as measured: limb-ratio error",
        _note(report),
        ("Method", *_PARTS, "Full / ours"),
        rows,
    )


def _time_table(report: Report, titles: Mapping[str, str]) -> TextTable:
    merged = summarize(report.rows)
    rows = tuple(
        (
            name,
            _cell(merged.get((method, MEAN)), "train_s", 0),
            _cell(merged.get((method, MEAN)), "predict_ms_per_image", 2),
        )
        for method, name in titles.items()
    )
    return TextTable(
        "Times",
        f"{report.machine}. Training counts every stage that the method needs; prediction is in "
        "batches, decoding of the images not counted. Stages trained side by side have one thread "
        "each and take longer than they would alone.",
        ("Method", "Training, s", "Prediction, ms per image"),
        rows,
    )


def _note(report: Report) -> str:
    return f"Protocol: {report.protocol}"


def _cell(summary: Summary | None, measure: str, digits: int) -> str:
    if summary is None:
        return _NOT_MEASURED
    if not summary.seeds:
        return "failed"
    return number_text(summary.mean[measure], summary.std[measure], digits=digits)


def _ratio_cell(merged: dict[tuple[str, str], Summary], method: str, measure: str) -> str:
    summary, reference = merged.get((method, MEAN)), merged.get((REFERENCE, MEAN))
    if summary is None or reference is None:
        return _NOT_MEASURED
    return number_text(_ratio(summary.mean[measure], reference.mean[measure]), digits=3)


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference else math.nan


def _has_numbers(merged: dict[tuple[str, str], Summary], method: str, action: str) -> bool:
    return (method, action) in merged and bool(merged[method, action].seeds)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
