"""Interrupted runs: resumed ones end with exactly the weights of uninterrupted ones."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_run
import torch
from safetensors.torch import load_file

from overpose.methods import load_model
from overpose.networks.storage import save_model
from overpose.support.errors import InputError
from overpose.training import (
    ImageObservations,
    LoopConfig,
    Runtime,
    read_metrics,
    train_autoencoder,
    train_direct,
)
from overpose.training import loop as loop_module

STAGES = ("autoencoder", "direct", "latent", "finetuned")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("uninterrupted")
    for stage in STAGES:
        tiny_run.run_stage(out, stage)
    return out


@pytest.fixture
def place(uninterrupted: Path, tmp_path: Path) -> Path:
    """A directory in which every stage finds the ones before it, and none is begun but those."""
    for stage in ("autoencoder", "latent"):
        shutil.copytree(uninterrupted / stage, tmp_path / stage)
    return tmp_path


def begin_anew(place: Path, stage: str) -> None:
    shutil.rmtree(place / stage, ignore_errors=True)


def assert_same_run(got: Path, expected: Path) -> None:
    a, b = (load_file(run / "last" / "weights.safetensors") for run in (got, expected))
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name
    timing = {"train_s", "samples_per_s"}
    records = [
        [{key: value for key, value in record.items() if key not in timing} for record in metrics]
        for metrics in (read_metrics(got), read_metrics(expected))
    ]
    assert records[0] == records[1]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("when", [(0, 1), (1, 2), (2, 3)])
def test_ctrl_c_in_an_epoch_and_resume_end_with_the_same_weights(
    stage: str, when: tuple[int, int], place: Path, uninterrupted: Path
) -> None:
    begin_anew(place, stage)

    def interrupt(epoch: int, step: int) -> None:
        if (epoch, step) == when:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_run.run_stage(place, stage, interrupt)
    tiny_run.run_stage(place, stage)
    assert_same_run(place / stage, uninterrupted / stage)


def test_kill_in_an_epoch_and_resume_end_with_the_same_weights(
    place: Path, uninterrupted: Path
) -> None:
    program = [sys.executable, tiny_run.__file__, str(place), "finetuned", "1", "2"]
    source = str(Path(loop_module.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run(program, capture_output=True, check=False, env=environment)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert len(read_metrics(place / "finetuned")) == 1
    tiny_run.run_stage(place, "finetuned")
    assert_same_run(place / "finetuned", uninterrupted / "finetuned")


@pytest.mark.parametrize("broken", ["save_checkpoint", "_write_metrics"])
def test_a_stop_between_the_files_of_an_epoch_loses_no_consistency(
    broken: str, place: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = getattr(loop_module, broken), []

    def stop_at_second(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module, broken, stop_at_second)
        try:
            tiny_run.run_stage(place, "direct")
        except KeyboardInterrupt:
            calls.append(0)
    assert len(calls) > 1
    tiny_run.run_stage(place, "direct")
    assert_same_run(place / "direct", uninterrupted / "direct")


def test_leftovers_of_a_killed_write_are_swept(place: Path) -> None:
    (place / "direct" / ".last.abc.part").mkdir(parents=True)
    tiny_run.run_stage(place, "direct")
    assert {path.name for path in (place / "direct").iterdir()} == {"last", "metrics.jsonl"}


def test_a_finished_stage_is_not_trained_again(place: Path, uninterrupted: Path) -> None:
    shutil.copytree(uninterrupted / "direct", place / "direct")

    def never(epoch: int, step: int) -> None:
        raise AssertionError((epoch, step))

    images, poses = tiny_run.tiny_samples()
    model = train_direct(
        ImageObservations(images, poses, tiny_run.tiny_samples(6, seed=1)),
        tiny_run.IMAGE_STAGE,
        place / "direct",
        runtime=Runtime("cpu", 1, never),
    )
    loaded = load_model(uninterrupted / "direct" / "last")
    np.testing.assert_array_equal(model.predict(images), loaded.predict(images))  # type: ignore


def test_training_leaves_the_callers_random_state_alone(place: Path) -> None:
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    tiny_run.run_stage(place, "direct")
    assert torch.equal(torch.randn(3), expected)


def train_poses_again(place: Path, poses: np.ndarray | None = None, **changes: object) -> None:
    if poses is None:
        poses = tiny_run.tiny_samples()[1]
    config = replace(tiny_run.AUTOENCODER, **changes)  # type: ignore[arg-type]
    val = tiny_run.tiny_samples(6, seed=1)[1]
    train_autoencoder(poses, val, config, place / "autoencoder", runtime=Runtime("cpu", 1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"greedy_epochs": 4}, "config.greedy_epochs = 2, this run has 4"),
        ({"loop": LoopConfig(epochs=9, batch_size=8, schedule="cosine")}, "config.loop.epochs = 3"),
        (
            {"autoencoder": replace(tiny_run.AUTOENCODER.autoencoder, noise_mm=(40.0, 10.0))},
            r"config.autoencoder.noise_mm = \[40.0, 20.0\]",
        ),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused_and_the_field_named(
    changes: dict, said: str, place: Path
) -> None:
    with pytest.raises(InputError, match=said):
        train_poses_again(place, **changes)


def test_a_checkpoint_of_other_data_is_refused(place: Path) -> None:
    poses = tiny_run.tiny_samples()[1]
    poses[3, 4, 1] += 1
    with pytest.raises(InputError, match="made with data ="):
        train_poses_again(place, poses)


def test_a_checkpoint_of_another_version_is_refused(place: Path) -> None:
    path = place / "autoencoder" / "layer1" / "last" / "training_state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "state_version": 77}))
    with pytest.raises(InputError, match="version 77, expected 1"):
        train_poses_again(place)


@pytest.mark.parametrize("history", [None, 3, [{"epoch": 0}]])
def test_a_checkpoint_without_its_history_is_refused(history: object, place: Path) -> None:
    path = place / "autoencoder" / "last" / "training_state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "history": history}))
    with pytest.raises(InputError, match=r"training_state\.json: no whole history"):
        train_poses_again(place)


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors"])
def test_a_damaged_checkpoint_is_refused(name: str, place: Path) -> None:
    path = place / "autoencoder" / "last" / name
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(InputError, match=name):
        train_poses_again(place)


def test_a_model_saved_by_hand_is_no_checkpoint(place: Path) -> None:
    save_model(load_model(place / "latent" / "last"), place / "direct" / "last")
    with pytest.raises(InputError, match=r"training_state\.json"):
        tiny_run.run_stage(place, "direct")
