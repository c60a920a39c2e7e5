"""Progress: plain lines where there is no terminal, a bar where there is one."""

import io
import itertools
import re
import sys

import pytest

from overpose.support import progress


def test_say_prints_one_line_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say("hello")
    assert capsys.readouterr() == ("", "hello\n")


def test_without_a_terminal_the_end_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_bar("rendering", 5) as advance:
        for _ in range(5):
            advance(1)
    out, error = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"rendering: 5/5 in \d+\.\d s\n", error)


def test_without_a_terminal_lines_come_no_oftener_than_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count(0, 1)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(seconds) // 2))
    with progress.progress_bar("rendering", 60) as advance:
        for _ in range(60):
            advance(1)
    lines = capsys.readouterr().err.splitlines()
    counts = [int(line.split()[1].split("/")[0]) for line in lines]
    assert counts[-1] == 60
    assert 2 <= len(counts) <= 5
    assert counts == sorted(counts)


def test_the_last_line_is_not_printed_after_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with progress.progress_bar("rendering", 5) as advance:
            advance(1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_bar_shows_description_and_count(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress.progress_bar("rendering", 3) as advance:
        advance(3)
    assert "rendering" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()
