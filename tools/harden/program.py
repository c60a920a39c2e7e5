"""The command line, as the trials run it: with a preset of seconds, and memory that can run out.

Usage: python -m harden.program ARGUMENTS of overpose, which runs it once; or
python -m harden.program --warm MODULES, a file of names of modules. That process imports them,
and for each line of JSON on its standard input it forks one that runs the command line, and
answers with the lines `{"pid": …}` and `{"status": …, "cpu_s": …}`.

`HARDEN_FAIL_AT=k` makes the k-th allocation fail that goes through one of the functions in
`harden.allocations`; `HARDEN_COUNT=FILE` writes there how many there were; `HARDEN_MODULES=FILE`
writes there what was imported.
"""

import atexit
import gc
import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from harden.allocations import Allocations

SIZE = 32
"""Height and width of the images, pixels."""
ALLOCATIONS = "HARDEN_ALLOCATIONS"
"""In the environment: names of the modules whose allocations can fail."""


def tiny_presets() -> MappingProxyType[str, Any]:
    """In the place of smoke, a preset of seconds with a kernel method, networks and a code."""
    from overpose.baselines.linkde import LinKDEConfig
    from overpose.datasets.rendering.options import RenderConfig
    from overpose.experiments.preset import Preset, ProceduralMotion
    from overpose.experiments.presets import ours_and_cnn
    from overpose.methods.mean_pose import MeanPoseConfig
    from overpose.networks.autoencoder import AutoencoderConfig
    from overpose.networks.image_encoder import ImageEncoderConfig
    from overpose.training.config import AutoencoderStage, LoopConfig

    encoder = ImageEncoderConfig(SIZE, SIZE - 4, (5, 3), (2, 4), (8,), 0.1)
    smoke = Preset(
        name="smoke",
        render=RenderConfig(image_size=SIZE, max_train=12, max_val=0, max_test=6),
        procedural=ProceduralMotion(train_subjects=2, test_subjects=1, trials=1, frames=20),
        methods={
            "mean_pose": MeanPoseConfig(),
            "linkde": LinKDEConfig(input_features=20, output_features=20),
            **ours_and_cnn(encoder, latent=LoopConfig(epochs=1), finetune=LoopConfig(epochs=1)),
        },
        codes={"autoencoder": AutoencoderStage(AutoencoderConfig((20,)), LoopConfig(epochs=1))},
        inputs=("image",),
    )
    return MappingProxyType({"smoke": smoke})


def run(arguments: Sequence[str], allocations: Allocations | None = None) -> None:
    """Run the command line with what the environment asks for.

    Args:
        arguments: of overpose.
        allocations: those of a warm process; None: this one is new.
    """
    counted, fail_at = os.environ.get("HARDEN_COUNT"), os.environ.get("HARDEN_FAIL_AT")
    if modules := os.environ.get("HARDEN_MODULES"):
        atexit.register(lambda: Path(modules).write_text("\n".join(list(sys.modules))))
    if allocations is None and (counted or fail_at):
        allocations = Allocations()
        allocations.install(os.environ[ALLOCATIONS].split())
    from overpose.app import main

    if arguments[0] in ("train", "reproduce"):
        from overpose.experiments import presets

        presets.PRESETS = tiny_presets()
    if arguments[0] == "reproduce":
        # A new process for each method, whose failure costs a figure in a table.
        from overpose.experiments import reproduce

        reproduce.prediction_memory_mib = lambda *_, **__: None
    if allocations is not None and (counted or fail_at):
        if counted:
            atexit.register(lambda: Path(counted).write_text(str(allocations.made)))
        allocations.begin(int(fail_at or 0))
    main(arguments)


def warm(modules: Path) -> None:
    """Import what is named there; then each line of standard input is run by a fork of this."""
    allocations = None
    if os.environ.get(ALLOCATIONS):
        allocations = Allocations()
        allocations.install(os.environ[ALLOCATIONS].split())
    for name in modules.read_text().splitlines():
        if not name.startswith(("_", "harden")):
            with suppress(Exception):
                importlib.import_module(name)
    # The standard ones are the command's: what is said to the parent goes elsewhere.
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    gc.collect()
    gc.freeze()
    threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    print(json.dumps({"threads": threads}), file=answers, flush=True)
    for line in requests:
        process = os.fork()
        if process == 0:
            requests.close()
            answers.close()
            _become(json.loads(line))
            run(sys.argv[1:], allocations)
            return
        print(json.dumps({"pid": process}), file=answers, flush=True)
        _follow(process, answers)


def _become(request: dict[str, Any]) -> None:
    """Be as a process that was started for this request."""
    os.setsid()
    for number, name in enumerate(request["streams"]):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY
        os.dup2(os.open(name, flags), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    tempfile.tempdir = None  # it was found for another environment
    sys.argv = ["overpose", *request["arguments"]]
    if request["stopped"]:
        os.kill(os.getpid(), signal.SIGSTOP)


def _follow(process: int, answers: IO[str]) -> None:
    """Say when a process stops itself, and how it ends."""
    while True:
        _, status, used = os.wait4(process, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            said: dict[str, Any] = {"stopped": True}
        else:
            cpu_s = round(used.ru_utime + used.ru_stime, 3)
            said = {"status": os.waitstatus_to_exitcode(status), "cpu_s": cpu_s}
        print(json.dumps(said), file=answers, flush=True)
        if "status" in said:
            return


if __name__ == "__main__":
    if sys.argv[1] == "--warm":
        warm(Path(sys.argv[2]))
    else:
        run(sys.argv[1:])
