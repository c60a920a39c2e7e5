"""The losses by name: the paper's equations 1, 2 and 3, and ours on limbs, feet and errors.

Sums over dimensions, means over a batch. All work in network units, see `networks.normalization`.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from overpose.networks.autoencoder import PoseAutoencoder
from overpose.networks.codes import PoseCode, PoseDecoder
from overpose.networks.configs import ERROR_UNIT_MM
from overpose.networks.normalization import JOINTS, PoseNormalization, root_relative
from overpose.networks.sharing import first_of_batch, mean_of_first, normal_like
from overpose.skeleton import HUMAN36M
from overpose.training.config import LatentWeighting, PoseError

STACKED_PENALTY_POSES = 16
"""Poses of each (random) batch on which two layers' contractive term is averaged. On all of
them the term needs about twenty times the arithmetic of a plain step; the mean over a part has the
same expectation."""
LENGTH_FLOOR_MM = 1.0
"""Added to the length of every limb, so that the logarithm of a limb of no length exists."""


def autoencoding_loss(
    model: PoseAutoencoder, pose: Float[Tensor, "batch 51"], *, sigma: float, contraction: float
) -> Float[Tensor, ""]:
    """Equation 1: ||y - f(y~)||^2 + lambda ||J(y~)||_F^2, y~ = y + noise.

    Args:
        model: the autoencoder f, J its encoder's Jacobian.
        pose: clean poses y.
        sigma: standard deviation of the noise.
        contraction: lambda.
    """
    noisy = _noisy(pose, sigma)
    code = model.encode(noisy)
    error = squared_error(model.decode(code), pose)
    if contraction == 0:
        return error
    if len(model.config.hidden) == 1:
        return error + contraction * model.layer_penalty(0, code)
    some = first_of_batch(noisy, STACKED_PENALTY_POSES)
    if len(some) == 0:  # other processes have those
        return error
    penalties = model.contractive_penalty(some)
    return error + contraction * mean_of_first(penalties, STACKED_PENALTY_POSES)


def denoising_loss(
    model: PoseCode, pose: Float[Tensor, "batch 51"], *, sigma: float
) -> Float[Tensor, ""]:
    """Equation 1 without its contractive term, of any code: ||y - f(y~)||^2, y~ = y + noise."""
    return squared_error(model.decode(model.encode(_noisy(pose, sigma))), pose)


def layer_autoencoding_loss(
    model: PoseAutoencoder,
    pose: Float[Tensor, "batch 51"],
    *,
    layer: int,
    sigma: float,
    contraction: float,
) -> Float[Tensor, ""]:
    """Equation 1 for one layer, counted from 0, as an autoencoder of clean codes of those below."""
    clean = pose
    with torch.no_grad():
        for below in range(layer):
            clean = model.encode_layer(below, clean)
    code = model.encode_layer(layer, _noisy(clean, sigma))
    error = squared_error(model.decode_layer(layer, code), clean)
    if contraction == 0:
        return error
    return error + contraction * model.layer_penalty(layer, code)


def latent_loss(
    predicted: Float[Tensor, "batch latent"],
    code: Float[Tensor, "batch latent"],
    decoder: PoseDecoder,
    weighting: LatentWeighting = "plain",
) -> Float[Tensor, ""]:
    """Equation 2: ||f(x) - h_L||^2, h_L the code of the clean pose.

    Args:
        predicted: f(x).
        code: h_L.
        decoder: of the code.
        weighting: "plain" is the paper's; "decoder" is ||J (f(x) - h_L)||^2, J the decoder's
            Jacobian at h_L: only what the decoder passes on counts.
    """
    if weighting == "plain":
        return squared_error(predicted, code)
    return decoder.linearised(code, predicted - code).square().sum(1).mean()


def pose_loss(
    predicted: Float[Tensor, "batch 51"],
    pose: Float[Tensor, "batch 51"],
    error: PoseError = "squared",
) -> Float[Tensor, ""]:
    """Equation 3: ||f(x) - y||^2; also of a network straight to the pose.

    Args:
        predicted: f(x).
        pose: y.
        error: "squared" is the paper's; "distance" the mean distance of joints, what MPJPE counts:
            detectors of keypoints are wrong by much now and then, and squares would listen to those
            cases alone.
    """
    if error == "squared":
        return squared_error(predicted, pose)
    difference = (predicted - pose).unflatten(-1, (JOINTS, 3))
    return (difference.square().sum(-1) + 1e-8).sqrt().mean()


def limb_loss(
    predicted: Float[Tensor, "batch 51"],
    pose: Float[Tensor, "batch 51"],
    normalization: PoseNormalization,
) -> Float[Tensor, ""]:
    """The sum over the 16 limbs of |log(predicted / true length)|, `LENGTH_FLOOR_MM` added to both.

    Ours, not the paper's. A limb that is a tenth too short costs the same whether it is a forearm
    or a thigh; squared errors hardly see it, for limbs that point towards the camera by an unknown
    angle are best guessed short.

    Args:
        predicted: f(x).
        pose: y.
        normalization: of both.
    """
    apart = _log_limb_lengths(predicted, normalization) - _log_limb_lengths(pose, normalization)
    return apart.abs().sum(1).mean()


def feet_loss(
    hanging: Float[Tensor, "batch 4 3"], truth: Float[Tensor, "batch 4 3"]
) -> Float[Tensor, ""]:
    """Mean distance of heels and toes from where they are, both relative to their ankle.

    Ours, not the paper's. About the ankle, not the root: so the foot is a rigid thing that hangs on
    the leg, and is not bent to make up for the leg's error.
    """
    return ((hanging - truth).square().sum(-1) + 1e-8).sqrt().mean()


def error_loss(
    log_errors: Float[Tensor, "batch 17"],
    predicted: Float[Tensor, "batch 51"],
    pose: Float[Tensor, "batch 51"],
    normalization: PoseNormalization,
) -> Float[Tensor, ""]:
    """Of expected errors m: the mean of e / m + log m, e the distance of the predicted joint.

    That is what an exponential distribution of mean m says against e; whatever the distribution,
    the m that makes it least is the mean of e, so what is learned is calibrated. The root, which is
    the origin, does not count. No gradient goes into the prediction.

    Args:
        log_errors: log m, m in `ERROR_UNIT_MM`.
        predicted: f(x).
        pose: y.
        normalization: of both.
    """
    with torch.no_grad():
        apart = root_relative(normalization.to_mm(predicted) - normalization.to_mm(pose))
        errors = torch.linalg.vector_norm(apart, dim=-1)[:, 1:] / ERROR_UNIT_MM
    told = log_errors[:, 1:]
    return (errors * (-told).exp() + told).mean()


def squared_error(
    predicted: Float[Tensor, "batch size"], target: Float[Tensor, "batch size"]
) -> Float[Tensor, ""]:
    """Sum over dimensions, mean over the batch, of the squared difference."""
    return (predicted - target).square().sum(1).mean()


def _noisy(clean: Tensor, sigma: float) -> Tensor:
    return clean + sigma * normal_like(clean) if sigma > 0 else clean


def _log_limb_lengths(
    pose: Float[Tensor, "batch 51"], normalization: PoseNormalization
) -> Float[Tensor, "batch 16"]:
    joints_mm = normalization.to_mm(pose)
    parents, ends = HUMAN36M.limbs.T
    limbs_mm = joints_mm[:, ends] - joints_mm[:, parents]
    return (torch.linalg.vector_norm(limbs_mm, dim=-1) + LENGTH_FLOOR_MM).log()
