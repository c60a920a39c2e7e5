"""`overpose.train`, `evaluate` and `reproduce`: experiments from Python, with the commands' words.

Paths and names become values here; the work belongs to `standalone` and `reproduce`.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.sources import SOURCES, Source
from overpose.experiments import reproduce as experiment
from overpose.experiments.preset import Preset
from overpose.experiments.presets import preset_named
from overpose.experiments.reproduce import Reproduction
from overpose.experiments.standalone import evaluate_models, measure_models, train_stages
from overpose.methods import METHODS, Inputs, Method, load_model
from overpose.report.rows import Report
from overpose.support.files import Output
from overpose.support.locks import working_alone
from overpose.support.object_storage import path_of
from overpose.training.loop import Runtime
from overpose.training.processes import is_first, together


def train(
    data: Path | str,
    out: Path | str,
    *,
    preset: Preset | str = "cpu",
    stage: str = "all",
    inputs: Inputs = "image",
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Any]:
    """Train a stage on a dataset, and first the stages that it needs; one model for all actions.

    Finished stages are loaded and an interrupted one is resumed, so the same call continues an
    earlier one. Processes that `torchrun` starts share every batch out, on any number of machines
    that see `data` and `out`; they may be more or fewer when an interrupted stage is resumed.

    Args:
        data: directory of a dataset, as `overpose render` or `overpose data` makes it.
        out: each stage gets a directory in it, whose `last/` holds the model.
        preset: "smoke", "cpu" or "paper", or a `Preset` of your own. Its images must be as large
            as those of the dataset.
        stage: a method or a code of the preset, e.g. "finetuned", "direct", "linkde" or
            "autoencoder"; "all" trains our methods and the CNN straight to the pose.
        inputs: what the methods are given: images, or images with the person's mask.
        seed: of weights, order, crops, noise and dropout.
        device: "cpu", "cuda", or "auto", which takes the GPU if there is one.

    Returns:
        The trained models by stage, in the order of training. Those of methods have
        `predict(images)`: (n, side, side, 3) uint8 RGB to poses (n, 17, 3) float32, mm, camera
        axes, root-relative.

    Raises:
        InputError: there is no such preset or stage, the dataset does not fit the preset, or `out`
            holds stages that were trained otherwise or is being written to.
    """
    chosen = preset_named(preset) if isinstance(preset, str) else preset
    runtime = Runtime(device=device)
    with together(device), working_alone(Path(out)) if is_first() else nullcontext():
        trained = train_stages(
            chosen, path_of(data), Path(out), stage=stage, inputs=inputs, seed=seed, runtime=runtime
        )
    return {name: load_model(place, kinds=chosen.kinds) for name, place in trained.items()}


def evaluate(
    models: Sequence[Path | str],
    data: Path | str,
    *,
    out: Path | str | None = None,
    overwrite: bool = False,
    methods: Sequence[Method] = METHODS,
) -> Report:
    """Measure trained models on a dataset's test samples.

    Args:
        models: directories of models that predict poses, or of stages, whose last model is taken.
        data: directory of a dataset.
        out: also write `report.json` and `tables.md` to this directory, and print the tables.
        overwrite: replace an earlier report in `out`.
        methods: cards of the methods that the models may be of, your own among them.

    Returns:
        Rows of every method, for each action and their mean ("mean"): MPJPE and P-MPJPE in mm,
        limb-ratio errors, training time in s, prediction time in ms per image.

    Raises:
        InputError: a model cannot be read, predicts no poses, takes images of another size, was
            trained on a test subject, or is a second one of the same method and seed; or the
            report is there already.
    """
    places = [Path(place) for place in models]
    if out is None:
        return measure_models(places, path_of(data), methods=methods)[0]
    return evaluate_models(places, path_of(data), Output(Path(out), overwrite), methods=methods)


def reproduce(
    preset: Preset | str,
    out: Path | str,
    *,
    mocap: Path | str | None = None,
    splits: Path | str | None = None,
    up: Literal["y", "z"] = "y",
    data: Path | str | None = None,
    seeds: Sequence[int] | None = None,
    held_out: bool = False,
    inputs: Sequence[Inputs] | None = None,
    processes: int | None = None,
    device: str = "auto",
    overwrite: bool = False,
    sources: tuple[Source, ...] = SOURCES,
) -> Reproduction:
    """Render, train and measure every method of a preset; write tables and figures.

    Interrupted experiments continue: make the same call again. Scripts that use more than one
    process call this under `if __name__ == "__main__":`.

    Args:
        preset: "smoke", "cpu" or "paper", or a `Preset` of your own.
        out: gets `report.json`, `tables.md`, `report.html`, figures, the dataset and the models.
        mocap, splits: recorded motion, and the JSON file that says which trials train and test;
            "cpu" and "paper" need both, "smoke" makes up its motion.
        up: the axis of BVH files that points up: z in Blender's.
        data: a finished dataset, to be used instead of rendering one.
        seeds: those to train now, instead of all of the preset's; the report also has what other
            seeds have left in `out`.
        inputs: blocks of the report to train now, instead of the preset's: "image", "masked_image".
        held_out: leave the test subjects alone and measure on training subjects who are held out of
            training, for choices.
        processes: for rendering, and on a CPU for training stages side by side; None: one for each
            core.
        device: "cpu", "cuda", or "auto", which takes the GPU if there is one.
        overwrite: remove a finished experiment, or another one, from `out` first.
        sources: cards that recognise the motion in `mocap`, your own among them.

    Returns:
        The report, the directory, and one line for each method and seed that failed.

    Raises:
        InputError: the data are missing or damaged or leak test subjects into training, or `out`
            holds something else or is being written to.
    """
    chosen = preset_named(preset) if isinstance(preset, str) else preset
    if inputs is not None:
        chosen = replace(chosen, inputs=tuple(inputs))
    with working_alone(Path(out)):
        return experiment.reproduce(
            chosen,
            Output(Path(out), overwrite),
            motion=MotionSource(
                None if mocap is None else Path(mocap), None if splits is None else Path(splits), up
            ),
            data=None if data is None else Path(data),
            processes=processes,
            seeds=seeds,
            held_out=held_out,
            runtime=Runtime(device=device),
            sources=sources,
        )
