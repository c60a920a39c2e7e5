"""The command line: help, exit statuses, one-line errors. The work is tested room by room."""

import errno
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

import overpose
from overpose.app.assets import Assets
from overpose.app.command_line import parse
from overpose.app.data import Render
from overpose.app.predict import Predict
from overpose.datasets.rendering.options import RenderConfig
from overpose.video.options import PredictOptions

COMMANDS = (
    "predict", "demo", "reproduce", "render", "data", "train", "evaluate", "ablate", "curve",
    "detect-renders", "train-lifter", "evaluate-video", "evaluate-people", "evaluate-world",
    "evaluate-steps", "view", "export", "assets", "bench", "scale", "onnx", "merge", "table",
)  # fmt: skip


def one_line(text: str) -> str:
    """The only line of `text`."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.parametrize("command", [*COMMANDS, "data own", "data human36m", "data check"])
def test_help_of_every_command_shows_an_example_that_parses(command, capsys):
    assert run(*command.split(), "--help") == 0
    examples = re.findall(r"Example: overpose (.*)", capsys.readouterr().out)
    assert any(example.startswith(command) for example in examples)
    if command != "data":  # whose help shows, in broken lines, the examples of its own commands
        for example in examples:
            parse(shlex.split(example))


def test_the_top_help_lists_every_command(capsys):
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"• {command} " in shown for command in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("render",),
        ("reproduce", "--preset", "huge", "--out", "x"),
        ("train-lifter", "--out", "x"),
    ],
)
def test_wrong_usage_ends_with_status_2(arguments, capsys):
    assert run(*arguments) == 2
    assert capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"overpose {overpose.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("predict", "clip.mp4", "--height-m", "9"), "height_m: got 9.0, expected 0.3 to 2.8"),
        (("render", "--out", "data", "--takes", "0"), "takes: got 0, expected at least 1"),
        (("reproduce", "--out", "run", "--mocap", "cmu"), "got --mocap without --splits"),
    ],
)
def test_a_value_that_the_options_refuse_is_one_line_and_status_1(arguments, named, capsys):
    assert run(*arguments) == 1
    line = one_line(capsys.readouterr().err)
    assert line.startswith("overpose: error: ")
    assert named in line


@pytest.mark.parametrize("other", [("--focal-px", "900"), ("--fov-deg", "60")])
def test_a_measured_camera_and_another_word_on_it_are_wrong_usage(other, capsys):
    assert run("predict", "clip.mp4", "--camera", "calib.toml", *other) == 2
    assert "camera, expected one of them or none" in one_line(capsys.readouterr().err)


def test_options_of_predicting_are_those_of_the_library():
    given = parse(
        ["predict", "clip.mp4", "--people", "2", "--fov-deg", "70", "--no-constant-limbs"]
    )
    assert isinstance(given, Predict)
    assert given.poses == PredictOptions(people=2, fov_deg=70.0, constant_limbs=False)


def test_options_of_rendering_are_those_of_the_library():
    given = parse(["render", "--out", "data", "--image-size", "64", "--jpeg-quality", "70", "80"])
    assert isinstance(given, Render)
    assert given.images == RenderConfig(image_size=64, jpeg_quality=(70, 80))


def test_a_command_is_read_without_importing_what_only_its_work_needs():
    code = "import sys; from overpose.app.command_line import parse; parse(['predict', 'clip.mp4'])"
    heavy = "print([name for name in ('numpy', 'cv2', 'scipy', 'torch') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr


def test_a_preset_that_needs_motion_capture_says_so_in_one_line(tmp_path, capsys):
    out = tmp_path / "out"
    assert run("reproduce", "--preset", "cpu", "--out", str(out)) == 1
    line = one_line(capsys.readouterr().err)
    assert line.startswith("overpose: error: ")
    assert "mocap" in line
    assert not out.exists()


def test_training_on_what_is_no_dataset_names_the_directory(tmp_path, capsys):
    assert run("train", "--data", str(tmp_path), "--out", str(tmp_path / "run")) == 1
    assert str(tmp_path) in one_line(capsys.readouterr().err)
    assert not (tmp_path / "run").exists()


def test_evaluating_a_missing_model_ends_with_status_1_and_writes_nothing(tmp_path, capsys):
    missing, out = tmp_path / "model", tmp_path / "report"
    data = tmp_path / "data"
    status = run("evaluate", "--data", str(data), "--models", str(missing), "--out", str(out))
    assert status == 1
    assert one_line(capsys.readouterr().err)
    assert not out.exists()


def test_nothing_is_overwritten_unasked(tmp_path, capsys):
    earlier = tmp_path / "bench.json"
    earlier.write_text("mine")
    assert run("bench", "--out", str(earlier)) == 1
    assert "--overwrite" in one_line(capsys.readouterr().err)
    assert earlier.read_text() == "mine"


def _raising(error: BaseException):
    def run(self) -> None:
        raise error

    return run


def test_a_full_disk_is_one_line_and_status_1(monkeypatch, capsys):
    full = OSError(errno.ENOSPC, "No space left on device", "out/part")
    monkeypatch.setattr(Assets, "run", _raising(full))
    assert run("assets") == 1
    assert one_line(capsys.readouterr().err) == (
        "overpose: error: out/part: No space left on device"
    )


def test_an_interrupt_ends_with_status_130_and_says_what_is_kept(monkeypatch, capsys):
    monkeypatch.setattr(Assets, "run", _raising(KeyboardInterrupt()))
    assert run("assets") == 130
    assert "kept" in one_line(capsys.readouterr().err)


def test_a_bug_is_not_disguised_as_a_user_error(monkeypatch):
    monkeypatch.setattr(Assets, "run", _raising(RuntimeError("bug")))
    with pytest.raises(RuntimeError, match="bug"):
        run("assets")


def test_an_ablation_with_a_failed_variant_ends_with_status_1_and_names_it(monkeypatch, capsys):
    import overpose.experiments.ablation

    variants = [{"name": "base"}, {"name": "noise-0", "error": "RuntimeError: no memory"}]
    monkeypatch.setattr(
        overpose.experiments.ablation, "ablate", lambda *_, **__: {"variants": variants}
    )
    assert run("ablate", "--data", "data", "--out", "out") == 1
    line = one_line(capsys.readouterr().err)
    assert "1 variants failed: noise-0: RuntimeError: no memory" in line


def test_bench_writes_the_measured_numbers_as_json(tmp_path, monkeypatch, capsys):
    import overpose.experiments.bench.run

    monkeypatch.setattr(
        overpose.experiments.bench.run, "bench_studio", lambda: {"frame_images_per_s": 123.0}
    )
    out = tmp_path / "bench.json"
    assert run("bench", "--parts", "studio", "--out", str(out)) == 0
    assert "123" in capsys.readouterr().out
    written = json.loads(Path(out).read_text())
    assert written["studio"] == {"frame_images_per_s": 123.0}
    assert written["machine"]


def test_a_whole_dataset_passes_the_check_and_a_truncated_one_does_not(tmp_path, capsys):
    from overpose.datasets.writer import begin_dataset, finish_dataset

    data = tmp_path / "data"
    begin_dataset(data, {}, 0, overwrite=False)
    finish_dataset(data, 0, name="empty", image_size=8, provenance={})
    assert run("data", "check", str(data)) == 0
    assert "whole: empty, 8 px: 0 training images" in capsys.readouterr().out
    table = data / "samples.parquet"
    table.write_bytes(table.read_bytes()[:-1])
    assert run("data", "check", str(data)) == 1
    assert "truncated" in one_line(capsys.readouterr().err)


def test_a_directory_without_human36m_says_what_was_expected(tmp_path, capsys):
    out = tmp_path / "out"
    assert run("data", "human36m", "--from", str(tmp_path), "--out", str(out)) == 1
    assert "overpose: error: " in one_line(capsys.readouterr().err)
    assert not out.exists()
