"""From motions to a dataset of labelled images: plans the work, deals it out, resumes it.

What is on an image is decided in `sequence.py`; how a dataset lies on disk in `datasets`.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from overpose.datasets.rendering.jobs import Piece, Renderer, ShardJob
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.rendering.plan import (
    Motions,
    RenderSequence,
    Trial,
    pack_shards,
    plan_sequences,
)
from overpose.datasets.store import Dataset, open_dataset
from overpose.datasets.writer import (
    finish_dataset,
    is_finished,
    shard_files,
    write_shard,
    writing_dataset,
)
from overpose.studio.body_export import load_body_asset
from overpose.support.cluster import Cluster
from overpose.support.digests import sha256, sha256_of_parts
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.progress import progress_bar
from overpose.support.records import Record
from overpose.support.shards import Shard
from overpose.support.version import VERSION
from overpose.support.workers import do_units, workers_for

STUDIO_VERSION = 2
"""Raised when the same plan gives other pictures or labels. 2: boxes with the official diagonal
points, the nose inside the head, implausible limbs repaired."""


def make_studio(config: RenderConfig) -> Renderer:
    """The renderer of `sequence.py`, which is loaded only where something is rendered."""
    from overpose.datasets.rendering import sequence

    return sequence.make_studio(config)


@dataclass(frozen=True, eq=False)
class Rendering:
    """What is to be rendered, and how.

    The files depend on the trials, motions, configuration and version alone: not on who does which
    part of the work, nor on interruptions.

    Attributes:
        trials: what to render.
        motions: gives the motion of each, at `config.fps`.
        config: see `RenderConfig`.
        name: what the dataset is called.
        provenance: source and licence of the motions, as JSON values.
        make_renderer: makes what renders the shards, in each process; a function at the top of a
            module.
    """

    trials: Sequence[Trial]
    motions: Motions
    config: RenderConfig
    name: str
    provenance: Mapping[str, Any]
    make_renderer: Callable[[RenderConfig], Renderer] = make_studio


def render_dataset(
    wanted: Rendering, output: Output, processes: int | Cluster | None = None
) -> Dataset:
    """Render a dataset, or finish one whose rendering was interrupted.

    Finished shards survive anything; calling again with the same arguments renders the rest, and a
    finished dataset is left as it is.

    Args:
        wanted: the dataset.
        output: directory of the dataset, and whether a finished one, or one made otherwise, is
            removed from it first.
        processes: how many to use, or a cluster; None: one for each core.

    Raises:
        InputError: the directory holds another dataset or other files, there is nothing to render,
            the disk is full, a process was killed, or a motion or an asset is missing or damaged.
    """
    work, out = _Work.of(wanted), output.out
    numbers = range(len(work.shards))
    with writing_dataset(out, work.plan, len(numbers), overwrite=output.overwrite) as missing:
        work.render(numbers, missing, out, processes)
        finish_dataset(out, len(numbers), **_head(wanted))
    return open_dataset(out)


def render_part(
    wanted: Rendering, shard: Shard, output: Output, processes: int | Cluster | None = None
) -> int:
    """Render a part of a dataset's shards, and leave a record of it for `merge`.

    Args:
        wanted: the whole dataset.
        shard: which part of its shards.
        output: directory of the part, and whether other things in it are removed first.
        processes: how many to use, or a cluster; None: one for each core.

    Returns:
        how many samples the part has.

    Raises:
        InputError: as `render_dataset`, or the directory holds the whole dataset.
    """
    work, out = _Work.of(wanted), output.out
    numbers = shard.part(range(len(work.shards)))
    with writing_dataset(out, work.plan, len(work.shards), overwrite=output.overwrite) as missing:
        if is_finished(out):
            raise InputError(f"{out}: holds the whole dataset already; give another directory")
        work.render(numbers, missing, out, processes)
        plan = {"command": "render", "head": _head(wanted), "dataset": work.plan}
        units = [str(number) for number in range(len(work.shards))]
        record = Record(shard.record_in(out), shard, {**plan, "units": units})
        for number in numbers:
            record.note(str(number), shard_files(out, number))
        record.write()
    return sum(_size(work.shards[number]) for number in numbers)


@dataclass(frozen=True, eq=False)
class _Work:
    """A rendering cut into shards, which are the units of work."""

    wanted: Rendering
    sequences: Sequence[RenderSequence]
    shards: Sequence[Sequence[tuple[int, int, int]]]
    plan: Mapping[str, Any]

    @classmethod
    def of(cls, wanted: Rendering) -> "_Work":
        config = wanted.config
        sequences = plan_sequences(
            wanted.trials,
            wanted.motions,
            cameras=config.cameras,
            takes=config.takes,
            longest=config.longest,
            limits=config.limits,
        )
        if not sequences:
            raise InputError("nothing to render: no trial has a frame, or every limit is 0")
        shards = pack_shards(sequences, config.samples_per_shard)
        return cls(wanted, sequences, shards, describe_plan(sequences, config, wanted.motions))

    def render(
        self,
        numbers: Sequence[int],
        missing: Sequence[int],
        out: Path,
        processes: int | Cluster | None,
    ) -> None:
        """Render those of some shards that are missing."""
        wanted = self.wanted
        left = [number for number in numbers if number in set(missing)]
        if left and wanted.make_renderer is make_studio:
            load_body_asset()  # once, and not in every process, where it must be built first
        jobs = _jobs(left, self.shards, self.sequences, wanted.motions)
        make_work = partial(_make_work, wanted.make_renderer)
        total = sum(_size(self.shards[number]) for number in numbers)
        backgrounds = wanted.config.backgrounds
        shared = [] if backgrounds is None else [backgrounds]
        where = workers_for(len(left), processes)
        with progress_bar(f"rendering {wanted.name}", total) as advance:
            advance(total - sum(_size(self.shards[number]) for number in left))
            for samples in do_units(jobs, make_work, wanted.config, out, where, shared=shared):
                advance(samples)


def _head(wanted: Rendering) -> dict[str, Any]:
    """What `finish_dataset` is told of a dataset."""
    size, provenance = wanted.config.image_size, dict(wanted.provenance)
    return {"name": wanted.name, "image_size": size, "provenance": provenance}


def describe_plan(
    sequences: Sequence[RenderSequence], config: RenderConfig, motions: Motions
) -> dict[str, Any]:
    """What identifies a rendering, as JSON values: another plan means other files.

    A motion is known by its skeleton and the way of its root, to 0.1 mm: enough to tell two
    recordings apart, and the same on machines whose last digits differ.
    """
    text = json.dumps([dataclasses.asdict(sequence) for sequence in sequences], sort_keys=True)
    options: dict[str, Any] = dataclasses.asdict(config)
    if config.backgrounds is not None:
        from overpose.studio.background import find_photos  # compiled code, else not needed here

        photos = find_photos(config.backgrounds)
        listing = json.dumps([(photo.name, photo.stat().st_size) for photo in photos])
        options["backgrounds"] = {"files": len(photos), "sha256": sha256(listing)}
    trials = sorted({sequence.trial for sequence in sequences})
    moved = sha256_of_parts(
        np.round(values, 1) + 0.0  # no negative zeros
        for motion in map(motions.motion, trials)
        for values in (motion.skeleton.offsets_mm, motion.root_mm)
    )
    return {
        "overpose_version": VERSION,
        "studio": STUDIO_VERSION,
        **options,
        "sequences": len(sequences),
        "samples": sum(map(len, sequences)),
        "sequences_sha256": sha256(text),
        "motions_sha256": moved,
    }


def _jobs(
    numbers: Sequence[int],
    shards: Sequence[Sequence[tuple[int, int, int]]],
    sequences: Sequence[RenderSequence],
    motions: Motions,
) -> Iterator[ShardJob]:
    for number in numbers:
        pieces = [
            Piece(sequences[place], start, stop, motions.motion(sequences[place].trial))
            for place, start, stop in shards[number]
        ]
        yield ShardJob(number, tuple(pieces))


def _size(shard: Sequence[tuple[int, int, int]]) -> int:
    return sum(stop - start for _, start, stop in shard)


def _make_work(
    make_renderer: Callable[[RenderConfig], Renderer], config: RenderConfig
) -> Callable[[ShardJob, Path, Callable[[], None]], int]:
    renderer = make_renderer(config)

    def work(job: ShardJob, out: Path, check: Callable[[], None]) -> int:
        samples = renderer(job, check)
        write_shard(out, job.number, samples)
        return len(samples)

    return work
