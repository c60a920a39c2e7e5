"""All commands together: parse, run one, turn what went wrong into an exit status."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from overpose.app.assets import Assets
from overpose.app.data import Data, Render
from overpose.app.experiments import Ablate, Reproduce
from overpose.app.measure import Bench, Evaluate, EvaluateVideo
from overpose.app.predict import Demo, Predict
from overpose.app.tracks import Export, View
from overpose.app.train import Train, TrainLifter
from overpose.errors import InputError

Command = (
    Annotated[Predict, tyro.conf.subcommand("predict")]
    | Annotated[Demo, tyro.conf.subcommand("demo")]
    | Annotated[Reproduce, tyro.conf.subcommand("reproduce")]
    | Annotated[Render, tyro.conf.subcommand("render")]
    | Annotated[Data, tyro.conf.subcommand("data")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Ablate, tyro.conf.subcommand("ablate")]
    | Annotated[TrainLifter, tyro.conf.subcommand("train-lifter")]
    | Annotated[EvaluateVideo, tyro.conf.subcommand("evaluate-video")]
    | Annotated[View, tyro.conf.subcommand("view")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Assets, tyro.conf.subcommand("assets")]
    | Annotated[Bench, tyro.conf.subcommand("bench")]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; ends the process with 0, 1 (bad input), 2 (usage) or 130 (Ctrl-C)."""
    # Threads that wait for work should not spin: on shared cores that slows training several times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is first imported
    command = tyro.cli(
        Command,  # type: ignore[arg-type]
        prog="overpose",
        description="3D human pose from one ordinary camera, through a learned latent code.",
        args=arguments,
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )
    try:
        command.run()
    except InputError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("overpose: interrupted; what was finished is kept", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")


def _fail(message: str) -> None:
    print(f"overpose: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)
