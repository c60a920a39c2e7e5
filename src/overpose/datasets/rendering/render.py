"""From motions to a dataset of labelled images: plans the work, deals it out, resumes it.

What is on an image is decided in `sequence.py`; how a dataset lies on disk in `datasets`.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from overpose.datasets.writer import finish_dataset, write_shard, writing_dataset
from overpose.studio.body_export import load_body_asset
from overpose.support.digests import sha256, sha256_of_parts
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.progress import progress_bar
from overpose.support.version import VERSION
from overpose.support.workers import do_jobs, number_of_processes

STUDIO_VERSION = 2
"""Raised when the same plan gives other pictures or labels. 2: boxes with the official diagonal
points, the nose inside the head, implausible limbs repaired."""


def make_studio(config: RenderConfig) -> Renderer:
    """The renderer of `sequence.py`, which is loaded only where something is rendered."""
    from overpose.datasets.rendering import sequence

    return sequence.make_studio(config)


def render_dataset(
    trials: Iterable[Trial],
    motions: Motions,
    config: RenderConfig,
    output: Output,
    *,
    name: str,
    provenance: Mapping[str, Any],
    processes: int | None = None,
    make_renderer: Callable[[RenderConfig], Renderer] = make_studio,
) -> Dataset:
    """Render a dataset, or finish one whose rendering was interrupted.

    The files depend on the trials, motions, configuration and version alone: not on the number of
    processes, nor on interruptions. Finished shards survive anything; calling again with the same
    arguments renders the rest, and a finished dataset is left as it is.

    Args:
        trials: what to render.
        motions: gives the motion of each, at `config.fps`.
        config: see `RenderConfig`.
        output: directory of the dataset, and whether a finished one, or one made otherwise, is
            removed from it first.
        name: what the dataset is called.
        provenance: source and licence of the motions, as JSON values.
        processes: how many to use; None: one for each core.
        make_renderer: makes what renders the shards, in each process; a function at the top of a
            module.

    Raises:
        InputError: the directory holds another dataset or other files, there is nothing to render,
            the disk is full, a process was killed, or a motion or an asset is missing or damaged.
    """
    out, processes = output.out, number_of_processes(processes)
    if processes < 1:
        raise InputError(f"processes: got {processes}, expected at least 1")
    sequences = plan_sequences(
        trials,
        motions,
        cameras=config.cameras,
        takes=config.takes,
        longest=config.longest,
        limits=config.limits,
    )
    if not sequences:
        raise InputError("nothing to render: no trial has a frame, or every limit is 0")
    shards = pack_shards(sequences, config.samples_per_shard)
    plan = describe_plan(sequences, config, motions)
    with writing_dataset(out, plan, len(shards), overwrite=output.overwrite) as missing:
        jobs = _jobs(missing, shards, sequences, motions)
        if missing and make_renderer is make_studio:
            load_body_asset()  # once, and not in every process, where it must be built first
        make_work = partial(_make_work, make_renderer, out)
        total = sum(map(len, sequences))
        with progress_bar(f"rendering {name}", total) as advance:
            advance(total - sum(_size(shards[number]) for number in missing))
            for samples in do_jobs(jobs, make_work, config, min(processes, max(1, len(missing)))):
                advance(samples)
        finish_dataset(
            out, len(shards), name=name, image_size=config.image_size, provenance=provenance
        )
    return open_dataset(out)


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
    make_renderer: Callable[[RenderConfig], Renderer], out: Path, config: RenderConfig
) -> Callable[[ShardJob, Callable[[], None]], int]:
    renderer = make_renderer(config)

    def work(job: ShardJob, check: Callable[[], None]) -> int:
        samples = renderer(job, check)
        write_shard(out, job.number, samples)
        return len(samples)

    return work
