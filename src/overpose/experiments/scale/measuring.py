"""What work takes here: the repository's own commands on a Ray cluster of this machine, workers
killed at random moments, and every unit's times written down by the worker that did it.

What is made of the times belongs to `calibration` and `jobs`.
"""

import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from overpose.datasets.layout import Sample
from overpose.datasets.rendering.jobs import Renderer, ShardJob
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.rendering.render import make_studio
from overpose.experiments.predict import predict_files
from overpose.experiments.prediction import Outputs, Prediction
from overpose.experiments.rendering import render_motion
from overpose.media.video import open_media
from overpose.poses import PoseTrack
from overpose.studio.body_export import load_body_asset
from overpose.support.cluster import LOCAL, Cluster
from overpose.support.digests import sha256_of_file
from overpose.support.files import Output
from overpose.support.workers import in_fresh_process
from overpose.video.options import PredictOptions

_HASHED_BYTES = 256 << 20
_LOOK_S = 0.2


@dataclass(frozen=True)
class Unit:
    """A unit of work that a worker began; seconds since the command began.

    Attributes:
        number: of the unit.
        worker: the number of its process.
        begun_s: when it was begun.
        ended_s: when it was finished; None: the worker was killed.
    """

    number: int
    worker: int
    begun_s: float
    ended_s: float | None


@dataclass(frozen=True)
class Run:
    """A command as it went.

    Attributes:
        workers: how many worked side by side.
        units: as they were begun.
        kills_s: when a worker was killed, seconds since the command began.
        total_s: until the command had ended.
        bytes: of the results.
    """

    workers: int
    units: tuple[Unit, ...]
    kills_s: tuple[float, ...]
    total_s: float
    bytes: int


def measure_render(
    images: RenderConfig, workers: int, *, kills: int = 0, seed: int = 0
) -> Run:  # fmt: skip
    """`render --ray local` of made-up motion, in a process of its own.

    Args:
        images: of the dataset; every shard is a unit.
        workers: side by side.
        kills: of workers at work, evenly spaced but for chance.
        seed: of the moments and of who is killed.
    """
    load_body_asset()
    return in_fresh_process(_render, images, workers, kills, seed)


def _render(images: RenderConfig, workers: int, kills: int, seed: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="overpose-scale-") as place:
        log = Path(place) / "log"
        log.mkdir()
        shards = (images.max_train or 0) // images.samples_per_shard
        began = _Began()
        with _killing(log, shards, kills, seed) as killed:
            render_motion(
                images, Output(Path(place) / "data"), processes=Cluster(LOCAL, workers),
                make_renderer=partial(timed_studio, log),
            ).close()  # fmt: skip
        return began.run(workers, log, killed, Path(place) / "data")


class _Began:
    """The beginning of a command: what is measured from it on."""

    def __init__(self) -> None:
        self.wall_s = time.time()

    def run(self, workers: int, log: Path, killed: Sequence[float], out: Path) -> Run:
        total_s = time.time() - self.wall_s
        units = [
            Unit(unit.number, unit.worker, unit.begun_s - self.wall_s,
                 None if unit.ended_s is None else unit.ended_s - self.wall_s)
            for unit in _noted(log)
        ]  # fmt: skip
        kills_s = tuple(when - self.wall_s for when in killed)
        size = sum(path.stat().st_size for path in out.iterdir())
        return Run(workers, tuple(units), kills_s, total_s, size)


def timed_studio(log: Path, images: RenderConfig) -> Renderer:
    """The studio, which notes in a file of its process when it begins and ends a shard."""
    renderer, notes = make_studio(images), log / str(os.getpid())

    def timed(job: ShardJob, check: Callable[[], None]) -> list[Sample]:
        _note(notes, job.number, "begun")
        samples = renderer(job, check)
        _note(notes, job.number, "ended")
        return samples

    return timed


def _note(notes: Path, number: int, what: str) -> None:
    with notes.open("a", encoding="utf-8") as file:
        file.write(json.dumps([number, what, time.time()]) + "\n")


