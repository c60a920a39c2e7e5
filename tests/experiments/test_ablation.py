"""The ablation: it leaves the test subjects alone, goes on after a kill, and says what failed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from overpose.datasets.store import open_dataset
from overpose.experiments import ablation
from overpose.experiments.ablation import AblationBudget, ablate, hold_out_subjects
from overpose.experiments.ablation_table import BASE, VARIANTS, Variant, variants_named
from overpose.methods.codes import autoencoder as codes_autoencoder
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pca import PCAConfig
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.training import AutoencoderStage, LoopConfig

TINY = AblationBudget(
    pose_loop=LoopConfig(epochs=2),
    greedy_epochs=1,
    latent_epochs=1,
    finetune_epochs=1,
    train_images=20,
    val_images=10,
    image_encoder=ImageEncoderConfig(32, 28, (5, 3), (2, 4), (8,)),
)


def autoencoder(config):
    return "autoencoder", AutoencoderStage(config)


FEW = (
    Variant("base", ("hidden size", "layers"), autoencoder(AutoencoderConfig((60,)))),
    Variant("two", ("layers",), autoencoder(AutoencoderConfig((30, 30), (40.0, 20.0)))),
    Variant("pca-5", ("PCA",), ("pca", PCAConfig(5))),
    Variant("direct", ("no code",), None),
)


@pytest.fixture
def data(tmp_path, tiny_dataset):
    return tiny_dataset(tmp_path / "data")


def test_every_variant_is_measured_and_listed(tmp_path, data):
    report = ablate(data, Output(tmp_path / "out"), budget=TINY, variants=FEW, processes=1)
    results = {result["name"]: result for result in report["variants"]}
    assert list(results) == ["base", "two", "pca-5", "direct"]
    for name in ("base", "two", "pca-5"):
        assert {"reconstruction", "latent", "finetuned"} <= results[name].keys()
    assert results["direct"]["direct"]["mpjpe_mm"] > 0
    assert json.loads((tmp_path / "out" / "ablation.json").read_text()) == report
    text = (tmp_path / "out" / "ablation.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Layers",
        "## PCA",
        "## No code",
    ]
    clean = results["two"]["reconstruction"]["clean"]["mpjpe_after_mm"]
    assert f"| 30–30, noise 40/20 mm, λ 0.1 | {clean:.1f} |" in text


def test_without_image_epochs_only_poses_are_used(tmp_path, data, monkeypatch):
    def refuse(*_):
        raise AssertionError("images are not needed")

    monkeypatch.setattr(ablation, "_images", refuse)
    poses_only = replace(TINY, latent_epochs=0, finetune_epochs=0)
    report = ablate(data, Output(tmp_path / "out"), budget=poses_only, variants=FEW, processes=1)
    assert [result["name"] for result in report["variants"]] == ["base", "two", "pca-5"]
    assert all("latent" not in result for result in report["variants"])
    text = (tmp_path / "out" / "ablation.md").read_text()
    assert "Clean, mm" in text
    assert "MPJPE |" not in text


def test_a_finished_variant_is_not_trained_again_and_new_ones_are_added(
    tmp_path, data, monkeypatch
):
    poses_only = replace(TINY, latent_epochs=0, finetune_epochs=0)
    first = ablate(data, Output(tmp_path / "out"), budget=poses_only, variants=FEW[:1], processes=1)

    def refuse(*_, **__):
        raise AssertionError("done already")

    monkeypatch.setattr(codes_autoencoder, "train_autoencoder", refuse)
    again = ablate(
        data, Output(tmp_path / "out"), budget=poses_only, variants=(FEW[0], FEW[2]), processes=1
    )
    assert again["variants"][0] == first["variants"][0]
    assert again["variants"][1]["name"] == "pca-5"


def test_a_variant_that_fails_says_so_and_the_others_go_on(tmp_path, data, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no memory")

    monkeypatch.setattr(codes_autoencoder, "train_autoencoder", broken)
    poses_only = replace(TINY, latent_epochs=0, finetune_epochs=0)
    report = ablate(data, Output(tmp_path / "out"), budget=poses_only, variants=FEW, processes=1)
    assert [r.get("error") for r in report["variants"]] == ["RuntimeError: no memory"] * 2 + [None]
    assert "failed: RuntimeError: no memory" in (tmp_path / "out" / "ablation.md").read_text()


def test_another_budget_in_the_same_directory_is_refused(tmp_path, data):
    poses_only = replace(TINY, latent_epochs=0, finetune_epochs=0)
    ablate(data, Output(tmp_path / "out"), budget=poses_only, variants=FEW[2:3], processes=1)
    other = replace(poses_only, train_images=9)
    with pytest.raises(InputError, match=r"another ablation \(budget\.train_images: 20 there, 9"):
        ablate(data, Output(tmp_path / "out"), budget=other, variants=FEW[2:3], processes=1)


def test_a_dataset_of_another_image_size_is_refused_before_anything_is_trained(
    tmp_path, tiny_dataset
):
    large = tiny_dataset(tmp_path / "large", size=48)
    with pytest.raises(InputError, match="has images of 48 px, the network takes 32 px"):
        ablate(large, Output(tmp_path / "out"), budget=TINY, variants=FEW, processes=1)
    assert not (tmp_path / "out").exists()


def test_held_out_subjects_are_training_subjects_and_train_no_more(data):
    with open_dataset(data) as dataset:
        split = hold_out_subjects(dataset)
        trained = set(dataset.subjects[dataset.splits == "train"].tolist())
        assert set(split.subjects) < trained
        assert set(split.held_out.subjects.tolist()) == set(split.subjects)
        assert not set(split.train.subjects.tolist()) & set(split.subjects)
        assert "test" not in {*split.train.splits.tolist(), *split.held_out.splits.tolist()}


def test_the_only_subject_of_an_action_is_not_held_out(tmp_path, tiny_dataset):
    with open_dataset(tiny_dataset(tmp_path / "data")) as whole:
        alone = (whole.subjects == "02") | (whole.actions == "walking")
        dataset = whole.select(np.flatnonzero(alone & (whole.splits == "train")))
        split = hold_out_subjects(dataset)
    assert "02" not in split.subjects
    assert set(split.train.actions.tolist()) == {"walking", "running"}


def test_a_dataset_with_one_training_subject_is_refused(tmp_path, tiny_dataset):
    path = tiny_dataset(tmp_path / "data", subjects={"train": ("01",), "test": ("09",)})
    with open_dataset(path) as dataset, pytest.raises(InputError, match="expected more subjects"):
        hold_out_subjects(dataset)


def test_every_variant_changes_one_thing_of_the_base():
    base = BASE[1].autoencoder
    for variant in VARIANTS:
        code = variant.code and variant.code[1]
        if isinstance(code, AutoencoderStage) and len(code.autoencoder.hidden) == 1:
            names = ("hidden", "noise_mm", "contraction")
            different = [n for n in names if getattr(code.autoencoder, n) != getattr(base, n)]
            changes = len(different) + len(variant.latent) + (variant.dropout is not None)
            assert changes == (variant.begun_as != "base")


def test_what_begins_as_another_variant_has_its_code_and_its_stage_b():
    named = {variant.name: variant for variant in VARIANTS}
    for variant in VARIANTS:
        begun = named[variant.begun_as]
        for part in ("code", "latent", "dropout", "every_pose"):
            assert getattr(variant, part) == getattr(begun, part)


def test_variants_that_begin_as_another_share_its_stage_b_and_are_tuned_otherwise(tmp_path, data):
    options = {
        "limbs": {"pose": (("limb_weight", 1.0),)},
        "distance": {"pose": (("pose_error", "distance"),)},
        "slow": {"tuning_rate": 0.5},
    }
    first = FEW[2]
    tuned = [replace(first, name=name, begun_as=first.name, **o) for name, o in options.items()]
    report = ablate(
        data, Output(tmp_path / "out"), budget=TINY, variants=[first, *tuned], processes=2
    )
    results = {result["name"]: result for result in report["variants"]}
    assert len({str(result["latent"]) for result in results.values()}) == 1
    assert len({str(result["finetuned"]) for result in results.values()}) == 4
    assert [path.parent.name for path in (tmp_path / "out").rglob("latent")] == [first.name]
    text = (tmp_path / "out" / "ablation.md").read_text()
    assert "| PCA, 5 components, limb weight 1 |" in text
    assert "| PCA, 5 components, tuning rate 0.5 |" in text


def test_the_direct_cnn_is_trained_on_limbs_where_a_variant_says_so(tmp_path, data):
    limbs = replace(FEW[3], name="limbs", begun_as="", pose=(("limb_weight", 3.0),))
    report = ablate(data, Output(tmp_path / "out"), budget=TINY, variants=[FEW[3], limbs])
    plain, changed = report["variants"]
    assert changed["code"] == {"limb_weight": 3.0}
    assert plain["direct"] != changed["direct"]


def test_the_ablation_covers_what_the_method_page_promises():
    chosen = [v.code for v in VARIANTS if v.code is not None]
    codes = [config.autoencoder for name, config in chosen if name == "autoencoder"]
    single = [code for code in codes if len(code.hidden) == 1]
    assert {code.hidden[0] for code in single} == {51, 200, 500, 2000}
    assert {code.noise_mm[0] for code in single} == {0.0, 20.0, 40.0, 80.0}
    assert {code.contraction for code in single} == {0.0, 0.1, 10.0, 1e4}
    assert (300, 300) in {code.hidden for code in codes}
    assert {option for v in VARIANTS for option, _ in v.latent} == {
        "code_scaling",
        "latent_activation",
        "latent_weighting",
    }
    assert ("pca", PCAConfig(48)) in chosen


def test_stage_b_options_of_a_variant_reach_the_training(tmp_path, data):
    options = (("code_scaling", "none"), ("latent_activation", "relu"))
    variants = (FEW[2], replace(FEW[2], name="changed", begun_as="", latent=options))
    report = ablate(data, Output(tmp_path / "out"), budget=TINY, variants=variants, processes=2)
    plain, changed = report["variants"]
    assert changed["code"] == {"pca_rank": 5, **dict(options)}
    assert plain["latent"] != changed["latent"]
    assert plain["reconstruction"] == changed["reconstruction"]


def test_a_code_of_every_pose_learns_those_of_images_that_no_network_sees(
    tmp_path, data, monkeypatch
):
    seen = []
    train = ablation.code_named("autoencoder").fit

    def watched(config, context):
        seen.append((config.loop.epochs, context.poses_mm.shape, context.rotations.shape))
        return train(config, context)

    card = replace(ablation.code_named("autoencoder"), fit=watched)
    monkeypatch.setattr(ablation, "code_named", lambda name, codes: card)
    budget = replace(TINY, pose_loop=LoopConfig(epochs=8), train_images=10)
    variants = (FEW[0], replace(FEW[0], name="every", every_pose=True, begun_as=""))
    report = ablate(data, Output(tmp_path / "out"), budget=budget, variants=variants, processes=1)
    assert (report["train_images"], report["train_poses"]) == (10, 32)
    assert seen == [(8, (10, 17, 3), (10, 3, 3)), (3, (32, 17, 3), (32, 3, 3))]
    plain, every = report["variants"]
    assert every["code"] == plain["code"] | {"every_pose": True}
    assert every["reconstruction"] != plain["reconstruction"]
    text = (tmp_path / "out" / "ablation.md").read_text()
    assert "10 training images, 32 training poses in all" in text
    assert ", every training pose |" in text


def test_variants_are_chosen_by_name_in_their_own_order():
    assert [v.name for v in variants_named(("direct", "base"))] == ["base", "direct"]
    assert variants_named(None) == VARIANTS
    with pytest.raises(InputError, match="got 'bass', expected some of base, hidden-51"):
        variants_named(("bass",))
