"""report.html: all tables and figures in one file that opens anywhere, offline.

What the tables hold belongs to `tables` and `details`; nothing is measured here.
"""

import base64
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path

from overpose.methods import METHODS, Method
from overpose.report.blocks import blocks_of
from overpose.report.checks import check_lines
from overpose.report.rows import Report
from overpose.report.tables import TextTable, measured_tables, published_tables
from overpose.support.files import writing_file

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
       color: #222; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.7rem; text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid #888; } td { border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
tr.ours td { font-weight: 600; }
p.note, dl { color: #555; font-size: 0.85rem; } dt { font-weight: 600; } dd { margin: 0 0 0.3rem; }
img { max-width: 100%; }
"""
_OURS = "Ours"


def write_page(
    path: Path,
    report: Report,
    *,
    extra: Sequence[TextTable] = (),
    figures: Sequence[tuple[str, Path]] = (),
    methods: Sequence[Method] = METHODS,
) -> None:
    """Write the page, whole or not at all.

    Args:
        path: where to.
        report: the measured rows.
        extra: further tables.
        figures: titles and PNG files, put into the page; files that are not there are left out.
        methods: whose titles to give, in their order.
    """
    facts = {
        "Dataset": report.dataset,
        "Protocol": report.protocol,
        "Commit": report.commit,
        "Machine": report.machine,
        "Date": report.date,
    }
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'><title>overpose: results</title>",
        f"<style>{_STYLE}</style></head><body><h1>Results</h1>",
        "<dl>" + "".join(f"<dt>{k}</dt><dd>{escape(v)}</dd>" for k, v in facts.items()) + "</dl>",
        *(_figure(title, picture) for title, picture in figures if picture.is_file()),
    ]
    for block in blocks_of(report.rows):
        checks = check_lines(block.rows, methods=methods)
        parts += [
            f"<h1>{escape(block.title)}</h1><p>{escape(block.note)}</p><h2>Checks</h2><ul>",
            *(f"<li>{escape(line)}</li>" for line in checks),
            "</ul>",
        ]
        tables = measured_tables(replace(report, rows=block.rows), methods=methods)
        parts += [_table(table, report) for table in tables]
    parts += [
        "<h1>As published, and further measurements</h1>",
        *(_table(table, report) for table in (*published_tables(report), *extra)),
        "</body></html>",
    ]
    with writing_file(path) as temporary:
        temporary.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _table(table: TextTable, report: Report) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(
        f"<tr{' class=ours' if row[0].startswith(_OURS) else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in table.rows
    )
    note = "" if report.protocol in table.note else f"<p class='note'>{escape(table.note)}</p>"
    return f"<h2>{escape(table.title)}</h2><table><tr>{head}</tr>{rows}</table>{note}"


def _figure(title: str, picture: Path) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    shown = f"<img alt='{escape(title, quote=True)}' src='data:image/png;base64,{data}'>"
    return f"<h2>{escape(title)}</h2>{shown}"
