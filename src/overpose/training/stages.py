"""The regression stages: straight to the pose, stages (b) and (c) of the paper, expected errors.

The same for images and for windows of keypoints; see `observations`. Each function builds a
network, names its loss and hands over to the loop.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overpose.networks.codes import PoseCode, encode_poses
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.evaluating import evaluating
from overpose.networks.image_encoder import ImageEncoder
from overpose.networks.normalization import PoseNormalization
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.bfloat16 import name_of, training_dtype
from overpose.support.errors import InputError
from overpose.support.seeding import stream_seed
from overpose.training.config import ErrorStage, FinetuneStage, RegressionStage
from overpose.training.data import prefetched
from overpose.training.loop import RUNTIME, Groups, Runtime, Task, fit
from overpose.training.losses import error_loss, feet_loss, latent_loss, limb_loss, pose_loss
from overpose.training.observations import Observations, Targets
from overpose.training.samples import error_mm, run_record, weights_fingerprint


def train_direct(
    observations: Observations,
    config: RegressionStage,
    out: Path,
    *,
    convolutions: nn.ModuleList | None = None,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PosePredictor:
    """Regress the pose without a code, "CNN" in Table 2.

    Args:
        observations: what to learn from.
        config: what to train and how.
        out: directory of the stage.
        convolutions: what those of an image encoder begin as, e.g. those of a joint detector; None:
            at random.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the network after the last epoch, in evaluation mode.

    Raises:
        InputError: the encoder takes other observations, or `out` holds a checkpoint of something
            else.
    """
    observations.require_fit(config.encoder)
    normalization = PoseNormalization.fit(observations.poses_mm)
    direct = PosePredictorConfig("direct", config.encoder, feet=config.feet_weight > 0)
    model = _begin(direct, normalization, config)
    observations.prepare(model.encoder)
    begun = _begun_with(model, convolutions)
    targets = partial(_normalised, PoseNormalization.like(normalization))
    model.start_from(targets(observations.poses_mm))

    loss = partial(_pose_and_feet, model, config)

    record = run_record("direct", config, *observations.identity, **begun)
    groups: Groups = [(list(model.parameters()), 1.0)]
    task = _task(model, groups, loss, targets, observations, config, record, runtime)
    fit(replace(task, provenance=provenance or {}), config.loop, Path(out), runtime)
    return model.eval()


def train_latent(
    observations: Observations,
    code: PoseCode,
    config: RegressionStage,
    out: Path,
    *,
    convolutions: nn.ModuleList | None = None,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PosePredictor:
    """Stage (b): regress the code of the clean pose (equation 2).

    Predictions go through the decoder of the code, which stays as it is.

    Args:
        code: a trained autoencoder, PCA or other code.
        observations, config, out, convolutions, provenance, runtime: as in `train_direct`.

    Returns:
        the network after the last epoch, in evaluation mode.

    Raises:
        InputError: the encoder takes other observations, `code` is not a code, or `out` holds a
            checkpoint of something else.
    """
    if not (isinstance(code, nn.Module) and isinstance(code, PoseCode)):
        raise InputError(f"code: got {type(code).__name__}, expected an autoencoder or a PCA")
    observations.require_fit(config.encoder)
    decoder = code.decoder()
    model = _begin(
        PosePredictorConfig(
            "latent",
            config.encoder,
            config.latent_activation,
            decoder.sizes,
            decoder.inner,
            decoder.tokens,
        ),
        PoseNormalization.like(code.normalization),
        config,
    )
    model.decoder = decoder.to("cpu").requires_grad_(False)
    code.to(runtime.torch_device()).eval()
    observations.prepare(model.encoder)
    begun = _begun_with(model, convolutions)

    def targets(poses_mm: np.ndarray) -> Tensor:
        return torch.from_numpy(encode_poses(code, poses_mm))

    model.start_from(targets(observations.poses_mm), scaled=config.code_scaling == "spread")

    def loss(seen: Tensor, target: Tensor, *unused: Tensor) -> Tensor:
        return latent_loss(model.target(seen), target, decoder, config.latent_weighting)

    record = run_record(
        "latent", config, *observations.identity, code=weights_fingerprint(code), **begun
    )
    groups: Groups = [([*model.encoder.parameters(), *model.head.parameters()], 1.0)]
    task = _task(model, groups, loss, targets, observations, config, record, runtime)
    fit(replace(task, provenance=provenance or {}), config.loop, Path(out), runtime)
    return model.eval()


def train_finetune(
    observations: Observations,
    latent: PosePredictor,
    config: FinetuneStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PosePredictor:
    """Stage (c): train encoder and decoder together on the pose (equation 3), and on its limbs.

    The decoder's weights are a copy, no longer tied to the encoder of the code.

    Args:
        latent: the network of stage (b); it is left unchanged.
        observations, config, out, provenance, runtime: as in `train_direct`.

    Returns:
        the network after the last epoch, in evaluation mode.

    Raises:
        InputError: `latent` is not of kind latent or takes other observations, or `out` holds a
            checkpoint of something else.
    """
    kind = latent.config.kind if isinstance(latent, PosePredictor) else type(latent).__name__
    if kind != "latent":
        raise InputError(f"latent: got {kind}, expected a network of kind latent, from stage (b)")
    observations.require_fit(latent.config.encoder)
    feet = config.feet_weight > 0
    model = PosePredictor(replace(latent.config, kind="finetuned", feet=feet))
    model.load_state_dict(latent.state_dict(), strict=False)  # stage (b) knows no feet
    assert model.decoder is not None  # kind latent has one
    decoder = {id(parameter) for parameter in model.decoder.parameters()}
    groups: Groups = [([one for one in model.parameters() if id(one) not in decoder], 1.0)]
    if config.decoder_lr_scale > 0:
        groups.append((list(model.decoder.parameters()), config.decoder_lr_scale))
    else:
        model.decoder.requires_grad_(False)
    targets = partial(_normalised, PoseNormalization.like(model.normalization))

    loss = partial(_pose_and_feet, model, config)

    record = run_record(
        "finetuned", config, *observations.identity, latent=weights_fingerprint(latent)
    )
    task = _task(model, groups, loss, targets, observations, config, record, runtime)
    fit(replace(task, provenance=provenance or {}), config.loop, Path(out), runtime)
    return model.eval()


def train_errors(
    observations: Observations,
    model: PosePredictor,
    config: ErrorStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PosePredictor:
    """Learn how far off the joints of a finished network are to be expected.

    Its poses stay as they are: its weights are not trained, and are used as in prediction.

    Args:
        model: from `train_direct` or `train_finetune`; it is left unchanged.
        observations, config, out, provenance, runtime: as in `train_direct`.

    Returns:
        the network with a head for the errors, in evaluation mode.

    Raises:
        InputError: `model` takes other observations, or `out` holds a checkpoint of something else.
    """
    observations.require_fit(model.config.encoder)
    whole = PosePredictor(replace(model.config, errors=True))
    whole.load_state_dict(model.state_dict(), strict=False)
    whole.requires_grad_(False)
    assert whole.error_head is not None  # asked for above
    whole.error_head.requires_grad_(True)
    targets = partial(_normalised, PoseNormalization.like(model.normalization))

    def loss(seen: Tensor, pose: Tensor, *unused: Tensor) -> Tensor:
        with torch.no_grad(), evaluating(whole):
            features = whole.features(seen)
            predicted = whole.pose_of(features)
        return error_loss(whole.log_errors_of(features), predicted, pose, whole.normalization)

    record = run_record("errors", config, *observations.identity, model=weights_fingerprint(model))
    groups: Groups = [(list(whole.error_head.parameters()), 1.0)]
    task = _task(whole, groups, loss, targets, observations, config, record, runtime)
    task = replace(task, stage="errors", provenance=provenance or {})
    fit(task, config.loop, Path(out), runtime)
    return whole.eval()


def _begin(
    config: PosePredictorConfig, normalization: PoseNormalization, stage: RegressionStage
) -> PosePredictor:
    seed = stream_seed(stage.loop.seed, config.encoder.stream, "weights")
    return PosePredictor(config, normalization, seed=seed)


def _normalised(normalization: PoseNormalization, poses_mm: np.ndarray) -> Tensor:
    return normalization.to_normalised(torch.from_numpy(poses_mm))


def _pose_and_feet(
    model: PosePredictor,
    config: RegressionStage | FinetuneStage,
    seen: Tensor,
    pose: Tensor,
    hanging_mm: Tensor | None = None,
) -> Tensor:
    """The loss of a network whose end is a pose."""
    features = model.features(seen)
    predicted = model.pose_of(features)
    loss = pose_loss(predicted, pose, config.pose_error)
    if config.limb_weight > 0:
        loss = loss + config.limb_weight * limb_loss(predicted, pose, model.normalization)
    if config.feet_weight > 0:
        if hanging_mm is None:
            raise InputError("feet_weight: got images, expected windows of keypoints for feet")
        hanging = hanging_mm / model.normalization.scale_mm
        loss = loss + config.feet_weight * feet_loss(model.feet_of(features), hanging)
    return loss


def _task(
    model: PosePredictor,
    groups: Groups,
    loss: Callable[..., Tensor],
    targets: Targets,
    observations: Observations,
    config: RegressionStage | FinetuneStage | ErrorStage,
    record: Mapping[str, Any],
    runtime: Runtime,
) -> Task:
    device = runtime.torch_device()
    model.to(device)
    half = not isinstance(config, ErrorStage) and config.bfloat16
    model.training_dtype = training_dtype(half, device.type)
    stage, loop = model.config.kind, config.loop
    batches = observations.batches(model.config.encoder, targets, loop, stage)
    return Task(
        stage=stage,
        model=model,
        groups=groups,
        steps=observations.steps(loop),
        samples=observations.samples(loop),
        batches=lambda epoch: prefetched(batches(epoch)),
        loss=lambda batch: loss(*(part.to(device) for part in batch)),
        dtype=name_of(model.training_dtype),
        validate=partial(error_mm, model, observations.validation)
        if observations.validation
        else None,
        record=record,
    )


def _begun_with(model: PosePredictor, convolutions: nn.ModuleList | None) -> dict[str, str]:
    """Copy the convolutions; what the record of the run says of them."""
    if convolutions is None:
        return {}
    if not isinstance(model.encoder, ImageEncoder):
        raise InputError("convolutions: got some for an encoder of keypoints, expected none")
    try:
        model.encoder.convolutions.load_state_dict(convolutions.state_dict())
    except RuntimeError as error:
        raise InputError(f"convolutions: do not fit the image network ({error})") from None
    return {"convolutions": weights_fingerprint(convolutions)}
