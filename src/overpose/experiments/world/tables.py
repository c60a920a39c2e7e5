"""The report on places in the world as Markdown."""

from collections.abc import Mapping
from typing import Any

from overpose.experiments.world.errors import LEVEL_ERRORS
from overpose.report.tables import markdown_lines

MEASURES = (
    "p_mpjpe_mm", "position_mm", "wa_mpjpe_mm", "w_mpjpe_mm", "path_ratio", "slide_mm",
    "height_mm", "sink_mm", "contact_right", "contact_found",
)  # fmt: skip
_TITLES = (
    "subjects", "part", "clips", "P-MPJPE mm", "position mm", "WA-MPJPE mm", "W-MPJPE mm",
    "way, ratio", "slide mm a frame", "ankle height mm", "sinks mm", "contacts right", "found",
)  # fmt: skip
_OF_CAMERA = ("focal error", "up, degrees", "tilt", "roll", "height mm")


def table_text(report: Mapping[str, Any]) -> str:
    """The report of `study_world`."""
    lines = [f"{report['protocol']}. Commit {report['commit']}, {report['machine']}, "
             f"{report['date']}.", ""]  # fmt: skip
    cells = [
        [row["split"], row["part"], str(row["clips"]), *(_text(row[name]) for name in MEASURES)]
        for row in report["rows"]
    ]
    lines += markdown_lines(_TITLES, cells, left=2)
    lines += [
        "",
        "Position: after one rigid fit of the clip. WA- and W-MPJPE: after the similarity fit of "
        "the clip, and of its first two frames, as SLAHMR and WHAM define them. Slide: way of an "
        "ankle per frame in which it truly stands still. Contacts: which share of those said is "
        "true, and which share of the true ones is said. Rows with true values have these in place "
        "of what is estimated; true poses are placed and fitted without a floor.",
        "",
    ]
    rows = [
        [row["split"], _percent(row["focal_share"]), _percent(row["found"]),
         *(_text(row[name]) for name in LEVEL_ERRORS)]
        for row in report["cameras"]
    ]  # fmt: skip
    lines += markdown_lines(("subjects", _OF_CAMERA[0], "world found", *_OF_CAMERA[1:]), rows)
    if report["turning"]:
        lines += _turning_lines(report)
    lines += ["", "By the true focal length, in shares of the longer side:", ""]
    rows = [
        [row["split"], f"{row['from']:g} to {row['to']:g}", str(row["clips"]),
         _percent(row["focal_share"]),
         *(_text(row[name]) for name in ("height_mm", "position_mm", "path_ratio"))]
        for row in report["by_focal"]
    ]  # fmt: skip
    titles = ("subjects", "true focal length", "clips", "focal error", "camera's height mm",
              "position mm", "way, ratio")  # fmt: skip
    lines += markdown_lines(titles, rows, left=2)
    lines += _angle_lines(report)
    if report["squats"]:
        lines += _repetition_lines(report)
    if report["recordings"]:
        lines += _recordings_lines(report)
    return "\n".join(lines) + "\n"


def _turning_lines(report: Mapping[str, Any]) -> list[str]:
    rows = [
        [row["split"], _text(row["turned_deg"]), _percent(row["found"]),
         *(_text(row[name]) for name in ("turn_deg", "turn_end_deg", "known_focal_deg")),
         _percent(row["assumed_share"]), _percent(row["focal_share"]), _text(row["look_ms"])]
        for row in report["turning"]
    ]  # fmt: skip
    titles = (
        "subjects", "turns by, degrees", "turns found", "off by, degrees", "at the end",
        "focal length given", "assumed focal length off", "found one", "ms a frame",
    )  # fmt: skip
    return ["", "Cameras that turn in their place:", "", *markdown_lines(titles, rows)]


def _angle_lines(report: Mapping[str, Any]) -> list[str]:
    signed = ("bias_deg", "low_by_true_deg", "high_by_true_deg", "low_by_found_deg",
              "high_by_found_deg")  # fmt: skip
    rows = [
        [row["split"], row["angle"], _text(row["error_deg"]), _text(row["median_deg"]),
         *(f"{row[name]:+.1f}" for name in signed)]
        for row in report["angles"]
    ]  # fmt: skip
    titles = ("subjects", "angle, degrees", "error", "its median", "bias", "lowest fifth of truth",
              "highest", "lowest fifth of the track", "highest")  # fmt: skip
    return ["", "Joint angles of what `predict` does, and which way they are off:", "",
            *markdown_lines(titles, rows, left=2)]  # fmt: skip


def _repetition_lines(report: Mapping[str, Any]) -> list[str]:
    counts = ("clips", "true", "found", "false", "counted_right")
    tables = (
        ("squats", "Squats, sitting down and the like, against what is told of the true joints:",
         ("subjects", "clips", "squats", "found", "false", "clips counted right",
          "knees at the bottom, degrees", "error", "bias", "depth mm", "error", "bias"),
         ("knee_deg", "depth_mm")),
        ("repetitions", "Other movements that are repeated:",
         ("subjects", "clips", "movements", "found", "false", "counted right", "times", "error",
          "bias", "range, degrees", "error", "bias"),
         ("number", "range_deg")),
    )  # fmt: skip
    lines: list[str] = []
    for key, said, titles, measures in tables:
        rows = [
            [row["split"], *(str(row[name]) for name in counts),
             *(text for each in measures for text in (
                 _text(row[f"true_{each}"]), _text(row[f"{each}_error"]),
                 "" if row[f"{each}_bias"] is None else f"{row[f'{each}_bias']:+.1f}"))]
            for row in report[key]
        ]  # fmt: skip
        lines += ["", said, "", *markdown_lines(titles, rows)]
    return lines


def _recordings_lines(report: Mapping[str, Any]) -> list[str]:
    rows = [
        [row["recording"], row["camera"], f"{100 * row['focal_share']:+.0f} %",
         *(_text(row[name]) for name in LEVEL_ERRORS)]
        for row in report["recordings"]
    ]  # fmt: skip
    lines = ["", "Real recordings with measured cameras, focal length assumed:", ""]
    lines += markdown_lines(("recording", "camera", *_OF_CAMERA), rows, left=2)
    names = ("distance_ratio", "position_mm", "measured_distance_ratio", "measured_position_mm")
    rows = [
        [row["recording"], str(row["person"]), row["camera"], f"{row['distance_mm'] / 1000:.2f}",
         *(_text(row[name]) for name in names)]
        for row in report["places"]
    ]  # fmt: skip
    titles = ("recording", "person", "camera", "distance m", "distance, ratio", "position mm",
              "camera given: distance, ratio", "position mm")  # fmt: skip
    lines += ["", "Places of people against triangulation from all cameras, over 12 joints:", ""]
    return lines + markdown_lines(titles, rows, left=3)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 2 else f"{value:.1f}"
