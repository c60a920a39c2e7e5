"""The stages of the lifter: keypoints to pose directly, stage (b) and stage (c) of the paper.

The counterparts of `training.image_stages`, with batches drawn anew instead of images from a
dataset. Stage (a), the autoencoder, is `training.train_autoencoder` on `BatchSource.poses`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from overpose.metrics import mpjpe
from overpose.networks import autoencoder, lifter, pca
from overpose.networks.codes import PoseCode
from overpose.networks.lifter import PoseLifter
from overpose.networks.lifter_config import KeypointEncoderConfig, LifterConfig
from overpose.networks.normalization import JOINTS, PoseNormalization
from overpose.networks.storage import load_model
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream, stream_seed
from overpose.synthetic.batches import BatchSource
from overpose.training.config import LoopConfig
from overpose.training.data import prefetched
from overpose.training.loop import RUNTIME, Runtime, Task, fit
from overpose.training.samples import fingerprint, run_record, squared_error

Windows = tuple[np.ndarray, np.ndarray]
"""Features (N, inputs) float32 and poses (N, 17, 3) float32, mm, as `BatchSource.draw` gives."""
Groups = list[tuple[list[nn.Parameter], float]]
_STATISTICS = 16384


@dataclass(frozen=True)
class LiftStage:
    """Keypoints to pose, or stage (b): keypoints to code, or stage (c): both together.

    Attributes:
        encoder: sizes of the network; stage (c) keeps those of stage (b).
        loop: how it is trained; an epoch is `steps` batches drawn anew.
        steps: batches in an epoch.
        latent_weighting: error of a code, see `training.config.ImageStage`.
        decoder_lr_scale: of stage (c): the decoder's learning rate over that of the rest.
        bfloat16: whether the hidden layers are trained in half precision, in half the time on
            processors that know it.
    """

    encoder: KeypointEncoderConfig = field(default_factory=KeypointEncoderConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(epochs=20, batch_size=512, schedule="cosine")
    )
    steps: int = 250
    latent_weighting: Literal["plain", "decoder"] = "plain"
    decoder_lr_scale: float = 1.0
    bfloat16: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InputError(f"steps: got {self.steps}, expected at least 1")
        if self.latent_weighting not in ("plain", "decoder"):
            raise InputError(
                f"latent_weighting: got {self.latent_weighting!r}, expected plain or decoder"
            )
        if not self.decoder_lr_scale >= 0:
            raise InputError(f"decoder_lr_scale: got {self.decoder_lr_scale}, expected at least 0")


def joint_distance(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean distance of joints, network units, of normalised poses (batch, 51): what MPJPE counts.

    Detectors are wrong by much now and then, and squares would listen to those cases alone.
    """
    difference = (predicted - target).unflatten(-1, (JOINTS, 3))
    return (difference.square().sum(-1) + 1e-8).sqrt().mean()


