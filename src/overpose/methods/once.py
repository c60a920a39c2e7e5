"""Systems that are fitted in one go and kept like trained ones: no epochs, no checkpoints."""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

from overpose.methods.card import FitContext
from overpose.methods.samples import pictures, require_training
from overpose.networks.model_files import read_model_config
from overpose.networks.storage import Kind, load_model, save_model
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.training.processes import require_one_process
from overpose.training.samples import fingerprint


def fitted_once(kind: Kind, config: Any, context: FitContext, fit: Callable[[], nn.Module]) -> Any:
    """Fit a system, or load it if it is fitted already.

    Leaves `last/`, a model directory, and `metrics.jsonl` with the seconds that it took.

    Args:
        kind: of the model.
        config: of the model.
        context: where it is kept, and what it is fitted to.
        fit: does it.

    Raises:
        InputError: there are no training samples, or the directory holds one that was fitted
            otherwise.
    """
    require_one_process(kind.name, "is no network, and is fitted in one go")
    train, out = context.samples.train, context.out
    require_training(train)
    looked_at = np.arange(0, len(train), -(-len(train) // 64))
    images_of = pictures(train, context.samples.inputs, mask_channel=True)
    data = fingerprint(train.poses_mm, images_of(looked_at))
    if (out / "last").is_dir():
        model = load_model(out / "last", (kind,))
        if model.config != config:
            raise InputError(
                f"{out}: was fitted with {model.config}, this run has {config}; use another "
                "directory"
            )
        if read_model_config(out / "last").get("provenance", {}).get("data") != data:
            raise InputError(f"{out}: was fitted on other samples; use another directory")
        return model
    began = time.perf_counter()
    model = fit()
    seconds = round(time.perf_counter() - began, 4)
    with writing_file(out / "metrics.jsonl") as temporary:
        line = json.dumps({"stage": kind.name, "epoch": 0, "train_s": seconds})
        temporary.write_text(line + "\n", encoding="utf-8")
    known = {**context.provenance, "train_samples": len(train), "data": data}
    save_model(model, out / "last", known, overwrite=True)
    return model
