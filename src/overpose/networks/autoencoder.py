"""The overcomplete denoising contractive autoencoder of poses (Tekin et al. 2016, section 3.1).

The network and its contractive term; noise, losses and the greedy schedule belong to `training`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear, relu

from overpose.networks.codes import PoseDecoder
from overpose.networks.normalization import POSE_SIZE, PoseNormalization
from overpose.networks.storage import Kind
from overpose.support.errors import InputError


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape and training noise of the autoencoder; the paper has (2000,) and (300, 300).

    Attributes:
        hidden: width of each encoder layer, one or two.
        noise_mm: standard deviation of the Gaussian noise on each layer's input, in mm; the paper
            has (40,) and (40, 20). Codes of ReLU layers carry the unit of their input, so the
            second one is in mm too.
        contraction: lambda, the weight of the squared Jacobian norm beside errors in mm^2.
        inner_decoder: what follows the inner decoder layer of the stacked version. The paper does
            not say; ours is "relu", because that layer reproduces codes that cannot be negative.

    Raises:
        InputError: the values do not fit together.
    """

    hidden: tuple[int, ...] = (2000,)
    noise_mm: tuple[float, ...] = (40.0,)
    contraction: float = 0.1
    inner_decoder: Literal["relu", "linear"] = "relu"

    def __post_init__(self) -> None:
        if len(self.hidden) not in (1, 2) or min(self.hidden) < 1:
            raise InputError(f"hidden: got {self.hidden}, expected one or two positive widths")
        if len(self.noise_mm) != len(self.hidden) or min(self.noise_mm) < 0:
            raise InputError(
                f"noise_mm: got {self.noise_mm}, expected one number of at least 0 for each of "
                f"the {len(self.hidden)} hidden layers"
            )
        if not self.contraction >= 0:
            raise InputError(f"contraction: got {self.contraction}, expected at least 0")
        if self.inner_decoder not in ("relu", "linear"):
            raise InputError(f"inner_decoder: got {self.inner_decoder!r}, expected relu or linear")


class PoseAutoencoder(nn.Module):
    """ReLU encoder and linear decoder with tied weights and separate biases.

    With W_l of shape (width_l, width_{l-1}), h_0 the normalised pose:
    h_l = relu(W_l h_{l-1} + b_l), and back: g_{l-1} = W_l^T g_l + c_l.

    Args:
        config: widths and noise.
        normalization: of the training poses; the identity if left out.
        seed: of the initial weights.

    Initial weights have variance 2 / width_l, not He's 2 / width_{l-1}: a ReLU passes half of the
    units, so W^T D W is then close to the identity and the untrained network nearly reproduces its
    input. With He's rule an overcomplete tied network starts width_l / width_{l-1} times too large
    (39 times for 51 -> 2000).
    """

    saved_as = "autoencoder"

    def __init__(
        self,
        config: AutoencoderConfig,
        normalization: PoseNormalization | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.normalization = normalization or PoseNormalization()
        generator = torch.Generator().manual_seed(seed)
        widths = (POSE_SIZE, *config.hidden)
        self.weights = nn.ParameterList()
        self.encoder_biases = nn.ParameterList()
        self.decoder_biases = nn.ParameterList()
        for below, above in pairwise(widths):
            weight = torch.randn(above, below, generator=generator) * (2 / above) ** 0.5
            self.weights.append(nn.Parameter(weight))
            self.encoder_biases.append(nn.Parameter(torch.zeros(above)))
            self.decoder_biases.append(nn.Parameter(torch.zeros(below)))

    @property
    def latent_size(self) -> int:
        """Numbers in the code."""
        return self.config.hidden[-1]

    def encode_layer(
        self, layer: int, below: Float[Tensor, "batch below"]
    ) -> Float[Tensor, "batch above"]:
        """Code of one layer, counted from 0, from its input."""
        return relu(linear(below, self.weights[layer], self.encoder_biases[layer]))

    def decode_layer(
        self, layer: int, above: Float[Tensor, "batch above"]
    ) -> Float[Tensor, "batch below"]:
        """What one layer, counted from 0, makes of its code: the inverse way of `encode_layer`."""
        below = linear(above, self.weights[layer].t(), self.decoder_biases[layer])
        return relu(below) if layer > 0 and self.config.inner_decoder == "relu" else below

    def layer_codes(self, pose: Float[Tensor, "batch 51"]) -> list[Tensor]:
        """Codes of all layers, lowest first, each (batch, width)."""
        codes = []
        for layer in range(len(self.config.hidden)):
            codes.append(self.encode_layer(layer, codes[-1] if codes else pose))
        return codes

    def encode(self, pose: Float[Tensor, "batch 51"]) -> Float[Tensor, "batch latent"]:
        """Normalised poses to h_L, which has no negative entry."""
        return self.layer_codes(pose)[-1]

    def decode(self, code: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 51"]:
        """Codes to normalised poses."""
        for layer in reversed(range(len(self.config.hidden))):
            code = self.decode_layer(layer, code)
        return code

    def forward(self, pose: Float[Tensor, "batch 51"]) -> Float[Tensor, "batch 51"]:
        """Normalised poses, coded and decoded."""
        return self.decode(self.encode(pose))

    def contractive_penalty(self, pose: Float[Tensor, "batch 51"]) -> Float[Tensor, " batch"]:
        """Squared Frobenius norm of the encoder's Jacobian at each pose, without unit.

        In closed form: D_l, the derivative of the ReLU, is a diagonal of zeros and ones, so for one
        layer it is the sum over active units k of ||W_k||^2, and for two ||D2 W2 D1 W1||_F^2.
        """
        codes = self.layer_codes(pose)
        active = [code.detach().sign() for code in codes]  # codes of a ReLU: 0 or more
        if len(active) == 1:
            return active[0] @ self.weights[0].square().sum(1)
        # (batch, 300, 51) through W2 as one matrix product: 6 times less work than by way of the
        # (batch, 300, 300) products with W1 W1^T.
        first = active[0].t().unsqueeze(2) * self.weights[0].unsqueeze(1)
        jacobian = (self.weights[1] @ first.flatten(1)).unflatten(1, first.shape[1:])
        return (jacobian.square().sum(2) * active[1].t()).sum(0)

    def layer_penalty(self, layer: int, code: Float[Tensor, "batch width"]) -> Float[Tensor, ""]:
        """Mean squared Jacobian norm of one layer alone, from its codes.

        For the one-layer network this is the mean of `contractive_penalty`, without a second pass
        and with the sum over the batch taken first.
        """
        weight = self.weights[layer]
        return code.detach().sign().mean(0) @ torch.linalg.vecdot(weight, weight)

    def decoder(self) -> PoseDecoder:
        """A copy of the decoder with weights of its own, no longer tied to the encoder."""
        copy = PoseDecoder((*reversed(self.config.hidden), POSE_SIZE), self.config.inner_decoder)
        layers = reversed(list(zip(self.weights, self.decoder_biases, strict=True)))
        with torch.no_grad():
            for target, (weight, bias) in zip(copy.layers, layers, strict=True):
                target.weight.copy_(weight.t())  # pyright: ignore
                target.bias.copy_(bias)  # pyright: ignore
        return copy.to(self.weights[0].device)


KIND = Kind(PoseAutoencoder, AutoencoderConfig)
