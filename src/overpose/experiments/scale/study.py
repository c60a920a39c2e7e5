"""`overpose scale`: measures here, or takes what was measured, and writes what many machines would
take. How it reads belongs to `page`.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from overpose.datasets.rendering.options import RenderConfig
from overpose.experiments.bench.training import bench_training
from overpose.experiments.presets import PAPER
from overpose.experiments.scale.calibration import Calibration, calibrate, predict_run
from overpose.experiments.scale.driver import measure_driver
from overpose.experiments.scale.jobs import (
    Job,
    Rates,
    Row,
    driver_of,
    in_shards,
    lift_job,
    limits,
    on_ray,
    render_job,
    require_feasible,
    shard_job,
    stored_bytes,
    training,
    training_limits,
)
from overpose.experiments.scale.measured import Measured, measured_of
from overpose.experiments.scale.measuring import (
    LiftRun,
    Run,
    as_values,
    measure_hashing,
    measure_lift,
    measure_render,
)
from overpose.experiments.scale.options import ScaleOptions
from overpose.experiments.scale.page import page_text
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.report.header import report_header
from overpose.support.assets import download_asset
from overpose.support.errors import InputError
from overpose.support.files import Output, read_json, require_writable, write_json, writing_file
from overpose.support.progress import say
from overpose.support.workers import available_processes

MEASURED, NUMBERS, PAGE = "measured.json", "scale.json", "scale.md"
KILLS = {1: 3, 2: 4}
"""Workers killed in the runs that are disturbed, by how many work."""
CLIPS = 6


def study_scale(
    output: Output,
    options: ScaleOptions,
    *,
    measured: Path | None = None,
    shards: int = 80,
    rounds: int = 2,
    images_per_shard: int = 256,
) -> dict[str, Any]:
    """Measure what work takes, simulate it, and write measured.json, scale.json and scale.md.

    Args:
        output: directory.
        options: how much work, on what machines, at which prices.
        measured: the measured.json of an earlier run; None: measured here.
        shards: units of each measured rendering.
        rounds: how often one and two workers take turns, undisturbed and killed.
        images_per_shard: of the measured renderings.

    Raises:
        InputError: bad input, or Ray is not there.
    """
    for name, value in (("shards", shards), ("rounds", rounds)):
        if value < 1:
            raise InputError(f"{name}: got {value}, expected at least 1")
    for name in (MEASURED, NUMBERS, PAGE):
        require_writable(output.out / name, overwrite=output.overwrite)
    output.out.mkdir(parents=True, exist_ok=True)
    if measured is None:
        images = RenderConfig(
            samples_per_shard=images_per_shard, max_train=shards * images_per_shard,
            max_val=0, max_test=0,
        )  # fmt: skip
        found = measure(images, rounds)
        write_json(output.out / MEASURED, found)  # whatever comes of it: it took long
    else:
        found = read_json(measured)
    numbers = estimate(found, options)
    write_json(output.out / MEASURED, found)
    write_json(output.out / NUMBERS, numbers)
    with writing_file(output.out / PAGE) as temporary:
        temporary.write_text(page_text(numbers), encoding="utf-8")
    return numbers


def measure(images: RenderConfig, rounds: int) -> dict[str, Any]:
    """Rates of this machine: renderings and clips by one and by two workers in turns, undisturbed
    and with workers killed; hashing; training."""
    runs: list[Run] = []
    lifts: list[LiftRun] = []
    clip = download_asset("demo_clip")
    for number in range(rounds):
        for workers, kills in ((1, 0), (2, 0), *KILLS.items()):
            run = measure_render(images, workers, kills=kills, seed=10 * number + workers)
            say(f"render, {workers} workers, {len(run.kills_s)} killed: {run.total_s:.1f} s")
            runs.append(run)
        for workers in (1, 2):
            lifts.append(measure_lift(clip, workers, clips=CLIPS))
            say(f"predict, {workers} workers: {lifts[-1].total_s:.1f} s")
    encoder = PAPER.methods["direct"].image.encoder
    rate = bench_training([encoder], rounds=2)[f"train_images_per_s_{encoder.crop_size}"]
    network = PosePredictor(PosePredictorConfig("direct", encoder))
    return {
        **report_header(),
        "render": {"images_per_shard": images.samples_per_shard, "image_size": images.image_size,
                   "images": images.max_train, "runs": as_values(runs)},
        "lift": {"clip": clip.name, "runs": as_values(lifts)},
        "driver": asdict(measure_driver()),
        "hash_bytes_per_s": measure_hashing(),
        "train": {
            "images_per_s": rate,
            "cores": available_processes(),
            "gradient_bytes": sum(4 * part.numel() for part in network.parameters()),
        },
    }  # fmt: skip


def estimate(found: dict[str, Any], options: ScaleOptions) -> dict[str, Any]:
    """Everything that follows from what was measured and what is assumed, as JSON values.

    Raises:
        InputError: the measurements are damaged, or the work is too much to be simulated.
    """
    measured = measured_of(found)
    runs = measured.render.runs
    try:
        calibrated = next(run for run in runs if run.workers == 1 and run.kills_s)
        rates = _rates(measured, calibrate(calibrated))
        of_shard = driver_of(shard_job(rates), rates, options)
        predictions = [
            predict_run(rates.calibration, run, of_shard) for run in runs if run is not calibrated
        ]
        two_workers = {"render": _speedups(runs), "predict": _speedups(measured.lift.runs)}
    except (LookupError, ValueError, StopIteration, ZeroDivisionError) as error:
        raise InputError(
            f"measured: got runs that say too little ({error!r}), expected the {MEASURED} of an "
            "earlier run"
        ) from None
    jobs = (render_job(rates, options), lift_job(rates, options))
    for job in jobs:
        require_feasible(job, options)
    rows = []
    for job in jobs:
        for cores in options.cores:
            for way in (on_ray, in_shards):
                rows.append(_timed(way, job, cores, rates, options))
    rows += [training(cores, rates, options) for cores in options.cores]
    broken = [limit for job in jobs for limit in limits(job, rates, options)]
    return {
        "commit": measured.commit,
        "machine": measured.machine,
        "date": measured.date,
        "assumed": {
            name: "inf" if value == math.inf else value for name, value in asdict(options).items()
        },
        "rates": asdict(rates),
        "two_workers": two_workers,
        "predictions": [asdict(each) | {"error": each.error} for each in predictions],
        "jobs": [_described(job) for job in jobs],
        "stored_bytes": stored_bytes(jobs),
        "rows": [asdict(row) for row in rows],
        "limits": [asdict(limit) for limit in [*broken, *training_limits(rates, options)]],
    }  # fmt: skip


def _described(job: Job) -> dict[str, Any]:
    sizes = {"bytes": job.bytes, "read_bytes": job.read_bytes}
    core_hours = job.units * job.mean_s / 3600
    return {"name": job.name, "units": job.units, "mean_s": job.mean_s, "core_hours": core_hours,
            **sizes}  # fmt: skip


def _timed(
    way: Callable[..., Row], job: Job, cores: int, rates: Rates, options: ScaleOptions
) -> Row:
    began = time.monotonic()
    row = way(job, cores, rates, options)
    if time.monotonic() - began > 5:
        say(f"{job.name} on {cores} cores: {row.hours:.3g} h")
    return row


def _rates(measured: Measured, known: Calibration) -> Rates:
    render, lifts, train = measured.render, measured.lift.runs, measured.train
    alone = next(run for run in lifts if run.workers == 1)
    return Rates(
        calibration=known,
        driver=measured.driver,
        images_per_unit=render.images_per_shard,
        image_bytes=median(run.bytes for run in render.runs) / render.images,
        clip_s=alone.clip_s,
        clip_unit_s=tuple(s for run in lifts if run.workers == 1 for s in run.apart_s),
        clip_bytes=alone.written_bytes,
        clip_read_bytes=alone.read_bytes,
        hash_bytes_per_s=measured.hash_bytes_per_s,
        train_images_per_s=train.images_per_s,
        train_cores=train.cores,
        gradient_bytes=train.gradient_bytes,
    )


def _speedups(runs: list[Any]) -> list[float]:
    """Of two workers over one, run by run: the undisturbed ones, in the order of their turns."""
    calm = [run for run in runs if not getattr(run, "kills_s", ())]
    one, two = ([run.total_s for run in calm if run.workers == count] for count in (1, 2))
    return [alone / both for alone, both in zip(one, two, strict=False)]
