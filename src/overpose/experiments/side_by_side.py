"""Training stages of several seeds and methods at once, each in a process of one thread.

Two networks of this size on one core each learn together some 40 % more images per second than one
after the other on two cores. Nothing is measured here: `pipeline` finds the stages done.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from overpose.datasets.store import Dataset
from overpose.experiments.pipeline import Run, stage_place, train_stage
from overpose.experiments.preset import Preset
from overpose.methods import INPUTS, Inputs, Samples
from overpose.support.progress import progress_bar, say
from overpose.support.workers import Stopped, do_jobs
from overpose.training.loop import Runtime


@dataclass(frozen=True)
class Job:
    """A stage to be trained from one seed.

    Attributes:
        preset: what to train.
        stage: its name.
        inputs: what methods are given.
        action: the only action to train on; None: all.
        out: directory of the run.
        seed: of the run.
        device: where to train.
        part: how many of the training images, see `Samples.part`; None: all.
    """

    preset: Preset
    stage: str
    inputs: Inputs
    action: str | None
    out: Path
    seed: int
    device: str
    part: int | None = None

    @property
    def place(self) -> Path:
        """The directory of the stage."""
        return stage_place(self.preset, self.out, self.inputs, self.stage)


def jobs_of_run(run: Run, *, action: str | None = None, part: int | None = None) -> list[Job]:
    """The stages of a run, each after those that it needs; without methods that are fitted in one
    go, which take every core by themselves.

    Args:
        run: what is to be trained.
        action: the action that the run's samples are limited to; None: all.
        part: the number of images that they are limited to; None: all.
    """
    preset, inputs = run.preset, run.samples.inputs
    methods = [method for method in preset.compared if not method.fitted_once]
    stages = dict.fromkeys(stage for method in methods for stage in preset.stages_of(method))
    return [
        Job(preset, stage, inputs, action, run.out, run.seed, run.runtime.device, part)
        for stage in stages
    ]


def train_side_by_side(dataset: Dataset, jobs: Iterable[Job], processes: int) -> None:
    """Train all stages, `processes` at a time; finished stages are skipped, begun ones resumed.

    A stage begins as soon as those that it needs are there. A stage that fails ends those that need
    it and nothing else: whoever asks for it next gets the error.

    Args:
        dataset: what to learn from.
        jobs: what to train; a stage that is there twice, a code of several inputs, is trained once.
        processes: how many at a time.

    Raises:
        InputError: the dataset cannot be read, or a process was killed from outside.
    """
    waiting = list({job.place: job for job in jobs}.values())
    unfinished = {job.place for job in waiting}
    failed: set[Path] = set()
    with progress_bar("training stages", len(waiting)) as advance:

        def ready() -> Iterator[Job | None]:
            while waiting:
                for job in [job for job in waiting if failed & _needed(job)]:
                    waiting.remove(job)
                    failed.add(job.place)
                    unfinished.discard(job.place)
                    advance(1)
                job = next((job for job in waiting if not unfinished & _needed(job)), None)
                if job is not None:
                    waiting.remove(job)
                if job is not None or waiting:
                    yield job

        for place, went_well in do_jobs(
            ready(), _make_work, dataset, max(1, min(processes, len(waiting)))
        ):
            unfinished.discard(place)
            if not went_well:
                failed.add(place)
            advance(1)


def _needed(job: Job) -> set[Path]:
    preset, before = job.preset, job.preset.stages_before(job.stage)[:-1]
    return {stage_place(preset, job.out, job.inputs, stage) for stage in before}


def _make_work(dataset: Dataset) -> Callable[[Job, Callable[[], None]], tuple[Path, bool]]:
    return partial(_train, {inputs: Samples(dataset, inputs) for inputs in INPUTS})


def _train(
    by_inputs: Mapping[Inputs, Samples], job: Job, check: Callable[[], None]
) -> tuple[Path, bool]:
    """The directory of the stage, and whether it is trained now."""
    for inputs, others in by_inputs.items():
        if inputs != job.inputs:
            others.free_images()
    samples = by_inputs[job.inputs]
    if job.action is not None:
        dataset = samples.dataset
        samples = Samples(dataset.select(dataset.actions == job.action), job.inputs)
    if job.part is not None:
        samples = samples.part(job.part, job.seed)
    runtime = Runtime(job.device, threads=1, on_batch=lambda epoch, step: check())
    try:
        train_stage(Run(job.preset, samples, job.out, job.seed, runtime), job.stage)
    except Stopped:
        raise
    except Exception as error:
        say(f"{job.place.name}, seed {job.seed}: {type(error).__name__}: {error}")
        return job.place, False
    return job.place, True
