"""The directory of the detector's runs: it grows, and holds clips of one kind."""

from pathlib import Path

import numpy as np
import pytest

from overpose.mocap.procedural import procedural_motion
from overpose.support.errors import InputError
from overpose.synthetic import detections
from overpose.synthetic.detections import DetectionConfig, Detections, make_detections
from overpose.synthetic.motions import Recordings

RECORDINGS = Recordings.of({"walking": [procedural_motion("walking", 0, 0, 12)]})


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the clips that were made, by a stand-in for renderer and detector."""
    numbers: list[int] = []

    def stand_in(job: detections.DetectionJob):
        def make(number: int, out: Path, check: object) -> int:
            numbers.append(number)
            np.savez(
                out / f"clip_{number:05d}.npz",
                points_mm=np.full((2, 50, 3), number, np.float32),
                focal_px=np.float32(300),
                keypoints_px=np.zeros((2, 2, 33, 3), np.float32),
            )
            return number

        return make

    monkeypatch.setattr(detections, "_make_clip", stand_in)
    return numbers


def grow(out: Path, clips: int, config: DetectionConfig | None = None) -> Detections:
    return make_detections(RECORDINGS, {}, out, clips=clips, config=config, processes=1)


def test_more_clips_are_added_and_those_there_are_kept(tmp_path: Path, made: list[int]) -> None:
    assert len(grow(tmp_path, 2).points_mm) == 2
    (tmp_path / "clip_00001.npz").unlink()
    found = grow(tmp_path, 4)
    assert found.points_mm[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert made == [0, 1, 1, 2, 3]
    assert len(grow(tmp_path, 3).points_mm) == 3  # the first ones, whatever else is there
    assert len(made) == 5


def test_clips_of_something_else_are_not_mixed_in(tmp_path: Path) -> None:
    grow(tmp_path, 1)
    with pytest.raises(InputError, match=r"something else \(seed: 0 there, 5 now\)"):
        grow(tmp_path, 2, DetectionConfig(seed=5))
    other = Recordings.of({"running": RECORDINGS.motions})
    with pytest.raises(InputError, match=r"something else \(recordings"):
        make_detections(other, {}, tmp_path, clips=2, processes=1)
    (tmp_path / "detections.json").unlink()
    with pytest.raises(InputError, match=r"clips without detections\.json"):
        grow(tmp_path, 2)
