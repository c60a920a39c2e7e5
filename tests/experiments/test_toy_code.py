"""A code of poses that only this file knows: stage (b), stage (c) and the ablation take it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from test_standalone import TINY
from torch import Tensor, nn

from overpose.experiments.ablation import AblationBudget, ablate
from overpose.experiments.ablation_table import Variant
from overpose.experiments.presets import ours_and_cnn
from overpose.experiments.reproduce import reproduce
from overpose.experiments.standalone import train_stages
from overpose.methods import load_model
from overpose.methods.codes import CODES, Code, CodeContext
from overpose.networks.codes import PoseDecoder
from overpose.networks.normalization import PoseNormalization
from overpose.networks.storage import Kind
from overpose.support.files import Output
from overpose.training.config import LoopConfig
from overpose.training.loop import Runtime, Task, fit
from overpose.training.samples import run_record

ONCE = LoopConfig(epochs=1)


@dataclass(frozen=True)
class StretchedConfig:
    loop: LoopConfig = field(default_factory=lambda: LoopConfig(epochs=3, batch_size=16))


class StretchedPose(nn.Module):
    """Twice the pose; a decoder that learns to halve it."""

    saved_as = "toy_code"
    latent_size = 51

    def __init__(self, config: StretchedConfig) -> None:
        super().__init__()
        self.config = config
        self.normalization = PoseNormalization()
        self.halved = PoseDecoder((51, 51))
        with torch.no_grad():
            self.halved.layers[0].weight.copy_(0.4 * torch.eye(51))
            self.halved.layers[0].bias.zero_()

    def encode(self, pose: Tensor) -> Tensor:
        return 2 * pose

    def decode(self, code: Tensor) -> Tensor:
        return self.halved(code)

    def decoder(self) -> PoseDecoder:
        copy = PoseDecoder((51, 51))
        copy.load_state_dict(self.halved.state_dict())
        return copy


def fit_toy(config: StretchedConfig, context: CodeContext) -> StretchedPose:
    config = replace(config, loop=replace(config.loop, seed=context.seed))
    model = StretchedPose(config)
    model.normalization = PoseNormalization.fit(context.poses_mm)
    poses = model.normalization.to_normalised(torch.from_numpy(context.poses_mm))

    def batches(epoch: int) -> Iterator[Tensor]:
        return iter(poses.split(16))

    task = Task(
        stage="toy_code",
        model=model,
        groups=[(list(model.halved.parameters()), 1.0)],
        steps=len(poses.split(16)),
        samples=len(poses),
        batches=batches,
        loss=lambda pose: (model.decode(model.encode(pose)) - pose).square().sum(1).mean(),
        validate=None,
        record=run_record("toy_code", config, context.poses_mm),
        provenance=context.provenance,
    )
    fit(task, config.loop, context.out, context.runtime)
    return model.eval()


TOY = Code("toy_code", StretchedConfig, fit_toy, Kind(StretchedPose, StretchedConfig))
PRESET = replace(
    TINY,
    methods=ours_and_cnn(TINY.methods["direct"].image.encoder, ONCE, ONCE, code="toy_code"),
    codes={"toy_code": StretchedConfig()},
    code_cards=(*CODES, TOY),
)


@pytest.fixture
def data(tmp_path, tiny_dataset):
    return tiny_dataset(tmp_path / "data")


def test_a_toy_code_is_a_stage_and_comes_back_from_disk(tmp_path, data):
    trained = train_stages(
        PRESET, data, tmp_path / "out", stage="toy_code", runtime=Runtime("cpu", 1)
    )
    model = load_model(trained["toy_code"], kinds=PRESET.kinds)
    pose = torch.randn(4, 51)
    assert not torch.equal(model.decode(model.encode(pose)), 0.8 * pose)  # it has learned
    assert model.normalization.mean_mm.abs().sum() > 0


@pytest.mark.slow
def test_an_experiment_on_a_toy_code_and_two_processes_train_the_same(tmp_path, data):
    errors = {}
    for processes in (1, 2):
        done = reproduce(
            PRESET,
            Output(tmp_path / f"by{processes}"),
            data=data,
            processes=processes,
            memory=False,
            runtime=Runtime("cpu", 1),
        )
        assert done.failed == ()
        errors[processes] = {(r.method, r.action): r.mpjpe_mm for r in done.report.rows}
        runs = json.loads((done.out / "autoencoder.json").read_text())["runs"]
        assert runs["seed0"]["clean"]["mpjpe_after_mm"] > 0
        assert "The autoencoder alone" in (done.out / "tables.md").read_text()
    assert {method for method, _ in errors[1]} == {"direct", "latent", "finetuned"}
    assert errors[1] == errors[2]


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_ablation_names_a_toy_code_and_gives_it_its_own_budget(tmp_path, data, processes):
    variants = [
        Variant("toy", ("toys",), ("toy_code", StretchedConfig())),
        Variant("toy-again", ("toys",), ("toy_code", StretchedConfig())),
    ]
    report = ablate(
        data,
        Output(tmp_path / "out"),
        budget=AblationBudget(LoopConfig(epochs=2), latent_epochs=0, finetune_epochs=0),
        variants=variants,
        processes=processes,
        device="cpu",
        codes=(*CODES, TOY),
    )
    first, second = report["variants"]
    assert first["reconstruction"] == second["reconstruction"]
    metrics = tmp_path / "out" / "variants" / "toy" / "toy_code" / "metrics.jsonl"
    assert len(metrics.read_text().splitlines()) == 2
    assert "## Toys" in (tmp_path / "out" / "ablation.md").read_text()
    assert np.isfinite(first["reconstruction"]["clean"]["mpjpe_after_mm"])
