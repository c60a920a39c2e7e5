"""The training loop, the same for every stage: epochs of Adam steps, metrics, checkpoints.

What is learned, and from what, belongs to the stages (`stages`, `pose_stage`); here is
when and how. All randomness of
an epoch is set at its start from seed, stage and epoch, so a run that was killed and resumed ends
with the very weights of one that was not: bit for bit on a CPU with the same number of threads, to
rounding on CUDA.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overpose.networks.sharing import sharing
from overpose.networks.storage import Model
from overpose.support.allocator import keep_freed_memory
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.progress import progress_bar
from overpose.support.seeding import stream_seed
from overpose.training.averaging import RunningAverage
from overpose.training.checkpoint import Progress, restore_checkpoint, save_checkpoint
from overpose.training.config import LoopConfig
from overpose.training.processes import (
    add_gradients,
    is_first,
    own_share,
    summed,
    wait_for_all,
)

OnBatch = Callable[[int, int], None]
Groups = list[tuple[list[nn.Parameter], float]]
"""Parameters to train, each group with its learning rate as a multiple of the loop's."""


@dataclass(frozen=True)
class Runtime:
    """Where a stage runs; it is no part of what is learned.

    Attributes:
        device: "cpu", "cuda" or "auto" (CUDA if there is one).
        threads: CPU threads of torch; None leaves torch's own choice, one for each core.
        on_batch: called with epoch and step, both from 0, after every step.
    """

    device: str = "auto"
    threads: int | None = None
    on_batch: OnBatch | None = None

    def torch_device(self) -> torch.device:
        """The device meant.

        Raises:
            InputError: there is no such device.
        """
        if self.device not in ("cpu", "cuda", "auto"):
            raise InputError(f"device: got {self.device!r}, expected cpu, cuda or auto")
        available = torch.cuda.is_available()
        if self.device == "cuda" and not available:
            raise InputError("device: cuda asked for, but torch sees none; use cpu or auto")
        return torch.device("cuda" if available and self.device != "cpu" else "cpu")


RUNTIME = Runtime()
"""The defaults."""


@dataclass(frozen=True)
class Task:
    """What one stage learns.

    Attributes:
        stage: its name, which also names its random streams.
        model: what is written to disk; moved to the device beforehand.
        groups: parameters to train, each with its learning rate as a multiple of the loop's.
        steps: number of steps in an epoch.
        samples: number of samples in an epoch.
        batches: of an epoch, from 0.
        loss: mean loss of a batch, in network units.
        validate: error in mm of the model in evaluation mode; None without validation data.
        record: all that the result depends on, as JSON values; compared on resume.
        provenance: what the caller knows of the data; kept with the model.
        dtype: of the network's products in training, for the metrics.
    """

    stage: str
    model: Model
    groups: Groups
    steps: int
    samples: int
    batches: Callable[[int], Iterable[Any]]
    loss: Callable[[Any], Tensor]
    validate: Callable[[], float] | None
    record: Mapping[str, Any]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"

    def samples_in(self, step: int) -> int:
        """Samples of a step of an epoch: nearly equally many, the first steps have the odd ones."""
        return self.samples // self.steps + (step < self.samples % self.steps)