def train_direct_lifter(
    source: BatchSource,
    validation: Windows | None,
    config: LiftStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseLifter:
    """Regress the pose without a code, the counterpart of "CNN" in Table 2.

    Args:
        source: draws batches, with the offsets of `config.encoder`.
        validation: held-out windows, or None.
        config: what to train and how.
        out: directory of the stage.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the lifter after the last epoch, in evaluation mode.

    Raises:
        InputError: the source has other offsets, or `out` holds a checkpoint of something else.
    """
    _check_offsets(source, config.encoder)
    poses = source.poses(_STATISTICS, random_stream(config.loop.seed, "lifter statistics"))
    normalization = PoseNormalization.fit(poses)
    seed = stream_seed(config.loop.seed, "keypoint_encoder", "weights")
    model = PoseLifter(LifterConfig("direct", config.encoder), normalization, seed=seed)
    model.start_from(normalization.to_normalised(torch.from_numpy(poses)))
    groups: Groups = [(list(model.parameters()), 1.0)]

    def loss(features: Tensor, pose: Tensor) -> Tensor:
        return joint_distance(model(features), pose)

    record = run_record("direct", config, poses)
    return _fit(model, groups, loss, source, validation, config, out, record, provenance, runtime)


def train_latent_lifter(
    source: BatchSource,
    validation: Windows | None,
    code: PoseCode | Path,
    config: LiftStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseLifter:
    """Stage (b): regress the code of the true pose, through whose decoder predictions then go.

    Args:
        code: a trained autoencoder or PCA, or the directory of one.
        source, validation, config, out, provenance, runtime: as in `train_direct_lifter`.

    Raises:
        InputError: the source has other offsets, `code` is not a code, or `out` holds a checkpoint
            of something else.
    """
    _check_offsets(source, config.encoder)
    made = load_model(code, (autoencoder.KIND, pca.KIND)) if isinstance(code, Path) else code
    if not (isinstance(made, PoseCode) and isinstance(made, nn.Module)):
        raise InputError(f"code: got {type(made).__name__}, expected a code of poses")
    encoding = made
    poses = source.poses(_STATISTICS, random_stream(config.loop.seed, "lifter statistics"))
    decoder = encoding.decoder()
    model = PoseLifter(
        LifterConfig("latent", config.encoder, decoder.sizes, decoder.inner),
        PoseNormalization.like(encoding.normalization),
        seed=stream_seed(config.loop.seed, "keypoint_encoder", "weights"),
    )
    model.decoder = decoder.to("cpu").requires_grad_(False)
    device = runtime.torch_device()
    encoding.to(device).eval()
    with torch.no_grad():
        normalised = model.normalization.to_normalised(torch.from_numpy(poses))
        model.start_from(encoding.encode(normalised.to(device)).cpu())
    groups: Groups = [([*model.encoder.parameters(), *model.head.parameters()], 1.0)]

    def loss(features: Tensor, pose: Tensor) -> Tensor:
        with torch.no_grad():
            target = encoding.encode(pose)
        predicted = model.target(features)
        if config.latent_weighting == "plain":
            return squared_error(predicted, target)
        return decoder.linearised(target, predicted - target).square().sum(1).mean()

    record = run_record("latent", config, poses, code=_weights_hash(encoding))
    return _fit(model, groups, loss, source, validation, config, out, record, provenance, runtime)


def train_finetuned_lifter(
    source: BatchSource,
    validation: Windows | None,
    latent: PoseLifter | Path,
    config: LiftStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseLifter:
    """Stage (c): train network and decoder together on the pose.

    Args:
        latent: the lifter of stage (b), or its directory; it is left unchanged.
        source, validation, config, out, provenance, runtime: as in `train_direct_lifter`.

    Raises:
        InputError: the source has other offsets, `latent` is not of kind latent, or `out` holds a
            checkpoint of something else.
    """
    begun = load_model(latent, (lifter.KIND,)) if isinstance(latent, Path) else latent
    kind = begun.config.kind if isinstance(begun, PoseLifter) else type(begun).__name__
    if not isinstance(begun, PoseLifter) or kind != "latent":
        raise InputError(f"latent: got {kind}, expected a lifter of kind latent, from stage (b)")
    _check_offsets(source, begun.config.encoder)
    model = PoseLifter(replace(begun.config, kind="finetuned"))
    model.load_state_dict(begun.state_dict())
    assert model.decoder is not None  # kind latent has one
    groups: Groups = [([*model.encoder.parameters(), *model.head.parameters()], 1.0)]
    if config.decoder_lr_scale > 0:
        groups.append((list(model.decoder.parameters()), config.decoder_lr_scale))
    else:
        model.decoder.requires_grad_(False)

    def loss(features: Tensor, pose: Tensor) -> Tensor:
        return joint_distance(model(features), pose)

    record = run_record("finetuned", config, latent=_weights_hash(begun))
    return _fit(model, groups, loss, source, validation, config, out, record, provenance, runtime)


def _fit(
    model: PoseLifter,
    groups: Groups,
    loss: Callable[[Tensor, Tensor], Tensor],
    source: BatchSource,
    validation: Windows | None,
    config: LiftStage,
    out: Path,
    record: Mapping[str, Any],
    provenance: Mapping[str, Any] | None,
    runtime: Runtime,
) -> PoseLifter:
    device = runtime.torch_device()
    model.to(device)
    model.encoder.training_dtype = torch.bfloat16 if config.bfloat16 else torch.float32
    stage, loop = model.config.kind, config.loop

    def drawn(epoch: int) -> Iterator[Windows]:
        rng = random_stream(loop.seed, "lifter batches", stage, epoch)
        for _ in range(config.steps):
            yield source.draw(loop.batch_size, rng)

    def batch_loss(batch: Windows) -> Tensor:
        features, poses = (torch.from_numpy(array).to(device) for array in batch)
        return loss(features, model.normalization.to_normalised(poses))

    task = Task(
        stage=stage,
        model=model,
        groups=groups,
        steps=config.steps,
        samples=config.steps * loop.batch_size,
        batches=lambda epoch: prefetched(drawn(epoch)),
        loss=batch_loss,
        validate=partial(_error_mm, model, validation) if validation else None,
        record={**record, "batches": source.fingerprint()},
        provenance=provenance or {},
    )
    fit(task, loop, Path(out), runtime)
    return model.eval()


def _check_offsets(source: BatchSource, encoder: KeypointEncoderConfig) -> None:
    if tuple(source.offsets.tolist()) != encoder.offsets:
        raise InputError(
            f"source: got windows of offsets {tuple(source.offsets.tolist())}, expected those of "
            f"the encoder, {encoder.offsets}"
        )


def _weights_hash(model: nn.Module) -> str:
    return fingerprint(*(tensor.cpu().numpy() for tensor in model.state_dict().values()))


def _error_mm(model: PoseLifter, validation: Windows) -> float:
    features, poses_mm = validation
    return float(mpjpe(model.predict(features), poses_mm))
