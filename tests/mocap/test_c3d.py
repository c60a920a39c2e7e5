"""C3D files read back by ezc3d's own reader."""

from pathlib import Path

import ezc3d
import numpy as np
import pytest

from overpose.mocap.c3d import MAX_FRAMES, write_c3d
from overpose.mocap.trc import PointTable
from overpose.support.errors import InputError


def table(frames: int = 4, fps: float = 29.97) -> PointTable:
    points = np.random.default_rng(0).normal(0, 500, (frames, 3, 3))
    points[1, 2] = np.nan
    return PointTable(("hip", "knee", "ankle"), points, fps)


def test_points_names_rate_and_axes_are_read_back(tmp_path: Path) -> None:
    made = table()
    write_c3d(made, tmp_path / "walk.c3d")
    read = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    parameters = read["parameters"]["POINT"]
    assert parameters["LABELS"]["value"] == ["hip", "knee", "ankle"]
    assert parameters["UNITS"]["value"] == ["mm"]
    assert parameters["Y_SCREEN"]["value"] == ["+Y"]
    assert parameters["RATE"]["value"][0] == pytest.approx(29.97)
    points = read["data"]["points"][:3].transpose(2, 1, 0)
    seen = np.isfinite(made.points_mm).all(axis=-1)
    assert np.allclose(points[seen], made.points_mm[seen], atol=1e-3)


def test_what_is_not_seen_has_a_negative_residual(tmp_path: Path) -> None:
    write_c3d(table(), tmp_path / "walk.c3d")
    residuals = ezc3d.c3d(str(tmp_path / "walk.c3d"))["data"]["meta_points"]["residuals"][0]
    assert residuals[2, 1] < 0
    assert (residuals >= 0).sum() == 3 * 4 - 1


def test_more_points_than_a_byte_counts_keep_their_names(tmp_path: Path) -> None:
    names = tuple(f"point{i}" for i in range(300))
    write_c3d(PointTable(names, np.zeros((2, 300, 3)), 25.0), tmp_path / "many.c3d")
    read = ezc3d.c3d(str(tmp_path / "many.c3d"))
    assert read["data"]["points"].shape[1] == 300


@pytest.mark.parametrize(
    ("points", "message"),
    [(np.zeros((0, 1, 3)), "0 frames"), (np.zeros((MAX_FRAMES + 1, 1, 3)), "65535")],
)
def test_what_the_format_cannot_hold_is_refused(
    tmp_path: Path, points: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        write_c3d(PointTable(("a",), points, 25.0), tmp_path / "walk.c3d")
    assert not list(tmp_path.iterdir())


def test_a_long_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="longer than 127"):
        write_c3d(PointTable(("a" * 128,), np.zeros((1, 1, 3)), 25.0), tmp_path / "walk.c3d")


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "walk.c3d").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_c3d(table(), tmp_path / "walk.c3d")
    assert (tmp_path / "walk.c3d").read_text() == "mine"


@pytest.mark.parametrize("at", [16, 514])
def test_what_ezc3d_could_not_write_and_does_not_say_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Such as where the data begin, which it fills in last."""
    write, calls = ezc3d.c3d.write, []

    def lossy(content: ezc3d.c3d, name: str) -> None:
        write(content, name)
        calls.append(name)
        if len(calls) == 1:
            data = bytearray(Path(name).read_bytes())
            data[at : at + 2] = b"\0\0"
            Path(name).write_bytes(data)

    monkeypatch.setattr(ezc3d.c3d, "write", lossy)
    with pytest.raises(OSError, match=r"Input/output error.*walk\.c3d"):
        write_c3d(table(), tmp_path / "walk.c3d")
    assert list(tmp_path.iterdir()) == []
    write_c3d(table(), tmp_path / "walk.c3d")
    assert [path.name for path in tmp_path.iterdir()] == ["walk.c3d"]
