"""Stage (a) of the paper: the pose autoencoder, layer by layer and then as a whole; token codes.

The losses are in `losses`, the networks in `networks.autoencoder` and `networks.tokens`, the loop
in `loop`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from overpose.metrics import mpjpe
from overpose.networks.autoencoder import PoseAutoencoder
from overpose.networks.codes import reconstruct_poses
from overpose.networks.normalization import PoseNormalization, check_poses
from overpose.networks.tokens import PoseTokens
from overpose.support.seeding import stream_seed
from overpose.training.config import AutoencoderStage, LoopConfig, TokenStage
from overpose.training.data import pose_batches, steps_per_epoch
from overpose.training.loop import RUNTIME, Runtime, Task, fit
from overpose.training.losses import autoencoding_loss, denoising_loss, layer_autoencoding_loss
from overpose.training.samples import run_record


def train_autoencoder(
    poses_mm: np.ndarray,
    val_poses_mm: np.ndarray | None,
    config: AutoencoderStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseAutoencoder:
    """Stage (a): learn to recover poses from noisy ones, with a small Jacobian (equation 1).

    The loss is ||y - f(y~)||^2 + lambda ||J(y~)||_F^2, y~ = y + noise. With two layers, each is
    first trained alone, into `out/layer1` and `out/layer2`: the second on the codes of clean poses,
    with noise of its own. Then the whole is fine-tuned with noise on the pose only; which noise the
    paper has in that step is not stated.

    Args:
        poses_mm: (N, 17, 3) training poses, camera axes, relative to the root.
        val_poses_mm: held-out poses or None; the validation error is that of their reconstruction.
        config: what to train and how.
        out: directory of the stage.
        provenance: what the caller knows of the data, as JSON values; kept with the model.
        runtime: device, threads, callback.

    Returns:
        the autoencoder after the last epoch, in evaluation mode.

    Raises:
        InputError: wrong arrays, or `out` holds a checkpoint of something else.
    """
    poses_mm = check_poses("poses_mm", poses_mm)
    if val_poses_mm is not None:
        val_poses_mm = check_poses("val_poses_mm", val_poses_mm)
    out = Path(out)
    device = runtime.torch_device()
    normalization = PoseNormalization.fit(poses_mm)
    seed = stream_seed(config.loop.seed, "autoencoder", "weights")
    model = PoseAutoencoder(config.autoencoder, normalization, seed=seed).to(device)
    poses = normalization.to_normalised(torch.from_numpy(poses_mm).to(device))
    record = run_record("autoencoder", config, poses_mm, val_poses_mm)
    layers = len(config.autoencoder.hidden)
    sigmas = [normalization.noise_from_mm(sigma) for sigma in config.autoencoder.noise_mm]
    contraction = normalization.contraction_from_mm(config.autoencoder.contraction)

    def task(
        stage: str, loop: LoopConfig, loss: Callable[[Tensor], Tensor], part: int | None
    ) -> Task:
        kinds = (model.weights, model.encoder_biases, model.decoder_biases)
        trained = [parameter for kind in kinds for parameter in kind]
        if part is not None:
            trained = [kind[part] for kind in kinds]
        complete = part is None or part == layers - 1  # before, upper layers are random
        held_out = val_poses_mm if complete else None
        made = _task(stage, model, poses, held_out, loop, loss, record, provenance)
        return replace(made, groups=[(trained, 1.0)])

    if layers > 1:
        greedy = replace(config.loop, epochs=config.greedy_epochs)
        for layer in range(layers):
            loss = partial(
                layer_autoencoding_loss,
                model,
                layer=layer,
                sigma=sigmas[layer],
                contraction=contraction,
            )
            stage = f"autoencoder-layer{layer + 1}"
            fit(task(stage, greedy, loss, layer), greedy, out / f"layer{layer + 1}", runtime)
    loss = partial(autoencoding_loss, model, sigma=sigmas[0], contraction=contraction)
    fit(task("autoencoder", config.loop, loss, None), config.loop, out, runtime)
    return model.eval()


def train_tokens(
    poses_mm: np.ndarray,
    val_poses_mm: np.ndarray | None,
    config: TokenStage,
    out: Path,
    *,
    provenance: Mapping[str, Any] | None = None,
    runtime: Runtime = RUNTIME,
) -> PoseTokens:
    """Stage (a) of the token code: learn to recover poses from noisy ones.

    Arguments and errors are those of `train_autoencoder`.

    Returns:
        the code after the last epoch, in evaluation mode.
    """
    poses_mm = check_poses("poses_mm", poses_mm)
    if val_poses_mm is not None:
        val_poses_mm = check_poses("val_poses_mm", val_poses_mm)
    device = runtime.torch_device()
    normalization = PoseNormalization.fit(poses_mm)
    seed = stream_seed(config.loop.seed, "tokens", "weights")
    model = PoseTokens(config.tokens, normalization, seed=seed).to(device)
    poses = normalization.to_normalised(torch.from_numpy(poses_mm).to(device))
    sigma = normalization.noise_from_mm(config.tokens.noise_mm)
    loss = partial(denoising_loss, model, sigma=sigma)
    record = run_record("tokens", config, poses_mm, val_poses_mm)
    task = _task("tokens", model, poses, val_poses_mm, config.loop, loss, record, provenance)
    fit(task, config.loop, Path(out), runtime)
    return model.eval()


def _task(
    stage: str,
    model: PoseAutoencoder | PoseTokens,
    poses: Tensor,
    val_poses_mm: np.ndarray | None,
    loop: LoopConfig,
    loss: Callable[[Tensor], Tensor],
    record: Mapping[str, Any],
    provenance: Mapping[str, Any] | None,
) -> Task:
    """What a code learns from normalised poses (N, 51): all of its parameters."""

    def batches(epoch: int) -> Iterator[Tensor]:
        return pose_batches(
            poses, batch_size=loop.batch_size, seed=loop.seed, stage=stage, epoch=epoch
        )

    return Task(
        stage=stage,
        model=model,
        groups=[(list(model.parameters()), 1.0)],
        steps=steps_per_epoch(len(poses), loop.batch_size),
        samples=len(poses),
        batches=batches,
        loss=loss,
        validate=None
        if val_poses_mm is None
        else partial(_reconstruction_error_mm, model, val_poses_mm),
        record=record,
        provenance=provenance or {},
    )


def _reconstruction_error_mm(model: PoseAutoencoder | PoseTokens, poses_mm: np.ndarray) -> float:
    return float(mpjpe(reconstruct_poses(model, poses_mm), poses_mm))
