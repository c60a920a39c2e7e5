"""The whole experiment in seconds: drawn lines for a renderer, tiny networks, made-up motion."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from tiny_dataset import mask_png

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig
from overpose.baselines.kde import KDEConfig
from overpose.baselines.linkde import LinKDEConfig
from overpose.baselines.structnet import StructNetConfig
from overpose.camera import Camera
from overpose.datasets.layout import Sample
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.store import open_dataset
from overpose.experiments import examples, pipeline
from overpose.experiments import reproduce as reproduction
from overpose.experiments.pipeline import merge_actions
from overpose.experiments.preset import Preset, ProceduralMotion
from overpose.experiments.presets import PRESETS, ours_and_cnn, preset_named, structnets
from overpose.experiments.reproduce import reproduce
from overpose.methods import INPUTS, latent
from overpose.methods.dconv_mp_hml import DconvStage
from overpose.methods.mean_pose import MeanPoseConfig
from overpose.methods.nearest_pose import NearestPoseMethod
from overpose.methods.structnet import StructNetStage
from overpose.mocap.joints17 import joints17_world_mm
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pca import PCAConfig
from overpose.report.rows import MEASURES, Row, read_report
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.training.config import AutoencoderStage, LoopConfig

SIZE = 24
METHODS = ("mean_pose", "direct", "latent", "finetuned")
ONCE = ("nearest_pose", "kde", "linkde")
"""Methods that only the first seed has."""
ACTIONS = ("walking", "running", "exercise", "dance", "punching", "gesturing")


def make_line_renderer(config):
    """Draws limbs as lines, seen by one camera before the person: the studio's place in tests."""

    def render(job, check):
        samples = []
        for piece in job.pieces:
            joints_mm = joints17_world_mm(piece.motion)
            sequence = piece.sequence
            for i in range(piece.start, piece.stop):
                check()
                frame = sequence.frames[i]
                x, y = joints_mm[frame, 0, :2]
                camera = Camera.look_at(
                    (x, y - 5000.0, 1500.0), (x, y, 900.0), 2.0 * SIZE, SIZE, SIZE
                )
                camera_mm = camera.to_camera_mm(joints_mm[frame])
                points = camera.project_camera(camera_mm)
                image = np.full((SIZE, SIZE, 3), 90, dtype=np.uint8)
                for a, b in HUMAN36M.limbs:
                    ends = [(int(points[j, 0]), int(points[j, 1])) for j in (a, b)]
                    cv2.line(image, ends[0], ends[1], (250, 250, 250), 1)
                samples.append(
                    Sample(
                        jpeg=cv2.imencode(".jpg", image)[1].tobytes(),
                        mask_png=mask_png(image),
                        subject=sequence.subject,
                        action=sequence.action,
                        trial=sequence.trial,
                        split=sequence.split,
                        camera_number=sequence.cameras[i],
                        frame=frame,
                        take=sequence.take,
                        pose_mm=camera_mm - camera_mm[0],
                        root_mm=camera_mm[0],
                        keypoints_px=np.concatenate([points, np.ones((17, 1))], axis=1),
                        box_px=(0.0, 0.0, float(SIZE)),
                        camera=camera,
                        crop=camera,
                    )
                )
        return samples

    return render


ENCODER = ImageEncoderConfig(
    image_size=SIZE, crop_size=20, kernels=(5, 3), channels=(2, 4), hidden=(8,), dropout=0.1
)
TINY = Preset(
    name="tiny",
    render=RenderConfig(
        image_size=SIZE, cameras=1, max_train=36, max_val=0, max_test=18, samples_per_shard=64
    ),
    procedural=ProceduralMotion(train_subjects=2, test_subjects=1, trials=1, frames=20),
    methods={
        "mean_pose": MeanPoseConfig(),
        "nearest_pose": NearestPoseMethod(),
        "linkde": LinKDEConfig(input_features=20, output_features=20),
        "kde": KDEConfig(samples=30, components=10),
        **ours_and_cnn(ENCODER, latent=LoopConfig(epochs=2), finetune=LoopConfig(epochs=1)),
    },
    codes={"autoencoder": AutoencoderStage(AutoencoderConfig((60,)), LoopConfig(epochs=3))},
    inputs=("image",),
)
WHOLE = replace(TINY, inputs=INPUTS, finishing_share=0.5)


