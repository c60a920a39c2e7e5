"""Fitting the systems that are no networks: one stage each, kept on disk like the others.

What they compute is in `baselines`; when they are fitted and measured is `pipeline`'s part.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.baselines.kde import KDE, fit_kde
from overpose.baselines.linkde import LinKDE, fit_linkde
from overpose.baselines.nearest import NearestPose, NearestPoseConfig, fit_nearest_pose
from overpose.datasets.store import Dataset
from overpose.experiments.presets import Preset
from overpose.networks.model_files import read_model_config
from overpose.networks.storage import load_model, save_model
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.progress import progress_bar
from overpose.support.seeding import random_stream
from overpose.training.samples import fingerprint

KERNEL_METHODS = ("nearest_pose", "kde", "linkde")
"""Fitted in one go, from one seed: they have no weights that begin at random."""

_BLOCK = 512
KernelSystem = NearestPose | KDE | LinKDE


def fit_kernel_method(
    method: str,
    preset: Preset,
    train: Dataset,
    out: Path,
    *,
    seed: int,
    provenance: Mapping[str, Any],
) -> KernelSystem:
    """Fit one of `KERNEL_METHODS`, or load it if it is fitted already.

    Leaves `last/`, a model directory, and `metrics.jsonl` with the seconds that it took in `out`.

    Raises:
        InputError: there are no training samples, the preset has no such method, or `out` holds one
            that was fitted otherwise.
    """
    if len(train) == 0:
        raise InputError("dataset: got no samples of split 'train', expected at least one")
    looked_at = np.arange(0, len(train), -(-len(train) // 64))
    data = fingerprint(train.poses_mm, train.masked_images(looked_at))
    known = {**provenance, "train_samples": len(train), "data": data}
    config = _config(method, preset, len(train), seed)
    if (out / "last").is_dir():
        model = load_model(out / "last")
        assert isinstance(model, KernelSystem)
        if model.config != config:
            raise InputError(
                f"{out}: was fitted with {model.config}, this run has {config}; use another "
                "directory"
            )
        if read_model_config(out / "last").get("provenance", {}).get("data") != data:
            raise InputError(f"{out}: was fitted on other samples; use another directory")
        return model
    began = time.perf_counter()
    model = _fitted(method, config, train, seed)
    seconds = round(time.perf_counter() - began, 4)
    with writing_file(out / "metrics.jsonl") as temporary:
        line = json.dumps({"stage": method, "epoch": 0, "train_s": seconds})
        temporary.write_text(line + "\n", encoding="utf-8")
    save_model(model, out / "last", known, overwrite=True)
    return model


def _config(method: str, preset: Preset, samples: int, seed: int) -> Any:
    if method == "nearest_pose" and preset.nearest_pose:
        return NearestPoseConfig(samples)
    if method == "linkde" and preset.linkde is not None:
        return replace(preset.linkde, seed=seed)
    if method == "kde" and preset.kde is not None:
        number = min(preset.kde.samples, samples)
        return replace(
            preset.kde, samples=number, components=min(preset.kde.components, number - 1)
        )
    raise InputError(f"preset {preset.name}: has no {method}")


def _fitted(method: str, config: Any, train: Dataset, seed: int) -> KernelSystem:
    if method == "linkde":
        return fit_linkde(_blocks(train), config)
    chosen = np.arange(len(train))
    if method == "kde":
        order = random_stream(seed, "kde", "samples").permutation(len(train))
        chosen = np.sort(order[: config.samples])
    images, poses_mm = train.masked_images(chosen), train.poses_mm[chosen]
    return (
        fit_kde(images, poses_mm, config) if method == "kde" else fit_nearest_pose(images, poses_mm)
    )


def _blocks(train: Dataset) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    with progress_bar("fit linkde", len(train)) as advance:
        for start in range(0, len(train), _BLOCK):
            some = np.arange(start, min(start + _BLOCK, len(train)))
            yield train.masked_images(some), train.poses_mm[some]
            advance(len(some))
