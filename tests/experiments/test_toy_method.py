"""A method that only this file knows runs everywhere: its card is all that the rest asks for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from command_line import run
from test_standalone import TINY
from torch import Tensor, nn

from overpose.experiments import presets
from overpose.experiments.standalone import evaluate_models
from overpose.methods import METHODS, FitContext, Method, load_model
from overpose.methods.mean_pose import MeanPoseConfig
from overpose.networks.storage import Kind
from overpose.report.rows import read_report
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.training.config import LoopConfig
from overpose.training.loop import Task, fit
from overpose.training.samples import run_record


@dataclass(frozen=True)
class ColourConfig:
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=2, batch_size=16))


class ColourPose(nn.Module):
    """A linear map from the mean colour of an image to metres."""

    saved_as = "toy_colour"

    def __init__(self, config: ColourConfig) -> None:
        super().__init__()
        self.config = config
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(config.loop.seed)
            self.linear = nn.Linear(3, 51)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(images.float().mean(dim=(1, 2)) / 255)

    @torch.inference_mode()
    def predict(self, images: np.ndarray) -> np.ndarray:
        poses = 1000 * self(torch.from_numpy(images)).numpy().reshape(-1, 17, 3)
        return poses - poses[:, :1]


def fit_toy(config: ColourConfig, context: FitContext) -> ColourPose:
    config = replace(config, loop=context.seeded(config.loop))
    model = ColourPose(config)
    images = torch.from_numpy(context.samples.train_images)
    poses = torch.from_numpy(context.samples.train_poses_mm).flatten(1) / 1000

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(images.split(16), poses.split(16), strict=True)

    task = Task(
        stage="toy",
        model=model,
        groups=[(list(model.parameters()), 1.0)],
        steps=len(images.split(16)),
        samples=len(images),
        batches=batches,
        loss=lambda batch: (model(batch[0]) - batch[1]).square().mean(),
        validate=None,
        record=run_record("toy", config, images.numpy()),
        provenance=context.provenance,
    )
    fit(task, config.loop, context.out, context.runtime)
    return model.eval()


TOY = Method(
    name="toy",
    title="A pose by its colour",
    summary="a toy",
    Config=ColourConfig,
    fit=fit_toy,
    kinds=(Kind(ColourPose, ColourConfig),),
    in_figure=True,
)
PRESET = replace(
    TINY,
    methods={"mean_pose": MeanPoseConfig(), "toy": ColourConfig()},
    seeds=(0, 1),
    method_cards=(*METHODS, TOY),
)


@pytest.fixture
def data(tmp_path, tiny_dataset):
    return tiny_dataset(tmp_path / "data")


@pytest.fixture(autouse=True)
def as_preset(monkeypatch):
    """The preset called smoke has the toy."""
    monkeypatch.setattr(presets, "PRESETS", {"smoke": PRESET})


def train(data, out, stage):
    arguments = ("--data", str(data), "--out", str(out), "--preset", "smoke", "--device", "cpu")
    return run("train", *arguments, "--stage", stage)


def test_the_command_line_trains_a_toy_and_what_it_saved_predicts_and_is_measured(
    tmp_path, data, capsys
):
    assert train(data, tmp_path / "out", "toy") == 0
    place = tmp_path / "out" / "toy" / "last"
    assert f"toy: {place}" in capsys.readouterr().out
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    predicted = load_model(place, kinds=PRESET.kinds).predict(images)
    assert predicted.shape == (3, 17, 3)
    assert not np.allclose(predicted[0], predicted[1])
    cards = PRESET.method_cards
    report = evaluate_models((place.parent,), data, Output(tmp_path / "r"), methods=cards)
    assert {row.method for row in report.rows} == {"toy"}
    assert report.rows[0].train_s > 0
    assert "| A pose by its colour |" in (tmp_path / "r" / "tables.md").read_text()


def test_a_stage_that_no_card_has_is_answered_by_those_that_there_are(tmp_path, data, capsys):
    assert train(data, tmp_path / "out", "toys") == 1
    assert "expected all, autoencoder, toy: what preset tiny has" in capsys.readouterr().err


@pytest.mark.slow
def test_an_experiment_compares_a_toy_and_two_processes_train_the_same(tmp_path, data):
    reports = {}
    for processes in (1, 2):
        out = tmp_path / f"by{processes}"
        options = ("--preset", "smoke", "--device", "cpu", "--processes", str(processes))
        assert run("reproduce", *options, "--data", str(data), "--out", str(out)) == 0
        rows = read_report(out / "report.json").rows
        reports[processes] = {
            (row.method, row.action, row.seed): row.mpjpe_mm for row in rows if row.error is None
        }
        assert "| A pose by its colour |" in (out / "tables.md").read_text()
        assert "A pose by its colour" in (out / "report.html").read_text()
        assert json.loads((out / "memory.json").read_text())["toy"] > 50
        assert (out / "figure.png").is_file()
    assert reports[1] == reports[2]
    assert {(m, s) for m, _, s in reports[1]} == {
        (m, s) for m in ("mean_pose", "toy") for s in (0, 1)
    }
    assert reports[1]["toy", "mean", 0] != reports[1]["toy", "mean", 1]


def test_a_preset_asks_for_the_card_of_what_it_compares():
    with pytest.raises(InputError, match="got 'toy', expected some of mean_pose"):
        replace(PRESET, method_cards=METHODS)
