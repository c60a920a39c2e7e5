"""Human3.6M on the command line: from a copy to a dataset that passes its check."""

from pathlib import Path

import pytest
from command_line import run
from human36m_miniature import write_miniature


def test_a_copy_is_converted_counted_and_passes_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, out = write_miniature(tmp_path / "copy"), tmp_path / "d"
    options = ("--image-size", "32", "--actions", "Walking", "--every", "2", "--processes", "1")
    assert run("data", "human36m", "--from", str(copy), "--out", str(out), *options) == 0
    shown = capsys.readouterr()
    assert "12 training images of 1 subjects, 12 test images of 1 others" in shown.out
    assert str(out) in shown.out
    assert "S5: no folder" in shown.err
    assert run("data", "check", str(out)) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "."), "got what is read from"),
        (("--out", "d", "--image-size", "70000"), "image_size: got 70000, expected"),
    ],
)
def test_bad_arguments_end_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("data", "human36m", "--from", str(tmp_path), *options) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("overpose: error: ")
    assert words in line
