"""The stages that learn from images: direct regression, stage (b) and stage (c) of the paper.

Each function checks its samples, builds a regressor, says what the loss is and hands over to the
loop. Losses are sums over dimensions and means over the batch, in the units of
`models.normalization`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overpose.networks import autoencoder, pca, regressor
from overpose.networks.codes import PoseCode, encode_poses
from overpose.networks.normalization import PoseNormalization
from overpose.networks.regressor import PoseRegressor, RegressorConfig
from overpose.networks.storage import load_model
from overpose.support.errors import InputError
from overpose.support.seeding import stream_seed
from overpose.training.config import FinetuneStage, ImageStage, LoopConfig
from overpose.training.data import crop_batches, prefetched, steps_per_epoch
from overpose.training.loop import RUNTIME, Runtime, Task, fit
from overpose.training.samples import (
    Samples,
    check_samples,
    error_mm,
    fingerprint,
    run_record,
    squared_error,
)

Groups = list[tuple[list[nn.Parameter], float]]


def train_direct(
    images: np.ndarray,
    poses_mm: np.ndarray,
    validation: Samples | None,
    config: ImageStage,
    out: Path,
    *,
    convolutions: nn.ModuleList | None = None,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseRegressor:
    """Regress the pose from the image without a code, "CNN" in Table 2: loss ||f(x) - y||^2.

    Args:
        images: (N, S, S, 3) uint8 RGB.
        poses_mm: (N, 17, 3), camera axes, relative to the root.
        validation: held-out images and poses, or None.
        config: what to train and how.
        out: directory of the stage.
        convolutions: what the image network's begin as, e.g. those of a joint detector; None: at
            random.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the regressor after the last epoch, in evaluation mode.

    Raises:
        InputError: wrong arrays, or `out` holds a checkpoint of something else.
    """
    samples, validation = _checked(images, poses_mm, validation, config.image_encoder.image_size)
    normalization = PoseNormalization.fit(samples[1])
    model = PoseRegressor(
        RegressorConfig("direct", config.image_encoder),
        normalization,
        seed=stream_seed(config.loop.seed, "image_encoder", "weights"),
    )
    targets = normalization.to_normalised(torch.from_numpy(samples[1]))
    model.image_encoder.fit_channels(images)
    begun = _begun_with(model, convolutions)
    model.start_from(targets)
    record = run_record("direct", config, *samples, *(validation or ()), **begun)
    groups: Groups = [(list(model.parameters()), 1.0)]

    def loss(crops: Tensor, target: Tensor) -> Tensor:
        return squared_error(model(crops), target)

    task = _task(model, groups, loss, images, targets, validation, config.loop, record, runtime)
    fit(replace(task, provenance=provenance or {}), config.loop, Path(out), runtime)
    return model.eval()


def train_latent(
    images: np.ndarray,
    poses_mm: np.ndarray,
    validation: Samples | None,
    code: PoseCode | Path,
    config: ImageStage,
    out: Path,
    *,
    convolutions: nn.ModuleList | None = None,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseRegressor:
    """Stage (b): regress the code of the clean pose, loss ||f(x) - h_L||^2 (equation 2).

    Predictions go through the decoder of the code, which stays as it is.

    Args:
        images: (N, S, S, 3) uint8 RGB.
        poses_mm: (N, 17, 3), camera axes, relative to the root.
        validation: held-out images and poses, or None.
        code: a fitted code of poses, or the directory of an autoencoder or a PCA.
        config: what to train and how.
        out: directory of the stage.
        convolutions: what the image network's begin as, e.g. those of a joint detector; None: at
            random.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the regressor after the last epoch, in evaluation mode.

    Raises:
        InputError: wrong arrays, `code` is not a code, or `out` holds a checkpoint of something
            else.
    """
    kinds = (autoencoder.KIND, pca.KIND)
    source = load_model(code, kinds) if isinstance(code, Path) else code
    if not (isinstance(source, PoseCode) and isinstance(source, nn.Module)):
        raise InputError(f"code: got {type(source).__name__}, expected a code of poses")
    samples, validation = _checked(images, poses_mm, validation, config.image_encoder.image_size)
    decoder = source.decoder()
    model = PoseRegressor(
        RegressorConfig(
            "latent", config.image_encoder, config.latent_activation, decoder.sizes, decoder.inner
        ),
        PoseNormalization.like(source.normalization),
        seed=stream_seed(config.loop.seed, "image_encoder", "weights"),
    )
    model.decoder = decoder.to("cpu").requires_grad_(False)
    targets = torch.from_numpy(encode_poses(source, samples[1]))
    model.image_encoder.fit_channels(images)
    begun = _begun_with(model, convolutions)
    model.start_from(targets, scaled=config.code_scaling == "spread")
    code_hash = _weights_hash(source)
    record = run_record("latent", config, *samples, *(validation or ()), code=code_hash, **begun)
    groups: Groups = [([*model.image_encoder.parameters(), *model.head.parameters()], 1.0)]

    def loss(crops: Tensor, target: Tensor) -> Tensor:
        predicted = model.target(crops)
        if config.latent_weighting == "plain":
            return squared_error(predicted, target)
        return decoder.linearised(target, predicted - target).square().sum(1).mean()

    task = _task(model, groups, loss, images, targets, validation, config.loop, record, runtime)
    fit(replace(task, provenance=provenance or {}), config.loop, Path(out), runtime)
    return model.eval()


def train_finetune(
    images: np.ndarray,
    poses_mm: np.ndarray,
    validation: Samples | None,
    latent: PoseRegressor | Path,
    config: FinetuneStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseRegressor:
    """Stage (c): train image network and decoder together, loss ||f(x) - y||^2 (equation 3).

    The decoder's weights are a copy, no longer tied to the encoder of the code.

    Args:
        images: (N, S, S, 3) uint8 RGB.
        poses_mm: (N, 17, 3), camera axes, relative to the root.
        validation: held-out images and poses, or None.
        latent: the regressor of stage (b), or its directory; it is left unchanged.
        config: how to train.
        out: directory of the stage.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the regressor after the last epoch, in evaluation mode.

    Raises:
        InputError: wrong arrays, `latent` is not of kind latent, or `out` holds a checkpoint of
            something else.
    """
    source = load_model(latent, (regressor.KIND,)) if isinstance(latent, Path) else latent
    kind = source.config.kind if isinstance(source, PoseRegressor) else type(source).__name__
    if not isinstance(source, PoseRegressor) or kind != "latent":
        raise InputError(f"latent: got {kind}, expected a regressor of kind latent, from stage (b)")
    image_size = source.config.image_encoder.image_size
    samples, validation = _checked(images, poses_mm, validation, image_size)
    model = PoseRegressor(replace(source.config, kind="finetuned"))
    model.load_state_dict(source.state_dict())
    assert model.decoder is not None  # kind latent has one
    groups: Groups = [([*model.image_encoder.parameters(), *model.head.parameters()], 1.0)]
    if config.decoder_lr_scale > 0:
        groups.append((list(model.decoder.parameters()), config.decoder_lr_scale))
    else:
        model.decoder.requires_grad_(False)
    targets = model.normalization.to_normalised(torch.from_numpy(samples[1]))
    record = run_record(
        "finetuned", config, *samples, *(validation or ()), latent=_weights_hash(source)
    )

    def loss(crops: Tensor, target: Tensor) -> Tensor:
        return squared_error(model(crops), target)

    task = _task(model, groups, loss, images, targets, validation, config.loop, record, runtime)
    fit(replace(task, provenance=provenance or {}), config.loop, Path(out), runtime)
    return model.eval()


def _task(
    model: PoseRegressor,
    groups: Groups,
    loss: Callable[[Tensor, Tensor], Tensor],
    images: np.ndarray,
    targets: Tensor,
    validation: Samples | None,
    loop: LoopConfig,
    record: Mapping[str, Any],
    runtime: Runtime,
) -> Task:
    device = runtime.torch_device()
    model.to(device)
    stage, crop_size = model.config.kind, model.config.image_encoder.crop_size

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        crops = crop_batches(
            images,
            targets,
            crop_size,
            batch_size=loop.batch_size,
            seed=loop.seed,
            stage=stage,
            epoch=epoch,
        )
        return prefetched(crops)

    def batch_loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        crops, target = batch
        return loss(crops.to(device), target.to(device))

    return Task(
        stage=stage,
        model=model,
        groups=groups,
        steps=steps_per_epoch(len(images), loop.batch_size),
        samples=len(images),
        batches=batches,
        loss=batch_loss,
        validate=partial(error_mm, model, validation) if validation else None,
        record=record,
    )


def _checked(
    images: np.ndarray, poses_mm: np.ndarray, validation: Samples | None, size: int
) -> tuple[Samples, Samples | None]:
    samples = check_samples(images, poses_mm, size)
    if validation is not None:
        validation = check_samples(*validation, size, "validation ")
    return samples, validation


def _begun_with(model: PoseRegressor, convolutions: nn.ModuleList | None) -> dict[str, str]:
    """Copy the convolutions; what the record of the run says of them."""
    if convolutions is None:
        return {}
    weights = convolutions.state_dict()
    try:
        model.image_encoder.convolutions.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"convolutions: do not fit the image network ({error})") from None
    return {"convolutions": fingerprint(*(value.cpu().numpy() for value in weights.values()))}


def _weights_hash(model: nn.Module) -> str:
    return fingerprint(*(tensor.cpu().numpy() for tensor in model.state_dict().values()))
