"""The three ready-made experiments: `smoke`, `cpu`, `paper`. Values only; `reproduce` runs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.dconv import DconvConfig
from overpose.baselines.kde import KDEConfig
from overpose.baselines.linkde import LinKDEConfig
from overpose.baselines.structnet import StructNetConfig
from overpose.datasets.rendering.options import RenderConfig
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.support.errors import InputError
from overpose.training.config import AutoencoderStage, LoopConfig


@dataclass(frozen=True)
class ProceduralMotion:
    """How much made-up motion to render where there is no recorded one.

    Attributes:
        train_subjects, test_subjects: how many different bodies and styles of each.
        trials: how often each subject does each action.
        frames: length of each trial, at the rendering's frame rate.
    """

    train_subjects: int = 12
    test_subjects: int = 4
    trials: int = 1
    frames: int = 75


@dataclass(frozen=True)
class Preset:
    """A whole experiment: data, sizes, budgets, seeds.

    Attributes:
        name: what it is called.
        render: the dataset's options.
        procedural: made-up motion; None: the motion is the user's, with a splits file.
        image_encoder: sizes of the image network, the same for every method.
        autoencoder: stage (a).
        direct: the CNN straight to the pose.
        latent: stage (b); `finetune`: stage (c). Together they have as many epochs as `direct`.
        latent_weighting, latent_activation, decoder_lr_scale: see `training.config`; the defaults
            are the paper's.
        pca_rank: components of the PCA baseline, trained as long as `direct`; None: leave it out.
            48 is the most that 16 free joints have, and so the equal of an overcomplete code.
        nearest_pose: whether the pose of the most similar training image is a row.
        dconv, dconv_loop: DconvMP-HML and its training; None: leave it and StructNet out.
        structnet, structnet_loop: StructNet, on DconvMP-HML's convolutions; None: no such row.
        detection_start: whether the convolutions of every other network begin as those of
            DconvMP-HML, as in the paper; otherwise at random.
        kde, linkde: the kernel systems, fitted once, with the first seed; None: leave it out.
        model_per_action: whether every action has models of its own, the autoencoder included, as
            in the paper; otherwise one for all.
        train_sizes: numbers of training images at which ours, the CNN and LinKDE are compared once
            more; none: no such curve.
        seeds: what the whole is repeated with.

    Raises:
        InputError: the values do not fit together, e.g. the budgets differ.
    """

    name: str
    render: RenderConfig
    image_encoder: ImageEncoderConfig
    autoencoder: AutoencoderStage
    direct: LoopConfig
    latent: LoopConfig
    finetune: LoopConfig
    procedural: ProceduralMotion | None = None
    latent_weighting: Literal["plain", "decoder"] = "plain"
    latent_activation: Literal["linear", "relu"] = "linear"
    decoder_lr_scale: float = 1.0
    pca_rank: int | None = None
    nearest_pose: bool = True
    kde: KDEConfig | None = None
    linkde: LinKDEConfig | None = None
    dconv: DconvConfig | None = None
    dconv_loop: LoopConfig = field(default_factory=LoopConfig)
    structnet: StructNetConfig | None = None
    structnet_loop: LoopConfig = field(default_factory=LoopConfig)
    detection_start: bool = False
    model_per_action: bool = False
    train_sizes: tuple[int, ...] = ()
    seeds: tuple[int, ...] = field(default=(0,))

    def __post_init__(self) -> None:
        ours = self.latent.epochs + self.finetune.epochs
        if self.direct.epochs != ours:
            raise InputError(
                f"preset {self.name}: direct has {self.direct.epochs} epochs, latent and finetune "
                f"together {ours}; expected the same budget"
            )
        if self.render.image_size != self.image_encoder.image_size:
            raise InputError(
                f"preset {self.name}: images of {self.render.image_size} px are rendered, the "
                f"network takes {self.image_encoder.image_size} px; expected the same"
            )
        if self.dconv is None and (self.structnet is not None or self.detection_start):
            raise InputError(
                f"preset {self.name}: structnet or detection_start without dconv, whose "
                "convolutions they take; expected both"
            )
        if self.train_sizes and (self.model_per_action or min(self.train_sizes) < 1):
            raise InputError(
                f"preset {self.name}: train_sizes {self.train_sizes}; expected positive numbers, "
                "and one model for all actions"
            )
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise InputError(f"seeds: got {self.seeds}, expected at least one, none twice")

    @property
    def needs_mocap(self) -> bool:
        """Whether the user has to give motion capture and a splits file."""
        return self.procedural is None


_SMOKE_CONVOLUTIONS = ConvolutionsConfig(64, 56, channels=(8, 16, 32))
_CPU_CONVOLUTIONS = ConvolutionsConfig(64, 56, channels=(16, 32, 64))

SMOKE = Preset(
    name="smoke",
    render=RenderConfig(
        image_size=64, max_train=2400, max_val=0, max_test=480, samples_per_shard=128
    ),
    procedural=ProceduralMotion(),
    image_encoder=ImageEncoderConfig(
        image_size=64, crop_size=56, channels=(8, 16, 32), hidden=(128, 256, 256), dropout=0.25
    ),
    autoencoder=AutoencoderStage(
        AutoencoderConfig(hidden=(500,)), LoopConfig(epochs=30, schedule="cosine")
    ),
    direct=LoopConfig(epochs=18, batch_size=64, schedule="cosine"),
    latent=LoopConfig(epochs=12, batch_size=64, schedule="cosine"),
    finetune=LoopConfig(epochs=6, batch_size=64, schedule="cosine"),
    kde=KDEConfig(samples=800, components=128),
    linkde=LinKDEConfig(input_features=5000, output_features=800, ridge=1.0),
    dconv=DconvConfig(_SMOKE_CONVOLUTIONS, hidden=(128, 256)),
    dconv_loop=LoopConfig(epochs=18, batch_size=64, schedule="cosine"),
    structnet=StructNetConfig(
        _SMOKE_CONVOLUTIONS,
        pooled=(32, 128),
        hidden=256,
        embedding=128,
        pose_hidden=128,
        dropout=0.25,
        average=12,
    ),
    structnet_loop=LoopConfig(epochs=18, batch_size=64, schedule="cosine"),
    train_sizes=(300, 1200),
)
"""Everything from nothing, within minutes: shows that it runs. Its numbers mean little."""

CPU = Preset(
    name="cpu",
    render=RenderConfig(image_size=64, takes=4, max_train=24_000, max_val=1_200, max_test=4_800),
    image_encoder=ImageEncoderConfig(
        image_size=64, crop_size=56, channels=(16, 32, 64), hidden=(512, 1024, 1024), dropout=0.25
    ),
    autoencoder=AutoencoderStage(
        AutoencoderConfig(hidden=(300, 300), noise_mm=(40.0, 20.0)),
        LoopConfig(epochs=60, schedule="cosine"),
    ),
    direct=LoopConfig(epochs=20, schedule="cosine"),
    latent=LoopConfig(epochs=10, schedule="cosine"),
    finetune=LoopConfig(epochs=10, schedule="cosine"),
    kde=KDEConfig(),
    linkde=LinKDEConfig(ridge=1.0),
    dconv=DconvConfig(_CPU_CONVOLUTIONS, hidden=(512, 1024)),
    dconv_loop=LoopConfig(epochs=20, schedule="cosine"),
    structnet=StructNetConfig(
        _CPU_CONVOLUTIONS,
        pooled=(128, 512),
        hidden=1024,
        embedding=512,
        pose_hidden=512,
        dropout=0.25,
        average=120,
    ),
    structnet_loop=LoopConfig(epochs=20, schedule="cosine"),
    detection_start=True,
    train_sizes=(500, 2_000, 6_000),
    seeds=(0, 1, 2),
)
"""The benchmark on a laptop, within hours: smaller images and networks, one model for all."""

PAPER = Preset(
    name="paper",
    render=RenderConfig(image_size=128),
    image_encoder=ImageEncoderConfig(),
    autoencoder=AutoencoderStage(AutoencoderConfig(hidden=(2000,)), LoopConfig(epochs=60)),
    direct=LoopConfig(epochs=30),
    latent=LoopConfig(epochs=20),
    finetune=LoopConfig(epochs=10),
    kde=KDEConfig(samples=8_000),
    linkde=LinKDEConfig(),
    dconv=DconvConfig(),
    dconv_loop=LoopConfig(epochs=30),
    structnet=StructNetConfig(),
    structnet_loop=LoopConfig(epochs=30),
    detection_start=True,
    model_per_action=True,
    seeds=(0, 1, 2),
)
"""The published sizes, all frames of all cameras, a model per action. Needs a GPU; NOT TESTED."""

PRESETS: Mapping[str, Preset] = MappingProxyType({p.name: p for p in (SMOKE, CPU, PAPER)})


def preset_named(name: str) -> Preset:
    """The preset of that name.

    Raises:
        InputError: there is none.
    """
    if name not in PRESETS:
        raise InputError(f"preset: got {name!r}, expected one of {', '.join(PRESETS)}")
    return PRESETS[name]
