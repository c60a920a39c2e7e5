"""Training several seeds and methods at once."""

from dataclasses import replace

import numpy as np
from test_standalone import TINY

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig
from overpose.baselines.structnet import StructNetConfig
from overpose.datasets.store import open_dataset
from overpose.experiments import side_by_side
from overpose.experiments.pipeline import Run
from overpose.experiments.presets import ours_and_cnn, structnets
from overpose.experiments.side_by_side import jobs_of_run, train_side_by_side
from overpose.methods import INPUTS, Samples, load_model
from overpose.methods.dconv_mp_hml import DconvStage
from overpose.methods.structnet import StructNetStage
from overpose.networks.pca import PCAConfig
from overpose.training import LoopConfig, Runtime

ENCODER = TINY.methods["direct"].image.encoder
LOOPS = (TINY.methods["begun"].image.loop, TINY.methods["finetuned"].loop)


def trained_order(monkeypatch, dataset, jobs):
    """The stages in the order in which one process trains them; nothing is trained."""
    order = []

    def train(_, job, check):
        order.append(job.place.name)
        return job.place, True

    monkeypatch.setattr(side_by_side, "_train", train)
    train_side_by_side(dataset, jobs, 1)
    return order


def test_every_stage_is_trained_once_after_all_that_it_needs(tmp_path, tiny_dataset, monkeypatch):
    convolutions = ConvolutionsConfig(32, 28, (5, 3, 3), (2, 2, 2))
    preset = replace(
        TINY,
        methods={
            **ours_and_cnn(ENCODER, *LOOPS, begin_with="dconv_mp_hml"),
            "pca": TINY.methods["latent"],
            "dconv_mp_hml": DconvStage(DconvConfig(convolutions)),
            **structnets(StructNetStage(StructNetConfig(convolutions))),
        },
        codes={**TINY.codes, "pca": PCAConfig(5)},
    )
    with open_dataset(tiny_dataset(tmp_path / "data")) as dataset:
        runs = [
            Run(preset, Samples(dataset, inputs), tmp_path, 0, Runtime("cpu")) for inputs in INPUTS
        ]
        jobs = [job for run in runs for job in jobs_of_run(run)]
        order = trained_order(monkeypatch, dataset, jobs[::-1])
    expected = {"autoencoder", "begun", "dconv_mp_hml", "direct", "finetuned", "latent", "pca"}
    expected |= {"structnet"}
    masked = {f"{stage}-masked" for stage in expected - {"autoencoder"}}
    assert sorted(order) == sorted(expected | masked)
    for run in runs:
        for stage in expected:
            before = [run.place(each).name for each in preset.stages_before(stage)]
            assert order.index(run.place(stage).name) >= max(map(order.index, before))


def test_two_processes_train_the_same_weights_as_one(tmp_path, tiny_dataset):
    data = tiny_dataset(tmp_path / "data")
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    predicted = {}
    with open_dataset(data) as dataset:
        for processes in (1, 2):
            out = tmp_path / f"by{processes}"
            run = Run(TINY, Samples(dataset), out, 0, Runtime("cpu"))
            train_side_by_side(dataset, jobs_of_run(run), processes)
            for stage in ("direct", "finetuned"):
                model = load_model(out / stage / "last")
                predicted[processes, stage] = model.predict(images)
    for stage in ("direct", "finetuned"):
        np.testing.assert_array_equal(predicted[1, stage], predicted[2, stage])


def test_a_stage_that_fails_ends_only_those_that_need_it(tmp_path, tiny_dataset, capsys):
    data = tiny_dataset(tmp_path / "data")
    methods = ours_and_cnn(ENCODER, LoopConfig(epochs=2), LoopConfig(epochs=1))
    image = replace(methods["begun"].image, loop=LoopConfig(epochs=2, learning_rate=1e30))
    methods["begun"] = replace(methods["begun"], image=image)
    diverging = replace(TINY, methods=methods)
    with open_dataset(data) as dataset:
        run = Run(diverging, Samples(dataset), tmp_path / "out", 0, Runtime("cpu"))
        train_side_by_side(dataset, jobs_of_run(run), 1)
    assert (tmp_path / "out" / "direct" / "last").is_dir()
    assert not (tmp_path / "out" / "finetuned").exists()
    said = capsys.readouterr().err
    assert "begun, seed 0: " in said
    assert "finetuned" not in said
