"""Training several seeds and methods at once."""

from dataclasses import replace

import numpy as np
from test_standalone import TINY

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig
from overpose.baselines.structnet import StructNetConfig
from overpose.datasets.store import open_dataset
from overpose.experiments.pipeline import Run
from overpose.experiments.presets import ours_and_cnn, structnets
from overpose.experiments.side_by_side import chains_of_run, train_side_by_side
from overpose.methods import Samples, load_model
from overpose.methods.dconv_mp_hml import DconvStage
from overpose.networks.pca import PCAConfig
from overpose.training import LoopConfig, Runtime

ENCODER = TINY.methods["direct"].image.encoder
LOOPS = (TINY.methods["latent"].image.loop, TINY.methods["finetuned"].loop)


def chains(dataset, out, preset=TINY):
    first, others = chains_of_run(Run(preset, Samples(dataset), out, 0, Runtime("cpu")), None)
    assert not first
    return others


def test_chains_hold_every_stage_once_in_the_order_of_need(tmp_path, tiny_dataset):
    pca = TINY.methods["latent"]
    preset = replace(
        TINY,
        methods={**TINY.methods, "pca": pca},
        codes={**TINY.codes, "pca": PCAConfig(5)},
    )
    with open_dataset(tiny_dataset(tmp_path / "data")) as dataset:
        found = [chain.stages for chain in chains(dataset, tmp_path, preset)]
    assert found == [("autoencoder", "latent", "finetuned"), ("pca",), ("direct",)]


def test_what_several_chains_need_is_trained_before_them(tmp_path, tiny_dataset):
    convolutions = ConvolutionsConfig(32, 28, (5, 3, 3), (2, 2, 2))
    compared = {
        "dconv_mp_hml": DconvStage(DconvConfig(convolutions)),
        **structnets(StructNetConfig(convolutions), LoopConfig()),
    }
    preset = replace(TINY, methods={**TINY.methods, **compared})
    with open_dataset(tiny_dataset(tmp_path / "data")) as dataset:
        samples = Samples(dataset)
        first, others = chains_of_run(Run(preset, samples, tmp_path, 0), None)
        assert first == []
        assert ("dconv_mp_hml", "structnet") in [chain.stages for chain in others]
        networks = ours_and_cnn(ENCODER, *LOOPS, begin_with="dconv_mp_hml")
        begun = replace(preset, methods={**networks, **compared})
        first, others = chains_of_run(Run(begun, samples, tmp_path, 0), None)
    assert [chain.stages for chain in first] == [("dconv_mp_hml",)]
    assert [chain.stages for chain in others] == [
        ("dconv_mp_hml", "autoencoder", "latent", "finetuned"),
        ("dconv_mp_hml", "structnet"),
        ("dconv_mp_hml", "direct"),
    ]


def test_two_processes_train_the_same_weights_as_one(tmp_path, tiny_dataset):
    data = tiny_dataset(tmp_path / "data")
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    predicted = {}
    with open_dataset(data) as dataset:
        for processes in (1, 2):
            out = tmp_path / f"by{processes}"
            train_side_by_side(data, chains(dataset, out), processes)
            for stage in ("direct", "finetuned"):
                model = load_model(out / stage / "last")
                predicted[processes, stage] = model.predict(images)
    for stage in ("direct", "finetuned"):
        np.testing.assert_array_equal(predicted[1, stage], predicted[2, stage])


def test_a_stage_that_fails_ends_its_own_chain_only(tmp_path, tiny_dataset, capsys):
    data = tiny_dataset(tmp_path / "data")
    methods = ours_and_cnn(ENCODER, LoopConfig(epochs=2), LoopConfig(epochs=1))
    image = replace(methods["latent"].image, loop=LoopConfig(epochs=2, learning_rate=1e30))
    methods["latent"] = replace(methods["latent"], image=image)
    diverging = replace(TINY, methods=methods)
    with open_dataset(data) as dataset:
        train_side_by_side(data, chains(dataset, tmp_path / "out", diverging), 1)
    assert (tmp_path / "out" / "direct" / "last").is_dir()
    assert not (tmp_path / "out" / "finetuned").exists()
    assert "latent, seed 0: " in capsys.readouterr().err