def without(*names):
    return {name: config for name, config in TINY.methods.items() if name not in names}


FEW = replace(
    TINY,
    render=replace(TINY.render, max_train=12, max_test=6),
    methods={name: TINY.methods[name] for name in ("mean_pose", "direct")},
    codes={},
)


def leave_out_pictures(monkeypatch):
    """Leaves out the drawing, which is tested once."""
    monkeypatch.setattr(examples, "draw_comparison", lambda *_, **__: None)
    monkeypatch.setattr(reproduction, "draw_errors", lambda *_: None)


@pytest.fixture
def no_pictures(monkeypatch):
    leave_out_pictures(monkeypatch)


def run(out, preset=TINY, *, overwrite=False, **changes):
    changes = {"processes": 1, "memory": False, "make_renderer": make_line_renderer, **changes}
    return reproduce(preset, Output(out, overwrite), **changes)


def means_of(reproduction):
    """The means of the block that the paper has."""
    rows = reproduction.report.rows
    return [r for r in rows if (r.action, r.inputs, r.finishing) == ("mean", "image", "none")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("reproduce") / "out"
    with pytest.MonkeyPatch.context() as monkeypatch:
        leave_out_pictures(monkeypatch)
        run(out, replace(WHOLE, inputs=("image",)), seeds=(1,))
        weights = out / "seed1" / "direct" / "last" / "weights.safetensors"
        trained = weights.stat().st_mtime_ns
        run(out, WHOLE, seeds=(1,))  # a block more
        assert weights.stat().st_mtime_ns == trained
    return run(out, WHOLE, seeds=(0,))


def test_seeds_trained_one_at_a_time_are_merged_and_every_block_has_its_rows(finished):
    report = read_report(finished.out / "report.json")
    found = {(r.method, r.action, r.seed, r.inputs, r.finishing) for r in report.rows}
    runs = [(method, seed) for method in METHODS for seed in (0, 1)]
    runs += [(method, 1) for method in ONCE]  # nothing in them begins at random: not fitted again
    assert found == {
        (method, action, seed, inputs, finishing)
        for method, seed in runs
        for action in (*ACTIONS, "mean")
        for inputs in INPUTS
        for finishing in (("none",) if method == "mean_pose" else ("none", "common"))
    }
    assert all(row.error is None for row in report.rows)
    assert not any(row.privileged for row in report.rows)


def test_one_code_serves_all_inputs_and_models_know_theirs(finished):
    seed = finished.out / "seed0"
    assert not (seed / "autoencoder-masked").exists()
    for stage, inputs in (("direct", "image"), ("direct-masked", "masked_image")):
        known = json.loads((seed / stage / "last" / "config.json").read_text())["provenance"]
        assert known["inputs"] == inputs
        assert known["stages"] == [stage]


def test_masks_and_finishing_change_the_errors_and_a_wider_share_the_limbs(finished):
    rows = {
        (r.method, r.inputs, r.finishing): r
        for r in finished.report.rows
        if r.action == "mean" and r.seed == 1
    }
    for method in ("direct", "latent", "nearest_pose", "linkde"):
        errors = {rows[method, i, f].mpjpe_mm for i in INPUTS for f in ("none", "common")}
        assert len(errors) == 4, method
    for inputs in INPUTS:
        plain, done = (rows["linkde", inputs, f].limb_ratio_full for f in ("none", "common"))
        assert done < plain


def test_training_time_counts_every_stage_that_a_method_needs(finished):
    rows = {(r.method, r.seed): r for r in means_of(finished)}
    assert rows["mean_pose", 0].train_s == 0
    for method, stages in (
        ("latent", ("autoencoder", "latent")),
        ("finetuned", ("autoencoder", "begun", "finetuned")),
    ):
        metrics = [finished.out / "seed0" / stage / "metrics.jsonl" for stage in stages]
        lines = [json.loads(line) for path in metrics for line in path.read_text().splitlines()]
        assert rows[method, 0].train_s == pytest.approx(sum(line["train_s"] for line in lines))


def test_the_page_holds_every_table_and_needs_nothing_else(finished):
    page = (finished.out / "report.html").read_text()
    for title in ("Table 1 as measured", "Table 2 as published", "Error by joint", "LinKDE", "KDE"):
        assert title in page
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace("http://mocap.cs.cmu.edu", "")


def test_errors_by_joint_add_up_to_the_mean(finished):
    rows = {(r.method, r.seed): r for r in means_of(finished)}
    for method in ("direct", "kde"):
        details = json.loads((finished.out / "seed1" / f"rows-{method}.json").read_text())
        errors = details["joint_errors_mm"]
        assert list(errors) == list(HUMAN36M.joint_names)
        assert np.mean(list(errors.values())) == pytest.approx(rows[method, 1].mpjpe_mm, rel=1e-5)
        assert details["model_mib"] > 0
        assert details["trained_in"] == {"direct": "float32", "kde": None}[method]


def test_tables_figure_and_autoencoder_results_are_left(finished):
    text = (finished.out / "tables.md").read_text()
    assert "Table 1 as measured" in text
    assert "Table 2 as published" in text
    assert "The autoencoder alone" in text
    assert "Procedural-Studio" in text
    # one row for each action; image, ground truth and three methods
    assert cv2.imread(str(finished.out / "figure.png")).shape == (6 * 270, 5 * 270, 3)
    assert "Error by joint, mm" in text
    assert "Size of the models" in text
    runs = json.loads((finished.out / "autoencoder.json").read_text())["runs"]
    assert set(runs) == {"seed0", "seed1"}
    assert set(runs["seed0"]) == {"clean", "noisy", "random_limb_lengths", "swapped_legs"}


@pytest.mark.usefixtures("no_pictures")
def test_the_last_line_says_where_figure_and_tables_are(finished, capsys):
    run(finished.out, WHOLE, seeds=(0, 1))
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == f"figure: {finished.out / 'figure.png'}; tables: {finished.out / 'tables.md'}"


@pytest.mark.usefixtures("no_pictures")
def test_a_finished_run_trains_and_renders_nothing_again(finished, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("done already")

    monkeypatch.setattr(pipeline, "train_stage", refuse)
    monkeypatch.setattr(pipeline, "evaluate", refuse)
    again = reproduce(
        WHOLE,
        Output(finished.out),
        processes=1,
        seeds=(0, 1),
        memory=False,
        make_renderer=lambda config: refuse,
    )
    assert again.report.rows == finished.report.rows


@pytest.mark.usefixtures("no_pictures")
def test_a_run_killed_between_stages_ends_with_the_same_numbers(tmp_path, finished, monkeypatch):
    whole, preset = pipeline.train_stage, replace(TINY, methods=without(*ONCE))

    def killed_at_latent(run, stage):
        if stage == "latent":
            raise KeyboardInterrupt
        return whole(run, stage)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "train_stage", killed_at_latent)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "out", preset)
    rows = run(tmp_path / "out", preset).report.rows
    errors = {(r.method, r.action): r.mpjpe_mm for r in rows}
    whole = finished.report.rows
    assert errors == {
        (r.method, r.action): r.mpjpe_mm
        for r in whole
        if (r.seed, r.inputs, r.finishing) == (0, "image", "none") and r.method in METHODS
    }


