"""One command in a directory of its own: run, broken, checked, and run again."""

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from harden.allocations import MAKERS
from harden.commands import Command
from harden.program import ALLOCATIONS
from harden.warm import Forked, Warm

Trial = TypeVar("Trial")
WARM, WHOLE = "warm", "whole"
"""Ways to run a command: forked from a process that has imported everything, or by itself."""
WHOLE_EVERY = 20
"""One of so many trials runs by itself."""
TIMED = ("date", "commit", "*_s", "*ms_per*", "*memory*", "*mib*")
"""Keys of JSON whose values differ from run to run; the commit where git itself is broken."""
ENDS_WITHIN_S = 10.0
"""For how long children may outlive a killed parent."""
_TOOLS = Path(__file__).parents[1]
NOTHING: Mapping[str, str] = MappingProxyType({})
_SOURCE = _TOOLS.parent / "src"


@dataclass
class Ran:
    """How a command ended: `status` None if it had to be stopped; what it said on stderr."""

    status: int | None
    said: str
    seconds: float
    survivors: int = 0
    cpu_s: float = 0.0


@dataclass
class Bench:
    """A directory for the trials of one command: its inputs, its reference result, its trial.

    Attributes:
        command: what is tried.
        place: the directory.
        hang_s: whoever runs longer hangs.
        allocations: whether the warm process is one whose memory can run out.
        whole: whether trials are new processes; otherwise forks of one that has imported what the
            command needs.
    """

    command: Command
    place: Path
    hang_s: float = 300.0
    allocations: bool = False
    whole: bool = False
    _warm: Warm | None = None

    @property
    def way(self) -> str:
        """How its trials run."""
        return WHOLE if self.whole else WARM

    def as_whole(self) -> "Bench":
        """The same, with new processes."""
        return replace(self, whole=True, _warm=None)

    def key(self, name: str) -> str:
        """Of a trial, in the ledger."""
        return f"{self.command.name}-{self.way}-{name}"

    @property
    def trial(self) -> Path:
        return self.place / "trial"

    @property
    def out(self) -> Path:
        return self.trial / "out"

    def fresh(self) -> None:
        """Empty the trial's directory but for the inputs."""
        shutil.rmtree(self.trial, ignore_errors=True)
        self.trial.mkdir(parents=True)
        (self.trial / "tmp").mkdir()
        if not (self.place / "in").exists():
            shutil.rmtree(self.place / "in.part", ignore_errors=True)
            (self.place / "in.part").mkdir()
            self.command.prepare(self.place / "in.part")
            (self.place / "in.part").rename(self.place / "in")
        (self.trial / "in").symlink_to(self.place / "in")

    def run(
        self,
        before: tuple[str, ...] = (),
        *,
        again: bool = False,
        meanwhile: Callable[[subprocess.Popen | Forked], None] | None = None,
        environment: Mapping[str, str] = NOTHING,
    ) -> Ran:
        """Run the command in the trial's directory.

        Args:
            before: what runs it, such as strace and its options.
            again: with `--overwrite`, where it does not resume.
            meanwhile: is given the process, to disturb it.
            environment: more variables.
        """
        token = f"{os.getpid()}-{time.monotonic_ns()}"
        rewrites = again and self.command.repeats and not self.command.resumes
        more = ("--overwrite",) if rewrites else ()
        said = self.place / "stderr"
        streams = [os.devnull, str(self.trial / "stdout"), str(said)]
        variables = {**os.environ, **_environment(self.trial, token), **environment}
        arguments = [*self.command.arguments, *more]
        begun, used = time.monotonic(), _cpu_s()
        if self.whole:
            words = [*before, sys.executable, "-m", "harden.program", *arguments]
            with said.open("wb") as stderr, Path(streams[1]).open("wb") as stdout:
                running = subprocess.Popen(
                    words, cwd=self.trial, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL,
                    env=variables, start_new_session=True,
                )  # fmt: skip
        else:
            request = {"streams": streams, "environment": variables, "directory": str(self.trial)}
            running = self._warm_process().start(request | {"arguments": arguments}, before)
        try:
            if meanwhile is not None:
                meanwhile(running)
            status: int | None = running.wait(self.hang_s)
        except subprocess.TimeoutExpired:
            status = None
        seconds = time.monotonic() - begun
        survivors = _survivors(token)
        for process in survivors if status is not None else {*survivors, running.pid}:
            _kill(process)
        running.wait()
        if isinstance(running, Forked):
            running.close()
            cpu_s = running.cpu_s
        else:
            cpu_s = _cpu_s() - used
        text = said.read_text(errors="replace")
        return Ran(status, text, seconds, len(survivors), round(cpu_s, 2))

    def end(self) -> None:
        """End the warm process, if there is one."""
        if self._warm is not None:
            self._warm.end()
            self._warm = None

    def libraries(self) -> str:
        """Modules whose allocations can fail, of those that the command imports."""
        imported = self._modules().read_text().splitlines()
        return " ".join(name for name in MAKERS if name in imported)

    def _modules(self) -> Path:
        """Names of everything that the command imports."""
        path = self.place / "modules"
        if not path.exists():
            self._reference_of(self.as_whole(), {"HARDEN_MODULES": str(path)})
        return path

    def _reference_of(self, bench: "Bench", environment: Mapping[str, str] = NOTHING) -> None:
        """Run it without any fault, and keep its time and its result.

        Raises:
            SystemExit: it fails.
        """
        bench.fresh()
        ran = bench.run(environment=environment)
        if ran.status != 0:
            raise SystemExit(f"{self.command.name}: fails without any fault: {ran.said}")
        found = {"s": ran.seconds, "cpu_s": ran.cpu_s, "files": bench.result()}
        (self.place / f"reference-{bench.way}.json").write_text(json.dumps(found))

    def _warm_process(self) -> Warm:
        if self._warm is None:
            environment = os.environ | _environment(self.trial, "warm")
            if self.allocations:
                environment |= {ALLOCATIONS: self.libraries()}
            modules = self._modules()
            self._warm = Warm(modules, environment, self.place / "warm.stderr")
        return self._warm

    def make_reference(self) -> None:
        """Run the command by itself and in a fork, and keep its result; once, before all trials.

        Raises:
            SystemExit: it fails, or a new process and a fork differ.
        """
        self._modules()
        if not (self.place / f"reference-{WARM}.json").exists():
            self._reference_of(self)
        results = [self.reference(way)["files"] for way in (WHOLE, WARM)]
        if results[0] != results[1]:
            odd = _differences(*results)
            raise SystemExit(f"{self.command.name}: two runs differ in {', '.join(odd)}")
        whole_s, warm_s = (self.reference(way)["cpu_s"] for way in (WHOLE, WARM))
        print(f"{self.command.name}: {whole_s} s of CPU by itself, {warm_s} s forked", flush=True)

    def reference(self, way: str = WARM) -> dict[str, Any]:
        """How a run without faults was: its `s`, its `cpu_s`, and the digests of its `files`."""
        return json.loads((self.place / f"reference-{way}.json").read_text())

    def result(self) -> dict[str, str]:
        """A digest of every file that the command wrote, but for temporary ones."""
        return {
            name: _digest(path)
            for path in sorted(self.out.rglob("*"))
            if path.is_file() and not _is_temporary(name := path.relative_to(self.out).as_posix())
            if not any(fnmatch(name, pattern) for pattern in self.command.ignored)
        }

    def after_failure(self, ran: Ran, *, killed: bool = False) -> list[str]:
        """What is wrong after a command was broken."""
        reference = self.reference()["files"]
        found = self.result()
        problems = []
        if ran.status is None:
            problems.append(f"hang: no end within {self.hang_s:.0f} s")
        if ran.survivors:
            problems.append(f"survivors: {ran.survivors} processes outlive their parent")
        half = [
            name
            for name, digest in found.items()
            if reference.get(name, digest) != digest
            and not any(fnmatch(name, pattern) for pattern in self.command.growing)
        ]
        if half:
            problems.append(f"half-written: {', '.join(half)}")
        if killed or ran.status is None:
            return problems
        if "Traceback" in ran.said:
            last = ran.said.strip().splitlines()[-1]
            problems.append(f"traceback: {last[:200]}")
        elif ran.status == 1:
            errors = [line for line in ran.said.splitlines() if "overpose: error: " in line]
            if len(errors) != 1:
                problems.append(f"lines: {len(errors)} lines of error: {ran.said[-200:]!r}")
        elif ran.status != 0:
            problems.append(f"status: {ran.status}: {ran.said[-200:]!r}")
        elif found != reference:
            problems.append(f"lost: status 0, but {', '.join(_differences(reference, found))}")
        litter = [path.name for path in self.trial.rglob("*") if _is_temporary(path.name)]
        if litter and ran.status != 0:
            problems.append(f"litter: {', '.join(litter[:3])}")
        return problems

    def again(self) -> list[str]:
        """Run the command once more, whole: what is wrong with that."""
        reference = self.reference()["files"]
        if not self.command.repeats and self.result() == reference:
            return []
        ran = self.run(again=True)
        if ran.status != 0:
            return [f"again: status {ran.status}: {ran.said.strip()[-200:]!r}"]
        odd = _differences(reference, self.result())
        return [f"again: differs in {', '.join(odd)}"] if odd else []


