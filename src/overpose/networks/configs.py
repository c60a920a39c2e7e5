"""What a pose predictor consists of. Plain values: reading them needs no torch.

The networks are `pose_predictor`, which trains, and `numpy_lifter`, which predicts from keypoints.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from overpose.support.errors import InputError

KINDS = ("direct", "latent", "finetuned")
ERROR_LAYERS = ("error_head.0", "error_head.2")
"""The two layers of the head that says how far off joints are; a ReLU is between."""
ERROR_WIDTH = 128
ERROR_UNIT_MM = 50.0
"""What it predicts is the logarithm of the expected error in this unit."""
_MOST_BLOCKS = 1000
_MOST_FRAMES = 1000
_POSE_SIZE = 51
"""Numbers in a pose of 17 joints."""


@dataclass(frozen=True)
class ImageEncoderConfig:
    """Sizes of the network; the defaults are the paper's.

    Kernel sizes, crop and image size, the last width and the dropout are stated in the paper; the
    channels and the first two widths are not, and are those of Li & Chan (2014).

    Attributes:
        image_size: side in px of the square images.
        crop_size: side in px of the crop that the network sees: random in training, central after.
        kernels: side of each convolution, without padding; a 2x2 max-pooling follows each.
        channels: filters of each convolution.
        hidden: widths of the fully connected layers.
        dropout: probability with which each of their outputs is dropped in training.

    Raises:
        InputError: the values do not fit together.
    """

    stream: ClassVar[str] = "image_encoder"  # names the random numbers of initial weights
    image_size: int = 128
    crop_size: int = 112
    kernels: tuple[int, ...] = (9, 5, 5)
    channels: tuple[int, ...] = (32, 64, 64)
    hidden: tuple[int, ...] = (1024, 2048, 4096)
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if not 1 <= self.crop_size <= self.image_size:
            raise InputError(f"crop_size: got {self.crop_size}, expected 1 to {self.image_size}")
        if len(self.kernels) != len(self.channels) or not self.kernels:
            raise InputError(
                f"kernels, channels: got {self.kernels} and {self.channels}, expected one of each "
                "for every convolution"
            )
        if min(self.kernels) < 1 or min(self.channels) < 1 or min(self.hidden, default=0) < 1:
            raise InputError("kernels, channels, hidden: expected positive sizes, at least one")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout: got {self.dropout}, expected at least 0 and below 1")
        if self.map_size < 1:
            raise InputError(
                f"crop_size: {self.crop_size} px are too few for kernels {self.kernels}, each "
                "followed by 2x2 pooling; give larger images or smaller kernels"
            )

    @property
    def map_size(self) -> int:
        """Side of the last feature map."""
        size = self.crop_size
        for kernel in self.kernels:
            size = (size - kernel + 1) // 2
        return size


Kind = Literal["mlp", "convolutions", "attention"]
"""How an encoder of keypoints brings the frames of a window together."""


@dataclass(frozen=True)
class KeypointEncoderConfig:
    """What a network for keypoints over a window of time is.

    Attributes:
        offsets: frames of the window relative to the one predicted, at 25 to 30 frames/s; (0,) for
            a single frame. See `window_offsets`.
        width: of every layer.
        blocks: residual blocks: of two layers each after the window has become one vector ("mlp",
            "convolutions"), or of attention over its frames.
        dropout: probability with which an output is dropped in training.
        kind: how frames come together. "mlp": all enter one layer (Martinez et al. 2017).
            "convolutions": three neighbours become one until one is left (Pavllo et al. 2019), so
            there are 1, 3, 9, 27, … frames. "attention": each frame looks at all others.
        heads: of the attention.
        jitter: whether the network is also told how much each keypoint trembles: second differences
            over neighbouring frames, in sizes of the person (`keypoint_windows.jitter`).

    Raises:
        InputError: the values do not fit together.
    """

    stream: ClassVar[str] = "keypoint_encoder"
    offsets: tuple[int, ...] = (0,)
    width: int = 1024
    blocks: int = 2
    dropout: float = 0.1
    kind: Kind = "mlp"
    heads: int = 8
    jitter: bool = False

    def __post_init__(self) -> None:
        if 0 not in self.offsets or list(self.offsets) != sorted(set(self.offsets)):
            raise InputError(f"offsets: got {self.offsets}, expected ascending ones with 0 among")
        if len(self.offsets) > _MOST_FRAMES:
            raise InputError(
                f"offsets: got {len(self.offsets)} frames, expected at most {_MOST_FRAMES}"
            )
        if self.width < 1 or not 0 <= self.blocks <= _MOST_BLOCKS:
            raise InputError(
                f"width, blocks: got {self.width} and {self.blocks}, expected positive sizes, of "
                f"blocks at most {_MOST_BLOCKS}"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout: got {self.dropout}, expected at least 0 and below 1")
        if self.kind not in get_args(Kind):
            raise InputError(f"kind: got {self.kind!r}, expected mlp, convolutions or attention")
        if self.kind == "convolutions" and 3**self.merges != len(self.offsets):
            raise InputError(
                f"offsets: got {len(self.offsets)} frames, expected 1, 3, 9, 27, 81, …: "
                "convolutions make one of three"
            )
        if self.heads < 1 or (self.kind == "attention" and self.width % self.heads):
            raise InputError(
                f"heads: got {self.heads}, expected a divisor of the width {self.width}"
            )
        if self.jitter and not self.triples:
            raise InputError(
                f"jitter: got windows of offsets {self.offsets}, expected three neighbouring "
                "frames among them"
            )

    @property
    def middle(self) -> int:
        """Index of the frame that is predicted."""
        return self.offsets.index(0)

    @property
    def merges(self) -> int:
        """How often convolutions make one frame of three."""
        count, frames = 0, len(self.offsets)
        while frames >= 3:
            count, frames = count + 1, frames // 3
        return count

    @property
    def triples(self) -> tuple[int, ...]:
        """Indices of frames that two more follow without a gap."""
        places = zip(self.offsets, self.offsets[2:], strict=False)
        return tuple(i for i, (first, third) in enumerate(places) if third - first == 2)


def window_offsets(frames: int, step: int = 1) -> tuple[int, ...]:
    """Offsets of a window of an odd number of frames, the predicted one in the middle.

    Frames are `step` apart, but for the two beside the middle: they are its neighbours, so that
    every window shows how much keypoints tremble.
    """
    reach = frames // 2
    places = range(-reach, frames - reach)
    return tuple(place if abs(place) < 2 else step * place for place in places)


EncoderConfig = ImageEncoderConfig | KeypointEncoderConfig
"""What an observation goes through first: an image crop, or keypoints over time."""


@dataclass(frozen=True)
class PosePredictorConfig:
    """What a pose predictor consists of.

    Attributes:
        kind: "direct": observation to pose; "latent": observation to code, then the decoder of the
            code, untouched; "finetuned": the same, trained as a whole.
        encoder: sizes of the network that sees the observation; its class says what that is.
        latent_activation: what ends the layer that predicts the code: "linear" in the paper; "relu"
            keeps the prediction where codes of a ReLU encoder can be.
        decoder_sizes: widths from code to pose, e.g. (2000, 51); empty for "direct".
        inner_decoder: what follows the inner layers of the decoder.
        code_tokens: in how many equal parts the code is a choice, see `codes.PoseDecoder`; 0: none.
        feet: whether heels and toes are predicted beside the pose.
        errors: whether the expected error of each joint is.

    Raises:
        InputError: the values do not fit together.
    """

    kind: Literal["direct", "latent", "finetuned"] = "direct"
    encoder: EncoderConfig = field(default_factory=ImageEncoderConfig)
    latent_activation: Literal["linear", "relu"] = "linear"
    decoder_sizes: tuple[int, ...] = ()
    inner_decoder: Literal["relu", "linear"] = "relu"
    code_tokens: int = 0
    feet: bool = False
    errors: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind: got {self.kind!r}, expected one of {', '.join(KINDS)}")
        if self.latent_activation not in ("linear", "relu"):
            raise InputError(
                f"latent_activation: got {self.latent_activation!r}, expected linear or relu"
            )
        if (self.kind == "direct") != (not self.decoder_sizes):
            raise InputError(
                f"decoder_sizes: got {self.decoder_sizes} for kind {self.kind!r}, expected widths "
                "for latent and finetuned, none for direct"
            )
        if min(self.decoder_sizes, default=1) < 1 or self.decoder_sizes[-1:] not in (
            (),
            (_POSE_SIZE,),
        ):
            raise InputError(
                f"decoder_sizes: got {self.decoder_sizes}, expected positive ones, the last "
                f"{_POSE_SIZE}: a pose"
            )
        choices = self.code_tokens
        if choices < 0 or (choices and (not self.decoder_sizes or self.decoder_sizes[0] % choices)):
            raise InputError(
                f"code_tokens: got {self.code_tokens} for decoder_sizes {self.decoder_sizes}, "
                "expected a number that divides the code, or 0"
            )
