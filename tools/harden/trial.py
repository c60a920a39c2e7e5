"""One command in a directory of its own: run, broken, checked, and run again."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from harden.commands import Command

TIMED = ("date", "*_s", "*ms_per*", "*memory*", "*mib*")
"""Keys of JSON whose values differ from run to run."""
ENDS_WITHIN_S = 10.0
"""For how long children may outlive a killed parent."""
_TOOLS = Path(__file__).parents[1]
_SOURCE = _TOOLS.parent / "src"


@dataclass
class Ran:
    """How a command ended: `status` None if it had to be stopped; what it said on stderr."""

    status: int | None
    said: str
    seconds: float
    survivors: int = 0


@dataclass(frozen=True)
class Bench:
    """A directory for the trials of one command: its inputs, its reference result, its trial."""

    command: Command
    place: Path
    hang_s: float = 300.0

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
        meanwhile: Callable[[subprocess.Popen], None] | None = None,
        **environment: str,
    ) -> Ran:
        """Run the command in the trial's directory.

        Args:
            before: what runs it, such as strace and its options.
            again: with `--overwrite`, where it does not resume.
            meanwhile: is given the process, to disturb it.
            environment: more variables.
        """
        token = f"{os.getpid()}-{time.monotonic_ns()}"
        more = ("--overwrite",) if again and not self.command.resumes else ()
        words = [*before, sys.executable, "-m", "harden.program", *self.command.arguments, *more]
        said = self.place / "stderr"
        begun = time.monotonic()
        with said.open("wb") as stderr, (self.trial / "stdout").open("wb") as stdout:
            running = subprocess.Popen(
                words, cwd=self.trial, stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL,
                env=os.environ | _environment(self.trial, token) | environment,
                start_new_session=True,
            )  # fmt: skip
            try:
                if meanwhile is not None:
                    meanwhile(running)
                status: int | None = running.wait(self.hang_s)
            except subprocess.TimeoutExpired:
                status = None
            seconds = time.monotonic() - begun
            survivors = _survivors(token)
            for process in survivors:
                _kill(process)
            running.wait()
        return Ran(status, said.read_text(errors="replace"), seconds, len(survivors))

    def make_reference(self) -> float:
        """Run the command twice and keep its result; gives the seconds it took.

        Raises:
            SystemExit: it fails, or two runs differ.
        """
        place = self.place / "reference.json"
        if not place.exists():
            results = []
            for _ in range(2):
                self.fresh()
                ran = self.run()
                if ran.status != 0:
                    raise SystemExit(f"{self.command.name}: fails without any fault: {ran.said}")
                results.append(self.result())
            if results[0] != results[1]:
                odd = _differences(*results)
                raise SystemExit(f"{self.command.name}: two runs differ in {', '.join(odd)}")
            place.write_text(json.dumps({"seconds": ran.seconds, "files": results[0]}))
        return json.loads(place.read_text())["seconds"]

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
        reference = json.loads((self.place / "reference.json").read_text())["files"]
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
        reference = json.loads((self.place / "reference.json").read_text())["files"]
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
        "problems": problems,
    }


@dataclass
class Budget:
    """Trials end when the time is over; those that are left are for the next run."""

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    def left(self) -> bool:
        return time.monotonic() - self.begun < self.seconds


def _environment(trial: Path, token: str) -> dict[str, str]:
    return {
        "PYTHONPATH": f"{_SOURCE}{os.pathsep}{_TOOLS}",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TMPDIR": str(trial / "tmp"),
        "HARDEN_TRIAL": token,
    }


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
