"""Training several seeds and methods at once, each in a process of one thread.

Two networks of this size on one core each learn together some 40 % more images per second than one
after the other on two cores. Nothing is measured here: `pipeline` finds the stages done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from overpose.datasets.store import open_dataset
from overpose.experiments.pipeline import Run, train_stage
from overpose.experiments.preset import Preset
from overpose.methods import Samples
from overpose.support.progress import progress_bar, say
from overpose.support.workers import Stopped, do_jobs
from overpose.training.loop import Runtime


@dataclass(frozen=True)
class Chain:
    """Stages to be trained one after the other, from one seed.

    Attributes:
        preset: what to train.
        action: the only action to train on; None: all.
        out: directory of the run.
        seed: of the run.
        device: where to train.
        stages: names of stages, in order.
        part: how many of the training images, see `Samples.part`; None: all.
    """

    preset: Preset
    action: str | None
    out: Path
    seed: int
    device: str
    stages: tuple[str, ...]
    part: int | None = None


def chains_of_run(run: Run, action: str | None) -> tuple[list[Chain], list[Chain]]:
    """A run's stages as chains that do not need each other, longest first.

    Args:
        run: what is to be trained.
        action: the action that the run's samples are limited to; None: all.

    Returns:
        What has to be trained first because several chains need it, and the chains.
    """
    preset = run.preset
    methods = [method for method in preset.cards if not method.fitted_once]
    needed = sorted((preset.stages_of(method) for method in methods), key=len, reverse=True)
    whole: list[tuple[str, ...]] = []
    for stages in needed:
        if stages and not any(stages == longer[: len(stages)] for longer in whole):
            whole.append(stages)
    begun = [stages[0] for stages in whole]
    shared = [(stage,) for stage in dict.fromkeys(begun) if begun.count(stage) > 1]
    first, others = (
        [Chain(preset, action, run.out, run.seed, run.runtime.device, stages) for stages in part]
        for part in (shared, whole)
    )
    return first, others


def train_side_by_side(dataset: Path, chains: Sequence[Chain], processes: int) -> None:
    """Train all chains, `processes` at a time; finished stages are skipped, begun ones resumed.

    A stage that fails ends its chain and nothing else: whoever asks for it next gets the error.

    Args:
        dataset: directory of the rendered dataset.
        chains: what to train, each once.
        processes: how many at a time.

    Raises:
        InputError: the dataset cannot be read, or a process was killed from outside.
    """
    stages = sum(len(chain.stages) for chain in chains)
    with progress_bar("training stages", stages) as advance:
        for done in do_jobs(chains, _make_work, dataset, max(1, min(processes, len(chains)))):
            advance(done)


def _make_work(dataset: Path) -> Callable[[Chain, Callable[[], None]], int]:
    return partial(_train_chain, Samples(open_dataset(dataset)))


def _train_chain(samples: Samples, chain: Chain, check: Callable[[], None]) -> int:
    if chain.action is not None:
        dataset = samples.dataset
        samples = Samples(dataset.select(dataset.actions == chain.action))
    if chain.part is not None:
        samples = samples.part(chain.part, chain.seed)
    runtime = Runtime(chain.device, threads=1, on_batch=lambda epoch, step: check())
    run = Run(chain.preset, samples, chain.out, chain.seed, runtime)
    for stage in chain.stages:
        try:
            train_stage(run, stage)
        except Stopped:
            raise
        except Exception as error:
            say(f"{stage}, seed {chain.seed}: {type(error).__name__}: {error}")
            break
    return len(chain.stages)