def _noted(log: Path) -> list[Unit]:
    """Every unit that was begun, by the clock of the machine, in the order of beginning."""
    found = []
    for notes in log.iterdir():
        lines = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
        for place, (number, what, when) in enumerate(lines):
            if what == "begun":
                after = lines[place + 1 : place + 2]
                ended = after[0][2] if after and after[0][:2] == [number, "ended"] else None
                found.append(Unit(number, int(notes.name), when, ended))
    return sorted(found, key=lambda unit: unit.begun_s)


@contextmanager
def _killing(log: Path, units: int, kills: int, seed: int) -> Iterator[list[float]]:
    """Kill workers at work meanwhile, by their notes; gives when, by the clock."""
    draw, killed, over = random.Random(seed), list[float](), threading.Event()
    marks = sorted(int(draw.uniform(0.05, 0.9) * units) for _ in range(kills))
    gone: set[int] = set()

    def kill_one() -> bool:
        at_work = [unit.worker for unit in _noted(log) if unit.ended_s is None]
        alive = [worker for worker in at_work if worker not in gone]
        if alive:
            victim = draw.choice(alive)
            os.kill(victim, signal.SIGKILL)
            gone.add(victim)
            killed.append(time.time())
        return bool(alive)

    def kill() -> None:
        for mark in marks:
            while sum(unit.ended_s is not None for unit in _noted(log)) < mark:
                if over.wait(_LOOK_S):
                    return
            taken = [unit.ended_s - unit.begun_s for unit in _noted(log) if unit.ended_s]
            wait_s = draw.uniform(0, median(taken or [_LOOK_S]))  # anywhere in a unit
            while not over.wait(wait_s) and not kill_one():
                wait_s = _LOOK_S

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join()


@dataclass(frozen=True)
class LiftRun:
    """Clips that were predicted one after the other by each of some workers.

    Attributes:
        workers: side by side.
        apart_s: between the arrivals of one clip's results and the next, from the second on.
        total_s: until the command had ended.
        clip_s: length of a clip.
        clip_frames, people: of a clip: its pictures, and who was found on them.
        read_bytes, written_bytes: of a clip: the video and its results.
    """

    workers: int
    apart_s: tuple[float, ...]
    total_s: float
    clip_s: float
    clip_frames: int
    people: int
    read_bytes: int
    written_bytes: int


def measure_lift(clip: Path, workers: int, *, clips: int) -> LiftRun:
    """`predict --ray local` of a clip under several names, in a process of its own."""
    return in_fresh_process(_lift, clip, workers, clips)


def _lift(clip: Path, workers: int, clips: int) -> LiftRun:
    with tempfile.TemporaryDirectory(prefix="overpose-scale-") as place:
        inputs = [Path(place) / f"clip{number}{clip.suffix}" for number in range(clips)]
        for path in inputs:
            shutil.copyfile(clip, path)
        out = Path(place) / "out"
        began = time.time()
        asked = Prediction(Outputs(Output(out)), PredictOptions())
        list(predict_files(inputs, asked, cluster=Cluster(LOCAL, workers)))
        total_s = time.time() - began
        done = sorted(path.stat().st_mtime for path in out.glob("*.npz"))
        with open_media(clip) as media:
            fps = media.info.fps
        track = PoseTrack.load(out / f"{inputs[0].stem}.npz")
        written = sum(path.stat().st_size for path in out.iterdir()) // clips
    apart = tuple(after - before for before, after in pairwise(done))
    sizes = (clip.stat().st_size, written)
    return LiftRun(
        workers, apart, total_s, track.frames / fps, track.frames, len(track.poses_mm), *sizes
    )


def measure_hashing(*, repeats: int = 3) -> float:
    """Bytes a second of comparing files with their hashes, which is what `merge` does most."""
    with tempfile.TemporaryDirectory(prefix="overpose-scale-") as place:
        path, taken = Path(place) / "file", []
        path.write_bytes(os.urandom(1 << 20) * (_HASHED_BYTES >> 20))
        for _ in range(repeats):
            began = time.perf_counter()
            sha256_of_file(path)
            taken.append(time.perf_counter() - began)
    return _HASHED_BYTES / median(taken)


def as_values(runs: Sequence[Run | LiftRun]) -> list[dict[str, Any]]:
    """Runs as JSON values."""
    return [asdict(run) for run in runs]
