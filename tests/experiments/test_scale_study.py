"""What is made of measurements: calibration, jobs on many cores, limits, money, the command."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from command_line import run

from overpose.experiments.scale.calibration import Calibration, calibrate, predict_run
from overpose.experiments.scale.driver import DriverCosts
from overpose.experiments.scale.jobs import (
    Job,
    Rates,
    driver_of,
    in_shards,
    lift_job,
    limits,
    on_ray,
    render_job,
    ring_seconds,
    training,
)
from overpose.experiments.scale.measuring import LiftRun, Run, Unit
from overpose.experiments.scale.options import ScaleOptions
from overpose.experiments.scale.simulation import Driver
from overpose.support.errors import InputError

# A worker starts after 5 s, 3 of them its own; its first unit takes 1 s longer than the 2 s of
# others; it is killed once, and the command ends 4 s after the last unit.
ALONE = Run(
    workers=1,
    units=(
        Unit(0, 10, 5.0, 8.0), Unit(1, 10, 8.0, 10.0), Unit(2, 10, 10.0, None),
        Unit(2, 11, 14.0, 17.0), Unit(3, 11, 17.0, 19.0), Unit(4, 11, 19.0, 21.0),
    ),
    kills_s=(11.0,), total_s=25.0, bytes=5000,
)  # fmt: skip
CALM = DriverCosts(unit_s=0.0, file_s=0.0, byte_s=0.0, listed_s=0.0, noted_s=0.0)
RATES = Rates(
    calibration=Calibration((2.0,), (4.0,), 2.0, 4.0), driver=CALM, images_per_unit=256,
    image_bytes=4000.0, clip_s=4.0, clip_unit_s=(8.0,), clip_bytes=2000.0, clip_read_bytes=8000.0,
    hash_bytes_per_s=1e9, train_images_per_s=400.0, train_cores=2, gradient_bytes=4_000_000,
)  # fmt: skip
IDEAL = ScaleOptions(
    images=1_000_000, video_hours=10.0, hours_between_failures=float("inf"), stragglers=0.0,
    cores=(4, 32), images_per_unit=512, minutes_per_unit=1.0,
)  # fmt: skip


def test_a_run_of_one_worker_says_what_units_starts_and_ends_take() -> None:
    known = calibrate(ALONE)
    assert known.unit_s == (2.0, 2.0, 2.0)
    assert known.ready_s == (4.0,)  # three seconds to start, one for the slower first unit
    assert known.start_s == 2.0
    assert known.end_s == 4.0


def test_the_calibration_predicts_a_run_of_other_workers_with_other_kills() -> None:
    # Workers begin at 6 s; that of the pair which is killed at 7 s loses 1 s and is back at 11:
    # the other has done two units then, so five units take until 14 s.
    both = replace(ALONE, workers=2, kills_s=(7.0,), total_s=18.0)
    found = predict_run(calibrate(ALONE), both, Driver(), draws=20)
    assert found.predicted_s == pytest.approx(18.0)
    assert found.error == pytest.approx(0.0)


def test_a_run_without_a_kill_calibrates_nothing() -> None:
    with pytest.raises(ValueError, match="killed"):
        calibrate(replace(ALONE, kills_s=()))


def test_jobs_are_cut_into_units_of_whole_measured_ones() -> None:
    render, lift = render_job(RATES, IDEAL), lift_job(RATES, IDEAL)
    assert (render.units, render.mean_s, render.bytes) == (1954, 4.0, 512 * 4000)
    assert (lift.units, lift.mean_s, lift.bytes) == (600, 120.0, 15 * 2000)


@pytest.mark.parametrize("way", [on_ray, in_shards])
def test_without_failures_work_is_shared_out_evenly(way: Any) -> None:
    job = render_job(RATES, IDEAL)
    four, many = (way(job, cores, RATES, IDEAL) for cores in IDEAL.cores)
    work_h = job.units * job.mean_s / 3600
    assert four.hours - four.merge_hours == pytest.approx(work_h / 4, rel=0.01)
    assert many.hours - many.merge_hours == pytest.approx(work_h / 32, rel=0.05)
    assert four.bound_by == "workers"
    assert four.at_work > many.at_work > 0.9


def test_failing_machines_cost_units_and_time() -> None:
    job = render_job(RATES, IDEAL)
    calm = on_ray(job, 32, RATES, IDEAL)
    rough = on_ray(job, 32, RATES, replace(IDEAL, hours_between_failures=0.05))
    assert calm.lost_units == 0
    assert rough.lost_units > 0
    assert rough.hours > calm.hours


def test_what_breaks_first_is_what_the_simulation_says_decides() -> None:
    rates = replace(RATES, driver=replace(CALM, unit_s=0.2))
    job = render_job(rates, IDEAL)
    first = next(each for each in limits(job, rates, IDEAL) if each.way == "ray")
    assert first.what.startswith("the command's own work")
    assert first.cores == pytest.approx(4.0 / 0.2, rel=0.01)
    below, above = (on_ray(job, cores, rates, IDEAL) for cores in (10, 100))
    assert (below.bound_by, above.bound_by) == ("workers", "driver")
    assert above.hours == pytest.approx(job.units * 0.2 / 3600, rel=0.02)


def test_work_that_grows_with_what_is_there_takes_the_sum() -> None:
    rates = replace(RATES, driver=replace(CALM, listed_s=1e-5, noted_s=1e-3))
    job = Job("lift", 2000, (1.0,), 1, 1.0, files=2, noted=True)
    growth_s = 4 * 1e-5 + 1e-3
    assert driver_of(job, rates, IDEAL).growth_s == pytest.approx(growth_s)
    found = on_ray(job, 1000, rates, IDEAL)
    assert found.hours == pytest.approx(growth_s * 2000**2 / 2 / 3600, rel=0.05)


@pytest.mark.parametrize(("growth_s", "ends"), [(0.0, [""]), (1e-3, ["beginning", "end"])])
def test_work_that_does_not_grow_is_one_limit(growth_s: float, ends: list[str]) -> None:
    driver = replace(CALM, unit_s=0.1, note_s=0.05, noted_s=growth_s)
    job = Job("lift", 2000, (6.0,), 1, 1.0, noted=True)
    found = [
        limit for limit in limits(job, replace(RATES, driver=driver), IDEAL)
        if limit.what.startswith("the command's own work")
    ]  # fmt: skip
    assert {limit.what.partition(", in the ")[2] for limit in found} == set(ends)
    assert max(limit.cores for limit in found) == pytest.approx(6.0 / 0.15)


def test_gradients_go_round_in_a_ring() -> None:
    options = replace(IDEAL, link_gbit=8.0, latency_ms=0.0)
    assert ring_seconds(1, 10**9, options) == 0.0
    assert ring_seconds(2, 10**9, options) == pytest.approx(1.0)
    assert ring_seconds(1000, 10**9, options) == pytest.approx(2.0, rel=0.01)


def test_training_gains_until_gradients_take_as_long_as_a_step() -> None:
    hours = [training(cores, RATES, IDEAL).hours for cores in (2, 4, 8)]
    assert hours[0] == pytest.approx(10 * 1_000_000 / 400 / 3600)
    assert hours[0] > hours[1] > hours[2] > hours[0] / 4
    assert training(100_000, RATES, IDEAL).bound_by == "network"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"images": 0}, "images: got 0, expected above 0"),
        ({"cores": ()}, "cores: got (), expected above 0"),
        ({"cores": (2, 10**9)}, "cores: got (2, 1000000000), expected at most 1e+06"),
        ({"batch": 10**9}, "batch: got 1000000000, expected at most 1e+06"),
        ({"video_hours": float("inf")}, "video_hours: got inf, expected at most 1e+15"),
        ({"video_hours": float("nan")}, "video_hours: got nan, expected above 0"),
        ({"images": 10**24}, "expected at most 1e+15"),
        ({"latency_ms": float("inf")}, "latency_ms: got inf, expected 0 to 1e+15"),
        ({"stragglers": 2.0}, "stragglers: got 2.0, expected 0 to 1"),
        ({"core_hour": (0.02,)}, "price_source: got prices without it"),
        ({"core_hour": (-1.0,), "price_source": "mine"}, "core_hour: got (-1.0,)"),
    ],
)
def test_options_out_of_range_are_one_line(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match="expected") as refused:
        replace(IDEAL, **wrong)
    assert named in str(refused.value)


@pytest.mark.parametrize(
    ("assumed", "named"),
    [
        (("--minutes-per-unit", "1e-9", "--video-hours", "2000"), "lift: got 1,800,000 units of 1"),
        (("--images-per-unit", "256"), "render: got 1,953,125 units of 1 measured ones"),
        (("--images", "1000000000000", "--images-per-unit", "10000000"), "render: got 100,002"),
        (("--hours-between-failures", "0.01"), "begun more than 20 times"),
    ],
)
def test_work_that_a_simulation_would_never_end_is_one_line(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    assumed: tuple[str, ...], named: str,
) -> None:  # fmt: skip
    given = ("scale", "--measured", str(measured), "--out", str(tmp_path / "out"))
    assert run(*given, "--images", "500000000", *assumed) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert named in line
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("option", ["--shards", "--rounds"])
def test_no_rounds_and_no_shards_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert run("scale", "--out", str(tmp_path / "out"), option, "0") == 1
    assert f"{option[2:]}: got 0, expected at least 1" in capsys.readouterr().err


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """What `overpose scale` measured on a machine of the mind."""
    calm = replace(ALONE, kills_s=(), total_s=20.0)
    runs = [calm, replace(calm, workers=2, total_s=10.0), ALONE]
    lift = LiftRun(1, (8.0, 8.0), 30.0, 4.0, 120, 1, 8000, 2000)
    path = tmp_path / "measured.json"
    value = {
        "commit": "abc", "machine": "of the mind", "date": "today",
        "render": {"images_per_shard": 256, "image_size": 128, "images": 1280,
                   "runs": [asdict(each) for each in runs]},
        "lift": {"clip": "clip.mp4", "runs": [asdict(lift), asdict(replace(lift, workers=2))]},
        "driver": asdict(CALM), "hash_bytes_per_s": 1e9,
        "train": {"images_per_s": 400.0, "cores": 2, "gradient_bytes": 4_000_000},
    }  # fmt: skip
    path.write_text(json.dumps(value))
    return path


def test_the_command_writes_numbers_and_tables(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    given = ("scale", "--measured", str(measured), "--out", str(out), "--images", "100000")
    given += ("--video-hours", "10", "--cores", "2", "64", "--hours-between-failures", "inf")
    given += ("--stragglers", "0")
    prices = ("--core-hour", "0.5", "--gb-month", "2", "--price-source", "Mine, 2026-11-30")
    assert run(*given, *prices) == 0
    page = (out / "scale.md").read_text()
    assert page == capsys.readouterr().out
    assert "Prices: Mine, 2026-11-30." in page
    numbers = json.loads((out / "scale.json").read_text())
    assert numbers["two_workers"]["render"] == [2.0]
    rows = numbers["rows"]
    assert {(row["job"], row["cores"]) for row in rows} == {
        (job, cores) for job in ("render", "lift", "train") for cores in (2, 64)
    }
    row = next(row for row in rows if row["job"] == "lift" and row["cores"] == 2)
    assert row["hours"] == pytest.approx(10 * 3600 / 4 * 8 / 2 / 3600, rel=0.05)
    assert f"| lift | `--ray` | 2 | {0.5 * 2 * row['hours']:.3g} |" in page
    assert run(*given) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_measurements_of_before_the_record_had_journals_are_read(
    measured: Path, tmp_path: Path
) -> None:
    value = json.loads(measured.read_text())
    del value["driver"]["note_s"]
    value["driver"]["noted_s"] = 1e-5
    measured.write_text(json.dumps(value))
    assert run("scale", "--measured", str(measured), "--out", str(tmp_path / "out")) == 0
    page = (tmp_path / "out" / "scale.md").read_text()
    assert "for every 1,000 noted before | 10 |" in page
    assert "to note a unit" not in page


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda value: value["train"].pop("cores"), "required field `cores`"),
        (lambda value: value["render"].update(images_per_shard=0), "Expected `int` >= 1"),
        (lambda value: value["driver"].update(unit_s="1"), "Expected `float`, got `str`"),
        (lambda value: value.update(hash_bytes_per_s=float("nan")), "got the number nan"),
        (lambda value: value["lift"]["runs"][0].update(total_s=-1.0), "got the number -1.0"),
        (lambda value: value["render"].update(runs=[]), "runs that say too little"),
    ],
)
def test_damaged_measurements_are_one_line(
    measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    damage: Callable[[dict[str, Any]], object], said: str,
) -> None:  # fmt: skip
    value = json.loads(measured.read_text())
    damage(value)
    measured.write_text(json.dumps(value))
    assert run("scale", "--measured", str(measured), "--out", str(tmp_path / "out")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("overpose: error: measured: ")
    assert said in line
