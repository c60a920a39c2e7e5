"""What a lifter, a network from windows of 2D keypoints to poses, consists of.

Plain values: reading them needs no torch. The networks are `lifter`, which trains, and
`numpy_lifter`, which predicts.
"""

from dataclasses import dataclass, field
from typing import Literal

from overpose.support.errors import InputError

KINDS = ("direct", "latent", "finetuned")


@dataclass(frozen=True)
class KeypointEncoderConfig:
    """Sizes of the network: Martinez et al. (2017), with a window of time as input.

    Attributes:
        offsets: frames of the window relative to the one predicted, at 25 to 30 frames/s; (0,) for
            a single frame.
        width: of every layer.
        blocks: residual blocks of two layers each.
        dropout: probability with which an output is dropped in training.

    Raises:
        InputError: the values do not fit together.
    """

    offsets: tuple[int, ...] = (0,)
    width: int = 1024
    blocks: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if 0 not in self.offsets or list(self.offsets) != sorted(set(self.offsets)):
            raise InputError(f"offsets: got {self.offsets}, expected ascending ones with 0 among")
        if self.width < 1 or self.blocks < 0:
            raise InputError(
                f"width, blocks: got {self.width} and {self.blocks}, expected positive sizes"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout: got {self.dropout}, expected at least 0 and below 1")


@dataclass(frozen=True)
class LifterConfig:
    """What a lifter consists of.

    Attributes:
        kind: "direct": keypoints to pose; "latent": keypoints to code, then the decoder of the
            code, untouched; "finetuned": the same, trained as a whole.
        encoder: sizes of the network.
        decoder_sizes: widths from code to pose, e.g. (2000, 51); empty for "direct".
        inner_decoder: what follows the inner layers of the decoder.

    Raises:
        InputError: the values do not fit together.
    """

    kind: Literal["direct", "latent", "finetuned"] = "direct"
    encoder: KeypointEncoderConfig = field(default_factory=KeypointEncoderConfig)
    decoder_sizes: tuple[int, ...] = ()
    inner_decoder: Literal["relu", "linear"] = "relu"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind: got {self.kind!r}, expected one of {', '.join(KINDS)}")
        if (self.kind == "direct") != (not self.decoder_sizes):
            raise InputError(
                f"decoder_sizes: got {self.decoder_sizes} for kind {self.kind!r}, expected widths "
                "for latent and finetuned, none for direct"
            )
