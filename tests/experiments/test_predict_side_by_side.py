"""Several inputs of `overpose predict` in several processes: the same files, and nothing left."""

from pathlib import Path

import pytest
from scripted_command import SCRIPTED, error_of, files_of, keypoints_at, run
from scripted_people import write_clip

from overpose.experiments import predict as predicting
from overpose.experiments.predict import predict_files, processes_for
from overpose.experiments.prediction import Outputs, Prediction, make_quiet_predictor
from overpose.poses import PoseTrack
from overpose.support.files import Output
from overpose.support.workers import Stopped
from overpose.video.options import PredictOptions


def clip_at(path: Path, x: int, frames: int = 12) -> Path:
    write_clip(path, [{"red": (x + i, 120)} for i in range(frames)])
    return path


def asked_for(out: Path, **wanted: bool) -> Prediction:
    return Prediction(Outputs(Output(out), **wanted), PredictOptions(), SCRIPTED)


def test_files_are_the_same_and_one_bad_input_keeps_none_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = [clip_at(tmp_path / f"{name}.mp4", 90 + 20 * i) for i, name in enumerate("ab")]
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    inputs = [tmp_path / "bad.mp4", *inputs, keypoints_at(tmp_path / "keypoints.json")]
    said = {}
    for processes in (1, 2):
        out = tmp_path / f"out{processes}"
        given = (*inputs, "--out", out, "--formats", "json", "--processes", processes)
        assert run("predict", *given) == 1
        printed = capsys.readouterr()
        lines = [line for line in printed.err.splitlines() if "overpose: error:" in line]
        assert len(lines) == 1
        assert "bad.mp4: neither a photo nor a video" in lines[0]
        assert {Path(line).name for line in printed.out.split()} == set(files_of(out))
        said[processes] = printed.err
    assert files_of(tmp_path / "out1") == files_of(tmp_path / "out2")
    assert len(files_of(tmp_path / "out2")) == 6
    assert "predict: 4/4 in" in said[2]
    assert "a: 12/12" not in said[2]


def test_what_failed_is_listed_in_the_order_of_the_inputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [tmp_path / f"{name}.mp4" for name in "dbca"]
    for path in bad:
        path.write_bytes(b"no video at all" * 100)
    assert run("predict", *bad, "--out", tmp_path / "out", "--processes", 2) == 1
    line = error_of(capsys)
    assert "4 of 4 inputs failed" in line
    assert sorted(bad, key=lambda path: line.index(str(path))) == bad


def test_an_end_in_between_leaves_whole_files_alone(tmp_path: Path) -> None:
    inputs = [clip_at(tmp_path / "short.mp4", 100, 4)]
    inputs += [clip_at(tmp_path / f"long{i}.mp4", 60, 150) for i in range(3)]
    out = tmp_path / "out"
    written = predict_files(inputs, asked_for(out), processes=2)
    next(written)
    written.close()  # as at Ctrl-C
    left = list(out.iterdir())
    assert 1 <= len(left) < 4
    assert all(PoseTrack.load(path).people == 1 for path in left)


@pytest.mark.parametrize("overlay", [False, True])
def test_a_process_beside_others_is_stopped_in_the_middle_of_a_video(
    tmp_path: Path, overlay: bool
) -> None:
    clip, out = clip_at(tmp_path / "clip.mp4", 60, 20), tmp_path / "out"
    out.mkdir()
    left = 25 if overlay else 5

    def check() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stopped

    with pytest.raises(Stopped):
        make_quiet_predictor(asked_for(out, overlay=overlay))(clip, out, check)
    assert [path.name for path in out.iterdir()] == ["clip.npz"] * overlay


@pytest.mark.parametrize(
    ("videos", "photos", "wanted", "processes"),
    [
        (3, 0, None, 1), (4, 0, None, 2), (5, 15, None, 3), (0, 15, None, 1), (0, 64, None, 4),
        (40, 0, None, 4), (2, 0, 8, 2), (40, 0, 1, 1),
    ],
)  # fmt: skip
def test_as_many_processes_as_are_worth_their_start(
    monkeypatch: pytest.MonkeyPatch, videos: int, photos: int, wanted: int | None, processes: int
) -> None:
    monkeypatch.setattr(predicting, "available_processes", lambda: 4)
    inputs = [Path(f"{i}.mp4") for i in range(videos)] + [Path(f"{i}.jpg") for i in range(photos)]
    assert processes_for(inputs, wanted) == processes


@pytest.mark.parametrize("shard", [(), ("--shard", "0/1")])
def test_no_process_is_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], shard: tuple[str, ...]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 100, 3)
    assert run("predict", clip, "--out", tmp_path / "out", "--processes", 0, *shard) == 1
    assert "processes: got 0, expected at least 1" in error_of(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("live", [("--webcam", "0"), ("clip.mp4", "--stream", "osc://localhost:9")])
def test_processes_are_for_files(live: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", *live, "--processes", 2) == 1
    assert "processes: got it with --webcam or --stream, expected files" in error_of(capsys)
