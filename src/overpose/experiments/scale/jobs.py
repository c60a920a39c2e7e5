"""Three jobs on paper: rendering, lifting, training; how long they take on how many cores, what
bounds them, and what that costs.

Rates come from `measuring`, sizes and prices from `options`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overpose.experiments.scale.calibration import Calibration, drawn
from overpose.experiments.scale.driver import DriverCosts
from overpose.experiments.scale.options import ScaleOptions
from overpose.experiments.scale.simulation import Driver, Machines, simulate
from overpose.support.cluster import TRIES
from overpose.support.errors import InputError

RENDER_FILES = 4
"""Of a shard: images, masks, table, record."""
_GROWN = 1.1
"""How many times as long the command's own work for the last unit takes as for the first, where
that is said."""

MOST_UNITS = 1_000_000
"""Of a job that is simulated: each is gone through, for every number of cores, in both ways."""
MOST_MEASURED = 100_000_000
"""Measured units that these are made of: the seconds of each are drawn."""


@dataclass(frozen=True)
class Job:
    """Work in units, as measured.

    Attributes:
        name: what is done.
        units: how many.
        unit_s: measured seconds of a small unit on one core.
        measured: how many small units make one.
        bytes: of the results of a unit.
        read_bytes: of what a unit reads.
        files: of a unit.
        noted: whether the command keeps a record of the units.
    """

    name: str
    units: int
    unit_s: tuple[float, ...]
    measured: int
    bytes: float
    read_bytes: float = 0.0
    files: int = 1
    noted: bool = False

    @property
    def mean_s(self) -> float:
        """Core-seconds of a unit, stragglers aside."""
        return float(np.mean(self.unit_s)) * self.measured


@dataclass(frozen=True)
class Rates:
    """What this machine was measured at.

    Attributes:
        calibration: of a cluster with one worker.
        driver: costs of the command itself.
        images_per_unit, image_bytes: of the rendered shards and of one image in them.
        clip_s: length of the lifted clip.
        clip_unit_s: seconds that one core takes for it.
        clip_bytes, clip_read_bytes: of its results, and of the video.
        hash_bytes_per_s: of comparing a file with its hash.
        train_images_per_s: of a training process; `train_cores`: on how many cores.
        gradient_bytes: of the trained network.
    """

    calibration: Calibration
    driver: DriverCosts
    images_per_unit: int
    image_bytes: float
    clip_s: float
    clip_unit_s: tuple[float, ...]
    clip_bytes: float
    clip_read_bytes: float
    hash_bytes_per_s: float
    train_images_per_s: float
    train_cores: int
    gradient_bytes: int


def render_job(rates: Rates, options: ScaleOptions) -> Job:
    """Rendering all images."""
    measured = max(1, round(options.images_per_unit / rates.images_per_unit))
    images = measured * rates.images_per_unit
    units, unit_s = -(-options.images // images), rates.calibration.unit_s
    return Job("render", units, unit_s, measured, images * rates.image_bytes, files=RENDER_FILES)


def shard_job(rates: Rates) -> Job:
    """One shard of those that were measured."""
    size = rates.images_per_unit * rates.image_bytes
    return Job("render", 1, rates.calibration.unit_s, 1, size, files=RENDER_FILES)


def lift_job(rates: Rates, options: ScaleOptions) -> Job:
    """Lifting all video."""
    measured = max(1, round(60 * options.minutes_per_unit / rates.clip_s))
    units = max(1, round(3600 * options.video_hours / (measured * rates.clip_s)))
    sizes = (measured * rates.clip_bytes, measured * rates.clip_read_bytes)
    return Job("lift", units, rates.clip_unit_s, measured, *sizes, noted=True)


def require_feasible(job: Job, options: ScaleOptions) -> None:
    """Refuse work that takes the simulation for ever.

    Raises:
        InputError: there are too many units, or a machine hardly ever finishes one.
    """
    if job.units > MOST_UNITS or job.units * job.measured > MOST_MEASURED:
        raise InputError(
            f"{job.name}: got {job.units:,} units of {job.measured:,} measured ones, expected at "
            f"most {MOST_UNITS:,}, and {MOST_MEASURED:,} measured ones; assume less work, or "
            "larger units (--images-per-unit, --minutes-per-unit)"
        )
    slowest_s = job.mean_s * (max(1.0, options.straggler_times) if options.stragglers else 1.0)
    if math.log(TRIES) * 3600 * options.hours_between_failures < slowest_s:
        raise InputError(
            f"hours_between_failures: got {options.hours_between_failures:g}, and a unit of "
            f"{job.name} takes {slowest_s / 3600:.3g} hours: it would be begun more than {TRIES} "
            "times; assume fewer failures, or smaller units (--images-per-unit, --minutes-per-unit)"
        )


@dataclass(frozen=True)
class Row:
    """A job on some cores.

    Attributes:
        job, way: what, and how: `ray`, one command; `shard`, one command for each machine and
            `merge` in the end; `torchrun`.
        cores: asked for, and at work where there are fewer units or images of a batch.
        hours: from beginning to end, `merge` included.
        merge_hours: of these.
        at_work: share of the cores' time that goes into finished work.
        lost_units: that failures cost.
        bound_by: what takes the longest.
        gbit_per_s: that results, and video, need of the network on average.
    """

    job: str
    way: str
    cores: int
    hours: float
    merge_hours: float
    at_work: float
    lost_units: int
    bound_by: str
    gbit_per_s: float


def on_ray(job: Job, cores: int, rates: Rates, options: ScaleOptions, *, seed: int = 0) -> Row:
    """One command with `--ray`: every result comes to its machine over its link."""
    found = simulate(
        _unit_seconds(job, options, seed), _machines(cores, rates, options),
        driver_of(job, rates, options), seed=seed,
    )  # fmt: skip
    hours = found.total_s / 3600
    return Row(
        job.name, "ray", cores, hours, 0.0, found.work_s / (cores * found.total_s), found.losses,
        found.bound_by, _gbit_per_s(job, found.total_s),
    )  # fmt: skip


def in_shards(job: Job, cores: int, rates: Rates, options: ScaleOptions, *, seed: int = 0) -> Row:
    """`--shard i/N` on each of N machines, which keeps its results; then `merge` reads them all."""
    seconds = _unit_seconds(job, options, seed)
    parts = max(1, cores // options.cores_per_machine)
    own = min(cores, options.cores_per_machine)
    found = [
        simulate(seconds[part::parts], _machines(own, rates, options), seed=seed + part)
        for part in range(min(parts, len(seconds)))
    ]
    parts_s = max(part.total_s for part in found)
    merge_s = job.units * job.bytes / min(rates.hash_bytes_per_s, _link_bytes_per_s(options))
    total_s = parts_s + merge_s
    work_s = sum(part.work_s for part in found)
    bound_by = "merge" if merge_s > parts_s else max(found, key=lambda part: part.total_s).bound_by
    return Row(
        job.name, "shard", cores, total_s / 3600, merge_s / 3600, work_s / (cores * total_s),
        sum(part.losses for part in found), bound_by, _gbit_per_s(job, total_s),
    )  # fmt: skip


def training(cores: int, rates: Rates, options: ScaleOptions) -> Row:
    """`torchrun`, a process on as many cores as were measured; the batch is shared out and the
    gradients go round in a ring after each step."""
    processes = max(1, min(cores // rates.train_cores, options.batch))
    work_s = options.batch / processes / rates.train_images_per_s
    ring_s = ring_seconds(processes, rates.gradient_bytes, options)
    steps = options.epochs * options.images / options.batch
    total_s = steps * (work_s + ring_s)
    used = processes * rates.train_cores
    bound_by = "network" if ring_s > work_s else "workers"
    if bound_by == "workers" and processes == options.batch < cores // rates.train_cores:
        bound_by = "batch"
    read = rates.image_bytes * options.epochs * options.images
    return Row(
        "train", "torchrun", cores, total_s / 3600, 0.0,
        work_s / (work_s + ring_s) * used / max(used, cores), 0, bound_by,
        (8 * read / total_s + 8 * 2 * rates.gradient_bytes * processes * steps / total_s) / 1e9
        if processes > 1 else 8 * read / total_s / 1e9,
    )  # fmt: skip


def ring_seconds(processes: int, size: int, options: ScaleOptions) -> float:
    """Seconds until all processes have the sum of their gradients: each sends and gets all of them
    but its own share, twice, in as many messages."""
    if processes == 1:
        return 0.0
    sent = 2 * (processes - 1) / processes * size
    return sent / _link_bytes_per_s(options) + 2 * (processes - 1) * options.latency_ms / 1000


def driver_of(job: Job, rates: Rates, options: ScaleOptions) -> Driver:
    """The command itself, with a job's results: half of what a unit of nothing costs hands it out,
    the rest takes the results."""
    half_s = rates.driver.unit_s / 2
    take_s = rates.driver.of_unit(job.files, job.bytes, noted=job.noted) - half_s
    growth_s = rates.driver.growth_s(job.files, noted=job.noted)
    return Driver(half_s, take_s, job.bytes / _link_bytes_per_s(options), growth_s)


@dataclass(frozen=True)
class Limit:
    """From how many cores on something other than work decides.

    Attributes:
        job, way: see `Row`.
        what: what that is.
        cores: from here on.
    """

    job: str
    way: str
    what: str
    cores: float


def limits(job: Job, rates: Rates, options: ScaleOptions) -> list[Limit]:
    """What breaks first, and what then, by the cores that it takes."""
    driver = driver_of(job, rates, options)
    serial_s = driver.hand_s + driver.take_s
    last_s = serial_s + driver.growth_s * job.units
    own = [("the command's own work", serial_s)]
    if last_s > _GROWN * serial_s:
        own = [("the command's own work, in the beginning", serial_s),
               ("the command's own work, in the end", last_s)]  # fmt: skip
    work_s = job.units * job.mean_s
    merge_s = job.units * job.bytes / min(rates.hash_bytes_per_s, _link_bytes_per_s(options))
    found = [
        ("ray", "the link of the command's machine", job.mean_s, driver.link_s),
        *(("ray", what, job.mean_s, seconds) for what, seconds in own),
        ("ray", "fewer units than cores", job.units, 1.0),
        ("shard", "merge takes longer than the parts", work_s, merge_s),
        ("shard", "fewer units than cores", job.units, 1.0),
    ]  # fmt: skip
    reached = [
        Limit(job.name, way, what, shared / serial) for way, what, shared, serial in found if serial
    ]
    return sorted(reached, key=lambda limit: (limit.way, limit.cores))


def training_limits(rates: Rates, options: ScaleOptions) -> list[Limit]:
    """What of training breaks first, and what then."""
    processes = next(
        (count for count in range(2, options.batch + 1)
         if ring_seconds(count, rates.gradient_bytes, options)
         > options.batch / count / rates.train_images_per_s),
        None,
    )  # fmt: skip
    own = rates.train_cores
    found = [Limit("train", "torchrun", "fewer images in a batch than processes",
                   options.batch * own)]  # fmt: skip
    if processes is not None:
        what = "exchanging gradients takes longer than the step"
        found.append(Limit("train", "torchrun", what, processes * own))
    return sorted(found, key=lambda limit: limit.cores)


def stored_bytes(jobs: Sequence[Job]) -> dict[str, float]:
    """Bytes of each job's results."""
    return {job.name: job.units * job.bytes for job in jobs}


def _unit_seconds(job: Job, options: ScaleOptions, seed: int) -> np.ndarray:
    seconds = drawn(job.unit_s, job.units, seed, measured=job.measured)
    slow = np.random.default_rng([seed, 1]).random(job.units) < options.stragglers
    return np.where(slow, options.straggler_times * seconds, seconds)


def _machines(cores: int, rates: Rates, options: ScaleOptions) -> Machines:
    known = rates.calibration
    return Machines(
        cores, known.start_s, known.ready_s, options.cores_per_machine,
        options.hours_between_failures, 60 * options.return_minutes,
    )  # fmt: skip


def _link_bytes_per_s(options: ScaleOptions) -> float:
    return options.link_gbit * 1e9 / 8


def _gbit_per_s(job: Job, seconds: float) -> float:
    return 8 * job.units * (job.bytes + job.read_bytes) / seconds / 1e9
