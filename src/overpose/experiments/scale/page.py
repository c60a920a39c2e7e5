"""scale.md: the numbers of `study` as tables. Only layout."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from overpose.report.tables import markdown_lines

_WAYS = {"ray": "`--ray`", "shard": "`--shard`, `merge`", "torchrun": "`torchrun`"}


def page_text(numbers: Mapping[str, Any]) -> str:
    """The page.

    Args:
        numbers: of `study.estimate`.
    """
    assumed = numbers["assumed"]
    lines = [
        "# Many machines on paper",
        "",
        f"Measured at {numbers['commit']}, {numbers['date']}, on {numbers['machine']}.",
        *_measured(numbers),
        *_predictions(numbers),
        *_jobs(numbers, assumed),
        *_limits(numbers),
        *(_money(numbers, assumed) if assumed["core_hour"] else ()),
    ]
    return "\n".join(lines) + "\n"


def _measured(numbers: Mapping[str, Any]) -> list[str]:
    rates = numbers["rates"]
    known = rates["calibration"]
    unit_s, clip_s = median(known["unit_s"]), median(rates["clip_unit_s"])

    def ms(name: str, times: float = 1.0) -> str:
        return f"{1000 * times * rates['driver'][name]:.3g}"

    rows = [
        ("images rendered by one core in a second", f"{rates['images_per_unit'] / unit_s:.0f}"),
        ("bytes of an image with its labels", f"{rates['image_bytes']:.0f}"),
        ("seconds of video lifted by one core in a second", f"{rates['clip_s'] / clip_s:.2f}"),
        ("bytes of a second of video, read", f"{rates['clip_read_bytes'] / rates['clip_s']:.0f}"),
        ("bytes of its people, written", f"{rates['clip_bytes'] / rates['clip_s']:.0f}"),
        (f"images that {rates['train_cores']} cores train on in a second",
         f"{rates['train_images_per_s']:.0f}"),
        ("bytes of the network's gradients", f"{rates['gradient_bytes']}"),
        ("bytes hashed in a second", f"{rates['hash_bytes_per_s']:.3g}"),
        ("seconds until a cluster's workers begin to start", f"{known['start_s']:.1f}"),
        ("seconds of a worker's start, its slower first unit included",
         f"{median(known['ready_s']):.1f}"),
        ("milliseconds of the command's own work for a unit of nothing", ms("unit_s")),
        ("and for each file of its results", ms("file_s")),
        ("and for each megabyte of them", ms("byte_s", 1e6)),
        *((("and to note a unit of `predict`", ms("note_s")),)
          if rates["driver"]["note_s"] else ()),
        ("and for each file, for every 1,000 that are there", ms("listed_s", 1000)),
        ("and for a unit of `predict`, for every 1,000 noted before", ms("noted_s", 1000)),
        *((f"two workers against one, {name}", " ".join(f"{each:.2f}" for each in found))
          for name, found in numbers["two_workers"].items()),
    ]  # fmt: skip
    return ["", "## Measured", "", *markdown_lines(("what", "measured"), rows)]


def _predictions(numbers: Mapping[str, Any]) -> list[str]:
    rows = [
        (f"{each['workers']}", f"{each['kills']}", f"{each['measured_s']:.1f}",
         f"{each['predicted_s']:.1f} ({each['spread_s'][0]:.1f} to {each['spread_s'][1]:.1f})",
         f"{100 * each['error']:+.1f} %")
        for each in numbers["predictions"]
    ]  # fmt: skip
    titles = ("workers", "killed", "measured, s", "predicted, s (5 to 95 %)", "error")
    return [
        "", "## The simulation against other runs", "",
        "Calibrated on one run of one worker who was killed; the number of units, of workers and "
        "the moments of the kills are given.", "", *markdown_lines(titles, rows, left=0),
    ]  # fmt: skip


def _jobs(numbers: Mapping[str, Any], assumed: Mapping[str, Any]) -> list[str]:
    rows = [
        (row["job"], _WAYS[row["way"]], f"{row['cores']:,}", _number(row["hours"]),
         f"{100 * row['at_work']:.0f} %", f"{row['lost_units']}", row["bound_by"],
         f"{row['gbit_per_s']:.3g}")
        for row in numbers["rows"]
    ]  # fmt: skip
    titles = ("job", "by", "cores", "hours", "at work", "units lost", "bound by", "Gbit/s")
    stored = ", ".join(
        f"{job} {size / 1e12:.3g} TB" for job, size in numbers["stored_bytes"].items()
    )
    units = ", ".join(
        f"{job['name']} {job['units']:,} of {job['mean_s']:.0f} s" for job in numbers["jobs"]
    )
    return [
        "", "## On many cores", "",
        f"Assumed: {assumed['images']:,} images, {assumed['video_hours']:,.0f} h of video, "
        f"{assumed['epochs']} epochs in batches of {assumed['batch']}; machines of "
        f"{assumed['cores_per_machine']} cores like those measured, {assumed['link_gbit']:g} "
        f"Gbit/s and {assumed['latency_ms']:g} ms between them, each failing every "
        f"{assumed['hours_between_failures']} h and back after {assumed['return_minutes']:g} "
        f"minutes; {100 * assumed['stragglers']:g} % of the units take "
        f"{assumed['straggler_times']:g} times as long. Units: {units}. "
        f"Stored in the end: {stored}.",
        "", *markdown_lines(titles, rows, left=2),
    ]  # fmt: skip


def _limits(numbers: Mapping[str, Any]) -> list[str]:
    rows = [
        (each["job"], _WAYS[each["way"]], each["what"], f"{each['cores']:,.0f}")
        for each in numbers["limits"]
    ]
    titles = ("job", "by", "what decides", "from how many cores on")
    return ["", "## What breaks first, and what then", "", *markdown_lines(titles, rows, left=3)]


def _money(numbers: Mapping[str, Any], assumed: Mapping[str, Any]) -> list[str]:
    prices = assumed["core_hour"]
    rows = [
        (row["job"], _WAYS[row["way"]], f"{row['cores']:,}",
         *(_number(price * row["cores"] * row["hours"]) for price in prices))
        for row in numbers["rows"]
    ]  # fmt: skip
    titles = ("job", "by", "cores", *(f"at {price:g} a core-hour" for price in prices))
    lines = ["", "## Money", "", f"Prices: {assumed['price_source']}.", ""]
    lines += markdown_lines(titles, rows, left=2)
    if assumed["gb_month"] is not None:
        kept = ", ".join(
            f"{job} {_number(assumed['gb_month'] * size / 1e9)}"
            for job, size in numbers["stored_bytes"].items()
        )
        lines += ["", f"A month of storage at {assumed['gb_month']:g} a gigabyte: {kept}."]
    return lines


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