@pytest.mark.usefixtures("no_pictures")
def test_a_failing_stage_says_so_and_hides_nothing_else(tmp_path, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no memory")

    preset = replace(TINY, methods=without(*ONCE))
    with monkeypatch.context() as patched:
        patched.setattr(latent, "train_latent", broken)
        result = run(tmp_path / "out", preset)
    means = {row.method: row for row in result.report.rows if row.action == "mean"}
    assert means["latent"].error == "RuntimeError: no memory"
    assert means["finetuned"].error == "needs begun: RuntimeError: no memory"
    assert means["direct"].error is None
    assert len(result.failed) == 2
    assert result.failed[0] == "latent, image, seed 0: RuntimeError: no memory"
    assert "no memory" in (result.out / "seed0" / "latent-error.txt").read_text()
    mended = run(tmp_path / "out", preset)
    assert mended.failed == ()


@pytest.mark.usefixtures("no_pictures")
def test_a_damaged_row_file_is_named_and_hides_nothing_else(tmp_path):
    run(tmp_path / "out", FEW)
    (tmp_path / "out" / "seed0" / "rows-direct.json").write_text("{")
    result = run(tmp_path / "out", FEW)
    assert len(result.failed) == 1
    assert "rows-direct.json: not valid JSON" in result.failed[0]


@pytest.mark.usefixtures("no_pictures")
def test_another_preset_in_the_same_directory_is_refused_then_replaced(tmp_path):
    run(tmp_path / "out", FEW)
    shorter = ours_and_cnn(ENCODER, LoopConfig(epochs=1), LoopConfig(epochs=1))
    other = replace(FEW, methods={**FEW.methods, "direct": shorter["direct"]})
    with pytest.raises(InputError, match=r"another experiment \(preset.*epochs"):
        run(tmp_path / "out", other)
    replaced = run(tmp_path / "out", other, overwrite=True)
    assert replaced.failed == ()


def test_a_directory_with_other_files_is_refused_even_with_overwrite(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        run(tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.usefixtures("no_pictures")
def test_one_model_per_action_gives_rows_for_all_actions_and_their_mean(tmp_path):
    small = replace(
        TINY,
        model_per_action=True,
        render=replace(TINY.render, max_train=24, max_test=12),
        methods=without(*ONCE, "latent"),
        codes={"autoencoder": AutoencoderStage(AutoencoderConfig((60,)), LoopConfig(epochs=1))},
    )
    rows = run(tmp_path / "out", small).report.rows
    direct = {row.action: row.mpjpe_mm for row in rows if row.method == "direct"}
    assert set(direct) == {*ACTIONS, "mean"}
    assert direct["mean"] == pytest.approx(np.mean([direct[a] for a in ACTIONS]))
    assert (tmp_path / "out" / "seed0" / "dance" / "finetuned" / "last").is_dir()


@pytest.mark.usefixtures("no_pictures")
def test_the_pca_baseline_is_trained_where_the_preset_asks_for_it(tmp_path):
    small = replace(
        TINY,
        methods={**without(*ONCE), "pca": TINY.methods["latent"]},
        codes={**TINY.codes, "pca": PCAConfig(10)},
        render=replace(TINY.render, max_train=12, max_test=6),
    )
    rows = run(tmp_path / "out", small).report.rows
    assert {row.method for row in rows if row.error is None} == {*METHODS, "pca"}


def test_a_preset_on_real_motion_asks_for_it(tmp_path):
    with pytest.raises(InputError, match="no motion capture, expected --mocap"):
        reproduce(preset_named("cpu"), Output(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_preset_that_makes_up_its_motion_takes_no_other(tmp_path):
    with pytest.raises(InputError, match="got --mocap, but it makes up its motion"):
        run(tmp_path / "out", motion=MotionSource(tmp_path, tmp_path))
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_pictures")
def test_a_finished_dataset_is_measured_in_the_place_of_a_rendered_one(tmp_path, tiny_dataset):
    data = tiny_dataset(tmp_path / "data", size=SIZE)
    result = run(tmp_path / "out", replace(TINY, methods=without("kde", "linkde")), data=data)
    assert {row.action for row in result.report.rows} == {"walking", "running", "mean"}
    assert result.failed == ()
    assert result.report.dataset.startswith("tiny, ")
    assert not (tmp_path / "out" / "dataset").exists()
    with pytest.raises(InputError, match="another experiment"):  # a rendered one
        run(tmp_path / "out", replace(TINY, methods=without("kde", "linkde")))


@pytest.mark.usefixtures("no_pictures")
def test_held_out_training_subjects_take_the_place_of_the_test_and_a_share_is_chosen(
    tmp_path, tiny_dataset
):
    subjects = {"train": ("01", "02", "03"), "test": ("08",)}
    data = tiny_dataset(tmp_path / "data", size=SIZE, subjects=subjects)
    preset = replace(WHOLE, methods={n: TINY.methods[n] for n in ("mean_pose", "direct")}, codes={})
    result = run(tmp_path / "out", preset, data=data, held_out=True)
    assert "training images of 2 subjects" in result.report.dataset
    chosen = json.loads((tmp_path / "out" / "finishing.json").read_text())
    (held_out,) = chosen["subjects"]
    assert held_out in subjects["train"]
    model = tmp_path / "out" / "seed0" / "direct" / "last" / "config.json"
    trained = json.loads(model.read_text())["provenance"]["train_subjects"]
    assert sorted([*trained, held_out]) == ["01", "02", "03"]
    assert f"NOT THE TEST: measured on the training subjects {held_out}" in result.report.protocol
    by_share = {each["share"]: each["mpjpe_mm"] for each in chosen["by_share"]}
    good = [share for share, error in by_share.items() if error <= by_share[0.0]]
    assert chosen["share"] == max(good)
    finished = {r.finishing: r.mpjpe_mm for r in result.report.rows if r.method == "direct"}
    assert by_share[0.5] == pytest.approx(finished["common"], rel=1e-5)
    with pytest.raises(InputError, match="another experiment"):  # the test's
        run(tmp_path / "out", preset, data=data)


@pytest.mark.usefixtures("no_pictures")
def test_a_dataset_without_masks_gives_no_rows_with_them(tmp_path, tiny_dataset, capsys):
    data = tiny_dataset(tmp_path / "data", size=SIZE)
    preset = replace(TINY, inputs=INPUTS, methods={"mean_pose": MeanPoseConfig()}, codes={})
    rows = run(tmp_path / "out", preset, data=data).report.rows
    assert {row.inputs for row in rows} == {"image"}
    assert "has no masks: no rows with them" in capsys.readouterr().err


@pytest.mark.usefixtures("no_pictures")
def test_human36m_is_measured_by_its_own_protocol_with_both_means(
    tmp_path, tiny_dataset, monkeypatch, capsys
):
    monkeypatch.setattr(reproduction, "HUMAN36M_NAME", "tiny")
    data = tiny_dataset(
        tmp_path / "data",
        size=SIZE,
        subjects={"train": ("S1", "S5"), "test": ("S9", "S11")},
        actions=("Walking", "Eating"),
    )
    preset = replace(TINY, methods=without("kde", "linkde", "nearest_pose"), model_per_action=True)
    report = run(tmp_path / "out", preset, data=data).report
    assert report.protocol.startswith("Tekin et al. 2016, Table 1 (train S1, S5")
    assert "no train frames of S6, S7, S8" in report.protocol
    saved = json.loads((tmp_path / "out" / "human36m.json").read_text())
    rows = {(row.method, row.action): row.mpjpe_mm for row in report.rows}
    for method in ("mean_pose", *METHODS):
        (found,) = saved[f"{method}, seed 0"]
        assert found["action_mean_mm"] == pytest.approx(rows[method, "mean"])
        assert found["frames"] == {"Eating": 16, "Walking": 16}
    assert "mean over frames" in capsys.readouterr().out
    other = tiny_dataset(tmp_path / "other", size=SIZE)
    with pytest.raises(InputError, match="subject 01 is in split 'train'"):
        run(tmp_path / "again", preset, data=other)


def test_a_finished_dataset_and_motion_capture_are_refused_together(tmp_path, tiny_dataset):
    data = tiny_dataset(tmp_path / "data", size=SIZE)
    with pytest.raises(InputError, match="got --data and --mocap"):
        run(tmp_path / "out", data=data, motion=MotionSource(tmp_path, tmp_path))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_dataset_without_training_or_test_samples_is_refused(tmp_path, tiny_dataset, split):
    other = "test" if split == "train" else "train"
    data = tiny_dataset(tmp_path / "data", size=SIZE, subjects={other: ("01", "02")})
    with pytest.raises(InputError, match=f"got no samples of split '{split}'"):
        run(tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()


def test_a_dataset_of_another_image_size_is_refused_before_anything_is_made(tmp_path, tiny_dataset):
    data = tiny_dataset(tmp_path / "data", size=48)
    with pytest.raises(InputError, match="has images of 48 px"):
        run(tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("processes", [0, -1])
def test_fewer_processes_than_one_are_refused(tmp_path, processes):
    with pytest.raises(InputError, match=f"processes: got {processes}, expected at least 1"):
        reproduce(TINY, Output(tmp_path / "out"), processes=processes)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", ["mocap", "splits"])
def test_motion_capture_and_splits_go_together(tmp_path, given):
    with pytest.raises(InputError, match=f"--{given} without"):
        MotionSource(**{given: tmp_path})


def test_test_subjects_are_no_training_subjects_in_the_rendered_dataset(finished):
    with open_dataset(finished.out / "dataset") as dataset:
        test = set(dataset.subjects[dataset.splits == "test"])
        assert test
        assert not test & set(dataset.subjects[dataset.splits != "test"])


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_image_network_has_the_epochs_of_both_stages_of_the_fine_tuned_one(preset):
    begun, tuned = preset.methods["begun"].image.loop, preset.methods["finetuned"].loop
    for name in ("direct", "latent"):
        loop = preset.methods[name].image.loop
        assert loop.epochs == begun.epochs + tuned.epochs
        assert loop.batch_size == begun.batch_size == tuned.batch_size


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_all_networks_of_a_preset_have_the_same_convolutions(preset):
    structnet = preset.methods["structnet_max"].network.convolutions
    assert preset.methods["dconv_mp_hml"].network.convolutions == structnet
    for name in ("direct", "latent", "begun"):
        encoder = preset.methods[name].image.encoder
        assert encoder == structnet.image_encoder(encoder.hidden, encoder.dropout)


@pytest.mark.parametrize("name", ["direct", "latent"])
def test_a_preset_with_unequal_budgets_is_refused(name):
    image = replace(TINY.methods[name].image, loop=LoopConfig(epochs=4))
    methods = {**TINY.methods, name: replace(TINY.methods[name], image=image)}
    with pytest.raises(InputError, match=f"{name} has 4 epochs, .* together 3; expected the same"):
        replace(TINY, methods=methods)


def test_a_preset_with_an_unknown_method_or_a_wrong_configuration_is_refused():
    with pytest.raises(InputError, match="got 'toy', expected some of mean_pose"):
        replace(TINY, methods={"toy": MeanPoseConfig()})
    with pytest.raises(InputError, match="kde has a MeanPoseConfig, expected a KDEConfig"):
        replace(TINY, methods={"kde": MeanPoseConfig()})


def test_a_method_without_what_it_needs_is_refused():
    with pytest.raises(InputError, match="got no method or code that trains begun"):
        replace(TINY, methods=without("begun"))
    with pytest.raises(InputError, match="latent learns the code autoencoder, which has no"):
        replace(TINY, codes={})
    begun = ours_and_cnn(ENCODER, LoopConfig(2), LoopConfig(1), begin_with="dconv_mp_hml")
    with pytest.raises(InputError, match="got no method or code that trains dconv_mp_hml"):
        replace(TINY, methods=begun)


def test_methods_that_share_a_model_share_its_configuration():
    convolutions = ConvolutionsConfig(SIZE, 20, (3, 3, 1), (2, 2, 2))
    shared = structnets(StructNetStage(StructNetConfig(convolutions)))
    other = {"structnet_avg": StructNetStage(StructNetConfig(convolutions, average=3))}
    dconv = {"dconv_mp_hml": DconvStage(DconvConfig(convolutions))}
    with pytest.raises(InputError, match="structnet_max and structnet_avg predict with one model"):
        replace(TINY, methods={**dconv, **shared, **other})


def test_an_unknown_preset_is_refused_with_the_known_names():
    with pytest.raises(InputError, match="expected one of smoke, cpu, paper"):
        preset_named("huge")


def test_a_method_that_failed_for_one_action_has_no_mean():
    numbers = dict.fromkeys(MEASURES, 1.0)
    good = [Row("direct", "walking", 0, **numbers), Row("direct", "mean", 0, **numbers)]
    bad = [Row("direct", "mean", 0, error="no memory")]
    merged = {row.action: row.error for row in merge_actions([good, bad])}
    assert merged == {"walking": None, "mean": "no memory"}
