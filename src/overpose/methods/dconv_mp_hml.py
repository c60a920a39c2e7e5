"""DconvMP-HML: joints are detected and regressed at once.

What the network is and what its loss, is in `baselines.dconv`; here is its training.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from overpose.baselines.dconv import (
    KIND,
    DconvConfig,
    DconvMPHML,
    limb_targets,
    window_targets,
)
from overpose.methods.card import FitContext, Method
from overpose.networks.normalization import JOINTS
from overpose.support.bfloat16 import name_of, training_dtype
from overpose.support.checks import check_array
from overpose.support.seeding import stream_seed
from overpose.training.config import LoopConfig
from overpose.training.data import crop_steps, prefetched, steps_per_epoch
from overpose.training.loop import RUNTIME, Runtime, Task, fit
from overpose.training.samples import Samples, check_samples, error_mm, run_record

STAGE = "dconv_mp_hml"


@dataclass(frozen=True)
class DconvStage:
    """The network and how it is trained.

    Attributes:
        network: sizes, noise, weight of the detection.
        loop: how long and how fast.
        bfloat16: as in `RegressionStage`.
    """

    network: DconvConfig = field(default_factory=DconvConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    bfloat16: bool = False


def train_dconv(
    images: np.ndarray,
    poses_mm: np.ndarray,
    keypoints_px: np.ndarray,
    validation: Samples | None,
    config: DconvConfig,
    loop: LoopConfig,
    out: Path,
    *,
    bfloat16: bool = False,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> DconvMPHML:
    """Train on images with 3D poses and 2D joints.

    Adam, as all systems here have it; the original's optimiser is not known for sure.

    Args:
        images: (N, S, S, 3) uint8 RGB.
        poses_mm: (N, 17, 3), camera axes, relative to the root.
        keypoints_px: (N, 17, 2) or more columns, in pixels of the images.
        validation: held-out images and poses, or None.
        config: sizes, noise, weight of the detection.
        loop: how long and how fast.
        out: directory of the stage.
        bfloat16: as in `RegressionStage`.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the network after the last epoch, in evaluation mode.

    Raises:
        InputError: wrong arrays, or `out` holds a checkpoint of something else.
    """
    size, crop_size = config.convolutions.image_size, config.convolutions.crop_size
    images, poses_mm = check_samples(images, poses_mm, size)
    if validation is not None:
        validation = check_samples(*validation, size, "validation ")
    check_array("keypoints_px", keypoints_px, (len(images), JOINTS, keypoints_px.shape[-1]))
    device = runtime.torch_device()
    model = DconvMPHML(config, seed=stream_seed(loop.seed, STAGE, "weights"))
    model.fit_colours(images)
    limbs, points = limb_targets(poses_mm), keypoints_px[..., :2]
    margin = (size - crop_size) / 2
    model.start_from(limbs, window_targets(points - margin, crop_size, config.windows))
    model.to(device)
    model.training_dtype = training_dtype(bfloat16, device.type)

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        return prefetched(_made(epoch))

    def _made(epoch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        steps = crop_steps(
            images, crop_size, batch_size=loop.batch_size, seed=loop.seed, stage=STAGE, epoch=epoch
        )
        for crops, indices, corners in steps:
            inside = points[indices] - corners[:, None, ::-1]
            windows = window_targets(inside, crop_size, config.windows)
            yield crops, torch.from_numpy(limbs[indices]), torch.from_numpy(windows)

    def loss(batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        return model.loss(*(part.to(device) for part in batch))

    task = Task(
        stage=STAGE,
        model=model,
        groups=[(list(model.parameters()), 1.0)],
        steps=steps_per_epoch(len(images), loop.batch_size),
        samples=len(images),
        batches=batches,
        loss=loss,
        dtype=name_of(model.training_dtype),
        validate=partial(error_mm, model, validation) if validation else None,
        record=run_record(
            STAGE,
            loop,
            images,
            poses_mm,
            keypoints_px,
            *(validation or ()),
            model=repr(config),
            bfloat16=str(bfloat16),
        ),
        provenance=provenance or {},
    )
    fit(task, loop, Path(out), runtime)
    return model.eval()


def _fit(config: DconvStage, context: FitContext) -> DconvMPHML:
    return train_dconv(
        context.samples.train_images,
        context.samples.train_poses_mm,
        context.samples.train.keypoints_px,
        context.samples.validation,
        config.network,
        context.seeded(config.loop),
        context.out,
        bfloat16=config.bfloat16,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _image_size(config: DconvStage) -> int:
    return config.network.convolutions.image_size


METHOD = Method(
    name=STAGE,
    title="DconvMP-HML",
    summary="Li and Chan 2014: joints detected in windows and regressed relative to their parents",
    Config=DconvStage,
    fit=_fit,
    kinds=(KIND,),
    image_size=_image_size,
    published="DconvMP-HML",
)
