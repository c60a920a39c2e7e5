"""A modern code of poses: tokens, each a soft choice among the entries of one codebook.

After PCT, "Human Pose as Compositional Tokens" (Geng et al. 2023): a pose is put together from
parts that are learned. There an entry is chosen outright, and the image is classified; here the
choice stays soft, so that the code is a vector of numbers which stages (b) and (c) take as any
other. How it is trained belongs to `training`.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

from overpose.networks.codes import PoseDecoder, soft_choice
from overpose.networks.image_encoder import initialise
from overpose.networks.normalization import POSE_SIZE, PoseNormalization
from overpose.networks.storage import Kind
from overpose.support.errors import InputError


@dataclass(frozen=True)
class TokenCodeConfig:
    """Shape and training noise of the token code; the sizes are ours.

    Attributes:
        tokens: how many choices a pose is made of.
        entries: of the codebook, which all tokens choose from; the code has tokens x entries
            numbers.
        entry_size: numbers in an entry.
        hidden: width of the layers between pose and tokens, on both sides.
        sharpness: largest number in a code: 0 chooses nothing, 10 nearly always one entry.
        noise_mm: standard deviation of the Gaussian noise on the pose in training, mm.

    Raises:
        InputError: a value is out of its range.
    """

    tokens: int = 32
    entries: int = 64
    entry_size: int = 16
    hidden: int = 512
    sharpness: float = 10.0
    noise_mm: float = 40.0

    def __post_init__(self) -> None:
        for name in ("tokens", "entries", "entry_size", "hidden"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: got {getattr(self, name)}, expected at least 1")
        if not self.sharpness > 0 or not self.noise_mm >= 0:
            raise InputError(
                f"sharpness, noise_mm: got {self.sharpness} and {self.noise_mm}, expected more "
                "than 0, and at least 0"
            )


class PoseTokens(nn.Module):
    """Pose to tokens, tokens to shares of the codebook's entries, and back.

    Each token is a vector; its code is `sharpness` times its cosine to every entry. A softmax makes
    of these the shares with which entries are mixed, and the mixtures of all tokens are decoded.

    Args:
        config: sizes.
        normalization: of the training poses; the identity if left out.
        seed: of the initial weights.
    """

    saved_as = "tokens"

    def __init__(
        self,
        config: TokenCodeConfig,
        normalization: PoseNormalization | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.config = config
        self.normalization = normalization or PoseNormalization()
        size = config.tokens * config.entry_size
        with torch.random.fork_rng(devices=()):  # building a network draws from no global stream
            self.inward = nn.ModuleList(
                [nn.Linear(POSE_SIZE, config.hidden), nn.Linear(config.hidden, size)]
            )
            self.outward = nn.ModuleList(
                [nn.Linear(size, config.hidden), nn.Linear(config.hidden, POSE_SIZE)]
            )
        initialise(self, seed)
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(config.entries, config.entry_size, generator=generator)
        self.codebook = nn.Parameter(drawn)

    @property
    def latent_size(self) -> int:
        """Numbers in the code."""
        return self.config.tokens * self.config.entries

    def encode(self, pose: Float[Tensor, "batch 51"]) -> Float[Tensor, "batch latent"]:
        """Normalised poses to how near each token is to each entry, within +- `sharpness`."""
        first, second = self.inward
        tokens = second(relu(first(pose))).unflatten(1, (self.config.tokens, -1))
        cosines = normalize(tokens, dim=-1) @ normalize(self.codebook, dim=-1).t()
        return self.config.sharpness * cosines.flatten(1)

    def decode(self, code: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch 51"]:
        """Codes to normalised poses."""
        shares = soft_choice(code, self.config.tokens).unflatten(1, (self.config.tokens, -1))
        first, second = self.outward
        return second(relu(first((shares @ self.codebook).flatten(1))))

    def decoder(self) -> PoseDecoder:
        """`decode` with the codebook multiplied into the first layer, as weights of its own."""
        first, last = self.outward
        sizes = (self.latent_size, self.config.hidden, POSE_SIZE)
        copy = PoseDecoder(sizes, "relu", self.config.tokens)
        with torch.no_grad():
            by_token = first.weight.unflatten(1, (self.config.tokens, -1))  # pyright: ignore
            copy.layers[0].weight.copy_((by_token @ self.codebook.t()).flatten(1))  # pyright: ignore
            copy.layers[0].bias.copy_(first.bias)  # pyright: ignore
        copy.layers[1].load_state_dict(last.state_dict())
        return copy.to(self.codebook.device)


KIND = Kind(PoseTokens, TokenCodeConfig)
