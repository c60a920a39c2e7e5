"""A process that has imported what a command needs, and forks for each trial: no trial imports."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ATTACHED_WITHIN_S = 60.0
OUTLIVE_FORKS = ("jemalloc_bg_thd",)
"""Threads that a fork can do without; jemalloc, which is in pyarrow, knows of forks."""


class Forked:
    """A process of a trial; has of `subprocess.Popen` what the trials use."""

    def __init__(self, warm: "Warm", request: dict[str, Any]) -> None:
        self._warm = warm
        self._status: int | None = None
        self.cpu_s = 0.0
        self.tracer: subprocess.Popen | None = None
        warm.ask(request)
        self.pid: int = self._answer(None)["pid"]
        if request["stopped"]:
            self._answer(None)

    def wait(self, timeout: float | None = None) -> int:
        """Its status, as of `subprocess.Popen`.

        Raises:
            TimeoutExpired: it still runs.
        """
        status = self._status
        if status is None:
            said = self._answer(timeout)
            status = self._status = int(said["status"])
            self.cpu_s = said["cpu_s"]
        return status

    def close(self) -> None:
        """Wait until its tracer has written everything; once no process of it is left."""
        if self.tracer is not None:
            self.tracer.wait()

    def _answer(self, timeout: float | None) -> dict[str, Any]:
        said = self._warm.answer(timeout)
        if said is None:
            raise subprocess.TimeoutExpired("harden", timeout or 0)
        return said


class Warm:
    """The process that is forked.

    Args:
        modules: a file with the names of what it imports.
        environment: of the process.
        said: where the process says what goes wrong with itself.

    Raises:
        SystemExit: it has more than one thread, of which a fork would lose all but one.
    """

    def __init__(self, modules: Path, environment: Mapping[str, str], said: Path) -> None:
        with said.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "harden.program", "--warm", str(modules)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment,
            )  # fmt: skip
        threads = (self.answer(None) or {})["threads"]
        if len([name for name in threads if name not in OUTLIVE_FORKS]) != 1:
            raise SystemExit(f"harden: got a warm process with threads {threads}, expected one")

    def start(self, request: dict[str, Any], tracer: tuple[str, ...] = ()) -> Forked:
        """Run a command in a fork, from its first line under a tracer that is given `-p PID`."""
        forked = Forked(self, request | {"stopped": bool(tracer)})
        if tracer:
            words = [*tracer, "-p", str(forked.pid)]
            forked.tracer = subprocess.Popen(words, stderr=subprocess.DEVNULL)
            end = time.monotonic() + ATTACHED_WITHIN_S
            status = Path(f"/proc/{forked.pid}/status")
            while "TracerPid:\t0" in status.read_text():
                if time.monotonic() > end:
                    os.kill(forked.pid, signal.SIGKILL)
                    raise SystemExit("harden: strace does not attach to a process")
                time.sleep(0.002)
            os.kill(forked.pid, signal.SIGCONT)
        return forked

    def ask(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, timeout: float | None) -> dict[str, Any] | None:
        """The next line that it says; None: not in this time.

        Raises:
            SystemExit: it has ended.
        """
        pipe = self._process.stdout
        assert pipe is not None
        # Lines are answers to one request at a time, so that none waits in the buffer.
        if timeout is not None and not select.select([pipe], [], [], timeout)[0]:
            return None
        line = pipe.readline()
        if not line:
            raise SystemExit(f"harden: the warm process ended with {self._process.wait()}")
        return json.loads(line)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
