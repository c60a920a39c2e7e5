"""The report page: a file for each person, whatever is known of them."""

import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from PIL import Image
from walking_person import standing, track_of, walking

from overpose.formats.writing import write_formats
from overpose.movement.page import FORMAT, INCHES, with_report


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_everybody_who_is_seen_gets_a_page(tmp_path: Path) -> None:
    joints = np.stack([walking(120, step_s=0.5, speed_mm_s=1300), standing(120), standing(120)])
    joints[1] = np.nan
    files = write_formats(track_of(joints), tmp_path, "clip", (FORMAT,))
    assert [path.name for path in files] == ["clip_person1_report.png", "clip_person3_report.png"]
    first, third = map(picture, files)
    assert first.shape == (round(INCHES[1] * 120), round(INCHES[0] * 120), 3)
    blue = (first == (0, 114, 178)).all(axis=-1)
    assert blue[:, : blue.shape[1] * 2 // 3].any()
    # Over one cycle at the right, only of who walks.
    mean = np.s_[first.shape[0] // 3 :, int(0.8 * first.shape[1]) : int(0.9 * first.shape[1])]
    assert blue[mean].any()
    assert (third != 255).any()


def test_a_photo_has_a_page_too(tmp_path: Path) -> None:
    (file,) = write_formats(track_of(standing(1)[None], fps=1.0), tmp_path, "photo", (FORMAT,))
    assert file.name == "photo_report.png"
    assert picture(file).std() > 0


def test_export_draws_the_page_on_request_and_does_not_replace_it_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track, out = tmp_path / "clip.npz", tmp_path / "out"
    track_of(walking(60, step_s=0.5, speed_mm_s=1300)[None]).save(track)
    ask = ("export", str(track), "--out", str(out), "--formats", "csv")
    assert run(*ask) == 0
    assert not (out / "clip_report.png").exists()
    assert run(*ask, "--report", "--overwrite") == 0
    assert picture(out / "clip_report.png").std() > 0
    assert run(*ask, "--report") == 1
    assert "exists" in capsys.readouterr().err


def test_without_matplotlib_a_line_says_what_to_install_before_anything_is_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(photo)
    assert run("predict", str(photo), "--report", "--out", str(tmp_path / "out")) == 1
    said = "overpose: error: --report needs matplotlib: pip install 'overpose[report]'\n"
    assert capsys.readouterr().err == said


def test_the_page_is_asked_for_apart_from_formats() -> None:
    assert with_report((), asked=True) == (FORMAT,)
    assert with_report((FORMAT,), asked=False) == (FORMAT,)