def fit(task: Task, loop: LoopConfig, out: Path, runtime: Runtime) -> None:
    """Train `task.model` in place, or go on from the checkpoint in `out`.

    Of several processes (`processes.together`) each has a part of every batch, all have the same
    weights after every step, and the first one validates and writes; all have to see `out`.

    Leaves in `out`: `last/` (model and training state after the last finished epoch) and
    `metrics.jsonl`, one line for each epoch. With `loop.average` the model there, which is the one
    validated, is the average; `val_own_mpjpe_mm` is of the weights themselves. A kill at any moment
    loses at most the current epoch. If the stage is finished already, the model is filled from
    `last/` and nothing else happens.

    Raises:
        InputError: `out` holds a checkpoint of another version or configuration, or a damaged one;
            or the loss is no longer a number.
    """
    groups = [{"params": list(parameters), "scale": scale} for parameters, scale in task.groups]
    optimizer = torch.optim.Adam(groups, lr=loop.learning_rate, fused=True)
    average = RunningAverage(task.model, loop.average) if loop.average > 0 else None
    progress = restore_checkpoint(out / "last", task.model, optimizer, task.record, average)
    if is_first():
        _write_metrics(out, progress)
    remaining = loop.epochs - progress.epochs_done
    if remaining <= 0:
        if average is not None:
            average.keep()
        return
    keep_freed_memory()
    wait_for_all()  # nobody reads any more what the first process writes
    shown = progress_bar(f"train {task.stage}", remaining * task.steps)
    with (
        _random_state_kept(),
        _threads(runtime.threads),
        shown if is_first() else nullcontext(lambda steps: None) as advance,
    ):
        for epoch in range(progress.epochs_done, loop.epochs):
            torch.manual_seed(stream_seed(loop.seed, task.stage, epoch, "torch"))
            started = time.perf_counter()
            train_loss = _train_epoch(
                task, loop, optimizer, average, epoch, runtime.on_batch, advance
            )
            train_s = time.perf_counter() - started
            if not is_first():
                progress.history.append({"epoch": epoch})
                wait_for_all()
                continue
            task.model.eval()
            own_mm = task.validate() if average and task.validate else None
            with average.shown() if average else nullcontext() as now:
                error_mm = task.validate() if task.validate else None
                _append(progress, task, loop, epoch, train_loss, error_mm, own_mm, train_s)
                save_checkpoint(
                    out / "last", task.model, optimizer, progress, task.record, task.provenance, now
                )
            _write_metrics(out, progress)
            wait_for_all()
    if average is not None:
        average.keep()


def _train_epoch(
    task: Task,
    loop: LoopConfig,
    optimizer: torch.optim.Optimizer,
    average: RunningAverage | None,
    epoch: int,
    on_batch: OnBatch | None,
    advance: Callable[[int], None],
) -> float:
    task.model.train()
    losses: list[Tensor] = []
    trained = [each for group in optimizer.param_groups for each in group["params"]]
    for step, batch in enumerate(task.batches(epoch)):
        rate = learning_rate(loop, epoch * task.steps + step, task.steps * loop.epochs)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        optimizer.zero_grad(set_to_none=True)
        share = own_share(task.samples_in(step))
        with sharing(share):
            loss = task.loss(batch)
            if share is not None:
                loss = loss * share.weight
            loss.backward()
        add_gradients(trained)
        optimizer.step()
        if average is not None:
            average.update(epoch * task.steps + step)
        losses.append(loss.detach())
        advance(1)
        if on_batch:
            on_batch(epoch, step)
    mean = float(summed(losses).mean())
    if not math.isfinite(mean):
        raise InputError(
            f"{task.stage}: the loss became {mean} in epoch {epoch}; lower the learning rate"
        )
    return mean


def learning_rate(loop: LoopConfig, step: int, total_steps: int) -> float:
    """Learning rate of a step, counted from 0 over the whole stage."""
    if loop.schedule == "constant":
        return loop.learning_rate
    return loop.learning_rate * 0.5 * (1 + math.cos(math.pi * step / total_steps))


def read_metrics(out: Path) -> list[dict[str, Any]]:
    """The records of `metrics.jsonl` in a stage's directory, one for each epoch.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    path = Path(out) / "metrics.jsonl"
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the directory of a trained stage")
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if all(isinstance(record, dict) for record in records):
            return records
        raise ValueError("a line is no object")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON lines ({error}); train the stage again") from None


def _append(
    progress: Progress,
    task: Task,
    loop: LoopConfig,
    epoch: int,
    train_loss: float,
    error_mm: float | None,
    own_mm: float | None,
    train_s: float,
) -> None:
    entry = {
        "stage": task.stage,
        "epoch": epoch,
        "train_loss": train_loss,
        "val_mpjpe_mm": error_mm,
        "score": train_loss if error_mm is None else error_mm,
        "learning_rate": learning_rate(loop, epoch * task.steps, task.steps * loop.epochs),
        "samples_seen": (epoch + 1) * task.samples,
        "train_s": round(train_s, 4),
        "samples_per_s": round(task.samples / train_s, 1),
        "dtype": task.dtype,
    }
    if own_mm is not None:
        entry["val_own_mpjpe_mm"] = own_mm
    progress.history.append(entry)


def _write_metrics(out: Path, progress: Progress) -> None:
    """Rewrite the few lines whole, from the history that the checkpoint holds: never a half line,
    never an epoch twice."""
    with writing_file(out / "metrics.jsonl") as temporary:
        lines = "".join(json.dumps(entry) + "\n" for entry in progress.history)
        temporary.write_text(lines, encoding="utf-8")


@contextmanager
def _random_state_kept() -> Iterator[None]:
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def _threads(threads: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
