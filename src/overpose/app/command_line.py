"""All commands together: parse, run one, turn what went wrong into an exit status."""

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Annotated, Any, Protocol, Union, runtime_checkable

import tyro
from tyro.constructors import ConstructorRegistry

from overpose.app.assets import Assets
from overpose.app.cards import choices
from overpose.app.data import Render, data_group
from overpose.app.experiments import Ablate, Curve, Reproduce
from overpose.app.measure import (
    Bench,
    Evaluate,
    EvaluatePeople,
    EvaluateSteps,
    EvaluateVideo,
    EvaluateWorld,
)
from overpose.app.merge import Merge
from overpose.app.options import require_here
from overpose.app.predict import Demo, Predict
from overpose.app.scale import Scale
from overpose.app.table import Table
from overpose.app.tracks import Export, View
from overpose.app.train import DetectRenders, Onnx, Train, TrainLifter
from overpose.datasets.sources import SOURCES, Source
from overpose.formats import FORMATS, Format
from overpose.keypoints.engines import ENGINES, Engine
from overpose.support.errors import (
    InputError,
    UsageError,
    is_of_memory,
    library_being_loaded,
)
from overpose.support.extras import advice
from overpose.support.version import VERSION


@runtime_checkable
class Command(Protocol):
    """What each command is."""

    def run(self) -> None: ...


def _commands(sources: tuple[Source, ...]) -> Any:
    """Every command, to be chosen from."""
    commands = (
        ("predict", Predict),
        ("demo", Demo),
        ("reproduce", _with_sources(Reproduce, sources)),
        ("render", _with_sources(Render, sources)),
        ("data", data_group(sources)),
        ("train", Train),
        ("evaluate", Evaluate),
        ("ablate", Ablate),
        ("curve", Curve),
        ("detect-renders", DetectRenders),
        ("train-lifter", TrainLifter),
        ("evaluate-video", EvaluateVideo),
        ("evaluate-people", EvaluatePeople),
        ("evaluate-world", EvaluateWorld),
        ("evaluate-steps", EvaluateSteps),
        ("onnx", Onnx),
        ("merge", Merge),
        ("table", Table),
        ("view", View),
        ("export", Export),
        ("assets", Assets),
        ("bench", Bench),
        ("scale", Scale),
    )
    kinds = tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, kind in commands)
    return Union[kinds]  # noqa: UP007


def _with_sources(command: type[Any], sources: tuple[Source, ...]) -> type[Any]:
    """The command that renders motion of these sources."""
    return type(command.__name__, (command,), {"__doc__": command.__doc__, "sources": sources})


DESCRIPTION = """3D human pose from one ordinary camera, through a learned latent code.

overpose --version says which version this is."""


def main(
    arguments: Sequence[str] | None = None,
    *,
    formats: tuple[Format, ...] = FORMATS,
    engines: tuple[Engine, ...] = ENGINES,
    sources: tuple[Source, ...] = SOURCES,
) -> None:
    """Run the command line; ends the process with 0, 1 (bad input), 2 (usage) or 130 (Ctrl-C).

    TERM and HUP end it as Ctrl-C does, with 143 and 129.

    Args:
        arguments: what was typed after `overpose`; that of this process if not given.
        formats, engines, sources: cards to choose from, your own among them.
    """
    # Threads that wait for work should not spin: on shared cores that slows training several times.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is first imported
    # The current directory may be anybody's: no process started here imports what lies there, and
    # numba takes no pickled code that a .numba_config.yaml there points to.
    os.environ["PYTHONSAFEPATH"] = "1"
    for name in ("NUMBA_CACHE_DIR", "NUMBA_CACHE_LOCATOR_CLASSES"):
        os.environ.setdefault(name, "")
    given = sys.argv[1:] if arguments is None else list(arguments)
    with _ended_by_signals():
        status = exit_status(lambda: _run(given, choices(formats, engines), sources))
    if status:
        sys.exit(status)


class Terminated(KeyboardInterrupt):
    """The process is told to end: it cleans up as after Ctrl-C.

    Attributes:
        signal: its number.
    """

    def __init__(self, signal: int) -> None:
        super().__init__()
        self.signal = signal


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """TERM and HUP raise `Terminated` meanwhile, unless they are ignored (nohup)."""

    def end(number: int, _: object) -> None:
        raise Terminated(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in filter(None, (getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP"))):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_status(work: Callable[[], None]) -> int:
    """Do the work of a command; what a user can fix becomes one line on stderr and a status.

    Anything else that goes wrong is a bug, and goes on as the exception that it is.
    """
    try:
        work()
    except InputError as error:
        return _failed(str(error), 2 if isinstance(error, UsageError) else 1)
    except Terminated as error:
        print("overpose: terminated; what was finished is kept", file=sys.stderr)
        return 128 + error.signal
    except KeyboardInterrupt:
        print("overpose: interrupted; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"{where}{error.strerror or error}")
    except Exception as error:
        if is_of_memory(error):
            return _failed(
                "memory ran out; give it less at once, or fewer processes, and run it again"
            )
        library = library_being_loaded(error)
        if library is None:
            raise
        return _failed(
            f"{library} cannot be loaded ({type(error).__name__}: {error}); if memory ran out, do "
            f"less at once and run it again, otherwise install {library} anew"
        )
    return 0


def parse(
    arguments: Sequence[str],
    registry: ConstructorRegistry | None = None,
    sources: tuple[Source, ...] = SOURCES,
) -> Command:
    """The command that the arguments say.

    Args:
        arguments: what was typed after `overpose`.
        registry: from `choices`: which cards there are; those of this package if not given.
        sources: what `data` has a command for, and whose motion is rendered.

    Raises:
        SystemExit: help was asked for (status 0), or the usage is wrong (2).
        InputError: a value is of the right type, but the options refuse it.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            return tyro.cli(
                _commands(sources),
                prog="overpose",
                description=DESCRIPTION,
                args=arguments,
                registry=registry or choices(),
                config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes),
            )
    except SystemExit as end:
        # To tyro, a value that an option struct refuses is wrong usage; here it is bad input.
        cause = end.__context__
        while cause is not None:
            if isinstance(cause, InputError):
                raise cause from None
            cause = cause.__context__
        print(said.getvalue(), file=sys.stderr, end="")
        raise


def _run(arguments: list[str], registry: ConstructorRegistry, sources: tuple[Source, ...]) -> None:
    if arguments == ["--version"]:
        print(f"overpose {VERSION}")
        return
    command = parse(arguments, registry, sources)
    require_here(command, getattr(command, "elsewhere", ()))
    try:
        command.run()
    except ModuleNotFoundError as error:
        said = advice(f"overpose {arguments[0]}", error)
        if said is None:
            raise
        raise InputError(said) from None


def _failed(message: str, status: int = 1) -> int:
    print(f"overpose: error: {' '.join(message.split())}", file=sys.stderr)
    return status
