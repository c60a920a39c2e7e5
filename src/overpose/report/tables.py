"""tables.md and the same tables on the terminal: what was measured, beside what was published.

Only layout and arithmetic over rows; measuring belongs to `measure`, storing to `rows`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from overpose.methods import METHODS, Method
from overpose.report import published
from overpose.report.blocks import blocks_of
from overpose.report.checks import REFERENCE, check_lines, ratio
from overpose.report.rows import (
    MEAN,
    Report,
    Row,
    Summary,
    actions_of,
    summarize,
)

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


def measured_tables(report: Report, *, methods: Sequence[Method] = METHODS) -> list[TextTable]:
    """Tables 1 and 2 as measured, the latter by action too, P-MPJPE, and times.

    Args:
        report: with the rows of one block.
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


def tables_markdown(
    report: Report, *, extra: Sequence[TextTable] = (), methods: Sequence[Method] = METHODS
) -> str:
    """The text of tables.md.

    Args:
        report: the measured rows.
        extra: further tables to put at the end, e.g. what the autoencoder does alone.
        methods: whose titles to give, in their order.
    """
    seeds = sorted({row.seed for row in report.rows})
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
    ]
    for block in blocks_of(report.rows):
        lines += [f"# {block.title}", "", block.note, "", "## Checks", ""]
        lines += [*check_lines(block.rows, bullet="- ", methods=methods), ""]
        for table in measured_tables(replace(report, rows=block.rows), methods=methods):
            lines += [markdown_table(table), ""]
    lines += ["# As published, and further measurements", ""]
    for table in (*published_tables(report), *extra):
        lines += [markdown_table(table), ""]
    return "\n".join(lines).rstrip() + "\n"


def print_tables(
    report: Report, *, console: Console | None = None, methods: Sequence[Method] = METHODS
) -> None:
    """Print the measured and the published tables, and the checks, on the terminal."""
    console = console or Console()
    if not console.is_terminal:
        console.width = max(console.width, 120)
    short = {title: name for name, title in titles_of(report.rows, methods).items()}
    for line in (f"Dataset: {report.dataset}", f"Protocol: {report.protocol}"):
        console.print(line, highlight=False, markup=False)
    for published_table in published_tables(report):
        _print_table(console, published_table, {})
    for block in blocks_of(report.rows):
        console.print()
        console.print(f"{block.title}. {block.note}", highlight=False, markup=False)
        for table in measured_tables(replace(report, rows=block.rows), methods=methods)[:3]:
            _print_table(console, replace(table, note=""), short)
        for line in check_lines(block.rows, methods=methods):
            console.print(line, highlight=False, markup=False)


def _print_table(console: Console, table: TextTable, names: Mapping[str, str]) -> None:
    """Print a table; titles of methods that have a shorter name are printed as that."""
    shown = Table(
        title=table.title,
        caption=table.note or None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for index, name in enumerate(table.header):
        shown.add_column(name, justify="left" if index == 0 else "right")
    for row in table.rows:
        shown.add_row(names.get(row[0], row[0]), *row[1:])
    console.print()
    console.print(shown)


def markdown_table(table: TextTable) -> str:
    """One table as Markdown: heading, table, note."""
    rows = [[_escape(cell) for cell in row] for row in (table.header, *table.rows)]
    body = "\n".join(markdown_lines(rows[0], rows[1:], marks=(":--", "--:")))
    return f"## {table.title}\n\n{body}\n\n{table.note}"


def markdown_lines(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: int = 1,
    marks: tuple[str, str] = ("---", "---:"),
) -> list[str]:
    """Lines of a table in Markdown.

    Args:
        header, rows: cells.
        left: how many columns stand at the left of their cells; the others, numbers, at the right.
        marks: what says so below the header, of the left and of the right.
    """
    below = [marks[place >= left] for place in range(len(header))]
    return [f"| {' | '.join(cells)} |" for cells in (header, below, *rows)]


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
    return number_text(ratio(summary.mean[measure], reference.mean[measure]), digits=3)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
