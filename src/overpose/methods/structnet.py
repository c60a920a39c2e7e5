"""StructNet: the true pose must score higher than every other, by their distance.

What the networks are is in `baselines.structnet`; here is their training, and the three ways to
predict with them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import relu

from overpose.baselines.convolutions import SharedConvolutions
from overpose.baselines.structnet import KIND, StructNet, StructNetConfig, with_limb_lengths
from overpose.methods.card import FitContext, Method, Predict
from overpose.metrics import limb_lengths
from overpose.networks.normalization import JOINTS
from overpose.networks.sharing import sum_of_shares
from overpose.support.bfloat16 import name_of, training_dtype
from overpose.support.errors import InputError
from overpose.support.seeding import stream_seed
from overpose.training.config import LoopConfig
from overpose.training.data import crop_batches, prefetched, steps_per_epoch
from overpose.training.loop import RUNTIME, Runtime, Task, fit
from overpose.training.samples import Samples, check_samples, error_mm, fingerprint, run_record

STAGE = "structnet"
CANDIDATES = 2000
"""Training poses, drawn anew in every step, among which the most violated one is looked for."""
OFTEN_VIOLATED = 10
AUXILIARY_WEIGHT = 1.0
WEIGHT_PENALTY = 1e-4


@dataclass(frozen=True)
class StructNetStage:
    """The networks and how they are trained.

    Attributes:
        network: sizes.
        loop: how long and how fast.
        convolutions_of: the stage whose convolutions they take, and leave as they are.
        bfloat16: as in `RegressionStage`.
    """

    network: StructNetConfig = field(default_factory=StructNetConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    convolutions_of: str = "dconv_mp_hml"
    bfloat16: bool = False


def train_structnet(
    images: np.ndarray,
    poses_mm: np.ndarray,
    validation: Samples | None,
    convolutions: SharedConvolutions,
    config: StructNetConfig,
    loop: LoopConfig,
    out: Path,
    *,
    bfloat16: bool = False,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> StructNet:
    """Train on images with 3D poses; the training poses become those to choose from.

    Args:
        images: (N, S, S, 3) uint8 RGB.
        poses_mm: (N, 17, 3), camera axes, relative to the root.
        validation: held-out images and poses, or None.
        convolutions: of a trained DconvMP-HML; they stay as they are.
        config: sizes; its `poses` becomes N.
        loop: how long and how fast.
        out: directory of the stage.
        bfloat16: as in `RegressionStage`.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the networks after the last epoch, in evaluation mode.

    Raises:
        InputError: wrong arrays, other convolutions than the configuration's, or `out` holds a
            checkpoint of something else.
    """
    size, crop_size = config.convolutions.image_size, config.convolutions.crop_size
    images, poses_mm = check_samples(images, poses_mm, size)
    if validation is not None:
        validation = check_samples(*validation, size, "validation ")
    if convolutions.config != config.convolutions:
        raise InputError(f"convolutions: got {convolutions.config}, expected {config.convolutions}")
    device = runtime.torch_device()
    config = replace(config, poses=len(poses_mm))
    model = StructNet(config, seed=stream_seed(loop.seed, STAGE, "weights"))
    model.shared.load_state_dict(convolutions.state_dict())
    model.shared.requires_grad_(False)
    model.start_from(poses_mm - poses_mm[:, :1])
    model.to(device)
    model.training_dtype = training_dtype(bfloat16, device.type)
    poses = model.candidates()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        return prefetched(
            crop_batches(
                images,
                torch.arange(len(images)),
                crop_size,
                batch_size=loop.batch_size,
                seed=loop.seed,
                stage=STAGE,
                epoch=epoch,
            )
        )

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        crops, numbers = batch[0].to(device), batch[1].to(device)
        penalty = sum(weight.norm().square() for weight in trained if weight.ndim > 1)
        return structnet_loss(model, crops, poses, numbers) + WEIGHT_PENALTY * penalty

    weights = (tensor.cpu().numpy() for tensor in model.shared.state_dict().values())
    task = Task(
        stage=STAGE,
        model=model,
        groups=[(trained, 1.0)],
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
            *(validation or ()),
            model=repr(config),
            convolutions=fingerprint(*weights),
            bfloat16=str(bfloat16),
        ),
        provenance=provenance or {},
    )
    fit(task, loop, Path(out), runtime)
    return model.eval()


def structnet_loss(model: StructNet, crops: Tensor, poses: Tensor, numbers: Tensor) -> Tensor:
    """max(0, f(x, y') + D(y, y') - f(x, y)) + ||auxiliary - y||^2, mean over the batch.

    y' has the largest f + D among random training poses and those violated most often; D is the
    MPJPE / 1200 mm. The violations are counted, of the whole batch: the random poses are the same
    whoever has which of its images.

    Args:
        model: the networks.
        crops: (batch, 3, crop, crop).
        poses: (N, 51) all training poses / 1200 mm.
        numbers: (batch,) which of them are the images' own.
    """
    images, auxiliary = model.embed_images(crops)
    true = poses[numbers]
    with torch.no_grad():
        drawn = torch.randint(len(poses), (min(CANDIDATES, len(poses)),), device=poses.device)
        often = torch.topk(model.violations, min(OFTEN_VIOLATED, len(poses))).indices
        tried = torch.cat([drawn, often])
        scores = images @ model.embed_poses(poses[tried]).t()
        worst = tried[(scores + distances(true, poses[tried])).argmax(dim=1)]
    far = (true - poses[worst]).unflatten(1, (JOINTS, 3)).norm(dim=-1).mean(dim=1)
    embedded = model.embed_poses(torch.cat([true, poses[worst]]))
    right, wrong = (images * embedded[: len(true)]).sum(1), (images * embedded[len(true) :]).sum(1)
    margin = relu(wrong + far - right)
    with torch.no_grad():
        mistaken = torch.zeros_like(model.violations)
        mistaken.index_add_(0, worst, (margin > 0).to(mistaken.dtype))
        model.violations += sum_of_shares(mistaken)
    missed = (auxiliary - true).square().sum(1)
    return (margin + AUXILIARY_WEIGHT * missed).mean()


def distances(first: Tensor, second: Tensor) -> Tensor:
    """(n, m): mean distances of the joints of poses (n, 51) and (m, 51)."""
    total = first.new_zeros(len(first), len(second))
    for joint in range(JOINTS):
        columns = slice(3 * joint, 3 * joint + 3)
        total += torch.cdist(first[:, columns], second[:, columns])
    return total / JOINTS


def _fit(config: StructNetStage, context: FitContext) -> StructNet:
    return train_structnet(
        context.samples.train_images,
        context.samples.train_poses_mm,
        context.samples.validation,
        context.model(config.convolutions_of).shared,
        config.network,
        context.seeded(config.loop),
        context.out,
        bfloat16=config.bfloat16,
        provenance=context.provenance,
        runtime=context.runtime,
    )


def _needs(config: StructNetStage) -> tuple[str, ...]:
    return (config.convolutions_of,)


def _image_size(config: StructNetStage) -> int:
    return config.network.convolutions.image_size


def _average(model: StructNet) -> Predict:
    return model.predict_average


def _told_limbs(poses_mm: np.ndarray, true_mm: np.ndarray) -> np.ndarray:
    return with_limb_lengths(poses_mm, limb_lengths(true_mm))


BEST = Method(
    name="structnet_max",
    title="StructNet-Max",
    summary="Li, Zhang and Chan 2015: images and poses in one space, search over all training "
    "poses; the best one",
    Config=StructNetStage,
    fit=_fit,
    stage=STAGE,
    needs=_needs,
    kinds=(KIND,),
    image_size=_image_size,
    published="StructNet-Max",
)
AVERAGE = replace(
    BEST,
    name="structnet_avg",
    title="StructNet-Avg",
    summary="StructNet; the mean of the best A",
    predict=_average,
    published="StructNet-Avg",
)
AVERAGE_TOLD_LIMBS = replace(
    AVERAGE,
    name="structnet_avg_apf",
    title="StructNet-Avg with APF (told the true limb lengths)",
    summary="StructNet-Avg, told the true limb lengths, which nobody else is",
    adjust=_told_limbs,
    published=None,
)
