"""A command that is told to end cleans up as after Ctrl-C."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from overpose.app.command_line import Terminated, exit_status

SCRIPT = """
import sys, time
from pathlib import Path
from overpose.app import command_line
from overpose.support.files import writing_file

def work(*_):
    with writing_file(Path(sys.argv[1])):
        print("writing", flush=True)
        time.sleep(600)

command_line._run = work
command_line.main([])
"""


def started(command: list[str], hangup: signal.Handlers) -> subprocess.Popen:
    """The script, which has begun to write; whatever this process does at a hangup."""
    pipe = subprocess.PIPE
    running = subprocess.Popen(
        command,
        stdout=pipe,
        stderr=pipe,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, hangup),
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "writing\n"
    return running


def said_at_its_end(running: subprocess.Popen) -> str:
    with running:
        try:
            return running.communicate(timeout=60)[1]
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_told_to_end_leaves_nothing_half_written(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "out")]
    running = started(command, signal.SIG_DFL)
    running.send_signal(number)
    said = said_at_its_end(running)
    assert running.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert len(said.splitlines()) == 1
    assert "what was finished is kept" in said
    assert list(tmp_path.iterdir()) == []


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "out")]
    running = started(command, signal.SIG_IGN)
    running.send_signal(signal.SIGHUP)
    running.send_signal(signal.SIGTERM)
    said_at_its_end(running)
    assert running.returncode == 128 + signal.SIGTERM


def test_the_status_says_which_signal_it_was() -> None:
    def work() -> None:
        raise Terminated(signal.SIGTERM)

    assert exit_status(work) == 143