def trial_record(key: str, bench: Bench, ran: Ran, problems: list[str]) -> dict[str, Any]:
    """The line of the ledger."""
    return {
        "key": key,
        "command": bench.command.name,
        "status": ran.status,
        "seconds": round(ran.seconds, 2),
        "cpu_s": ran.cpu_s,
        "problems": problems,
    }


def shared_out(trials: Sequence[Trial]) -> list[Trial]:
    """The share of trials that run as new processes, since imports can fail too; at least one."""
    return list(trials[::WHOLE_EVERY])


def digest(key: str) -> bytes:
    """To order trials by: the same each time, so that a run cut short has tried every kind."""
    return hashlib.sha256(key.encode()).digest()


@dataclass
class Budget:
    """Trials end when the time is over, from the first on; those left are for the next run."""

    seconds: float
    begun: float | None = None

    def left(self) -> bool:
        self.begun = self.begun or time.monotonic()
        return time.monotonic() - self.begun < self.seconds


def _environment(trial: Path, token: str) -> dict[str, str]:
    return {
        "PYTHONPATH": os.pathsep.join(map(str, (_SOURCE, _TOOLS, _TOOLS / "harden" / "children"))),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TMPDIR": str(trial / "tmp"),
        "HARDEN_TRIAL": token,
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _survivors(token: str) -> list[int]:
    """Processes of a trial that are still there some time after it ended."""
    end = time.monotonic() + ENDS_WITHIN_S
    while (found := list(processes_of(token))) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def processes_of(token: str) -> Iterator[int]:
    """Processes whose environment has the token of a trial."""
    wanted = f"HARDEN_TRIAL={token}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                yield int(entry.name)
        except OSError:
            continue


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _is_temporary(name: str) -> bool:
    return any(
        part.startswith(".") and part.endswith((".part", ".old", ".part.c3d"))
        for part in Path(name).parts
    )


def _digest(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".json":
        with suppress(ValueError):  # damaged, which the digest of its bytes tells
            data = json.dumps(_timeless(json.loads(data)), sort_keys=True).encode()
    return hashlib.sha256(data).hexdigest()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _timeless(item)
            for key, item in value.items()
            if not any(fnmatch(key, pattern) for pattern in TIMED)
        }
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def _differences(first: dict[str, str], second: dict[str, str]) -> list[str]:
    return sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )
