"""What the ablation compares, and its tables; running it belongs to `ablation`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from overpose.methods.codes import CODES, Code, code_named
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.pca import PCAConfig
from overpose.report.tables import TextTable, markdown_table
from overpose.support.errors import InputError
from overpose.training.config import AutoencoderStage, TokenStage

CodeChoice = tuple[str, Any]
"""Name and configuration of a code; the ablation's budget takes the place of the one in it."""


def _autoencoder(**changes: Any) -> CodeChoice:
    """The autoencoder with changes of its `AutoencoderConfig`."""
    return "autoencoder", AutoencoderStage(AutoencoderConfig(**changes))


BASE = _autoencoder()
"""The paper's one layer of 2000, 40 mm, lambda 0.1: what every variant changes in one way."""
STACKED = _autoencoder(hidden=(300, 300), noise_mm=(40.0, 20.0))
"""The paper's two layers, 40 mm and 20 mm."""


@dataclass(frozen=True)
class Variant:
    """One row of the ablation.

    Attributes:
        name: also the name of its directory.
        changes: what it varies: the tables it is listed in.
        code: the code, or None for no code at all (the direct CNN).
        latent: options of stage (b), by their name in `RegressionStage`, with their values.
        pose: options of what is trained on the pose, stage (c) or the direct CNN: `pose_error`,
            `limb_weight`.
        tuning_rate: learning rate of stage (c), in those of stage (b).
        dropout: of the image network; None: the budget's.
        every_pose: whether the code learns every pose of those who train, not only the poses of the
            images that the budget lets the networks see.
        begun_as: the variant whose code and network of stage (b) it takes; its own if left out.
    """

    name: str
    changes: tuple[str, ...]
    code: CodeChoice | None
    latent: tuple[tuple[str, str], ...] = ()
    pose: tuple[tuple[str, Any], ...] = ()
    tuning_rate: float = 1.0
    dropout: float | None = None
    every_pose: bool = False
    begun_as: str = ""

    def __post_init__(self) -> None:
        if not self.begun_as:
            object.__setattr__(self, "begun_as", self.name)

    @property
    def image_options(self) -> dict[str, Any]:
        """In what it differs from the base in stages that look at images only."""
        rate = {} if self.tuning_rate == 1 else {"tuning_rate": self.tuning_rate}
        dropout = {} if self.dropout is None else {"dropout": self.dropout}
        return {**dict(self.latent), **dict(self.pose), **rate, **dropout}


_CODES = ("codes, fine-tuned",)
_LIMBS = ("term on limbs",)
_BY_DISTANCE = ("pose_error", "distance")


def _limbs(weight: float) -> tuple[tuple[str, Any], ...]:
    return (("limb_weight", weight),)


_NEAR_AND_LIMBS = (_BY_DISTANCE, *_limbs(0.01))
"""What held-out subjects say is best of those that `term on limbs` compares."""


def _after(begun: Variant, name: str, changes: tuple[str, ...], **tuning: Any) -> Variant:
    """Another stage (c) after the stages of a variant."""
    return replace(begun, name=name, changes=changes, begun_as=begun.name, **tuning)


_TWO_LAYERS = Variant("layers-300-300", ("layers", *_CODES, *_LIMBS), STACKED)
_RECTIFIED = Variant("rectified", ("stage (b)", *_CODES), BASE, (("latent_activation", "relu"),))
_VIEWS = Variant("views-4", _CODES, ("autoencoder", replace(STACKED[1], random_views=4)))
_EVERY_POSE = replace(_TWO_LAYERS, name="every-pose", changes=_CODES, every_pose=True, begun_as="")
_EVERY_VIEW = replace(_VIEWS, name="every-pose-views-4", every_pose=True, begun_as="")
_TOKENS = Variant("tokens", _CODES, ("tokens", TokenStage()))

VARIANTS = (
    Variant("base", ("hidden size", "noise", "lambda", "layers", "stage (b)", "dropout"), BASE),
    Variant("hidden-51", ("hidden size",), _autoencoder(hidden=(51,))),
    Variant("hidden-200", ("hidden size",), _autoencoder(hidden=(200,))),
    Variant("hidden-500", ("hidden size",), _autoencoder(hidden=(500,))),
    Variant("noise-0", ("noise",), _autoencoder(noise_mm=(0.0,))),
    Variant("noise-20", ("noise",), _autoencoder(noise_mm=(20.0,))),
    Variant("noise-80", ("noise",), _autoencoder(noise_mm=(80.0,))),
    Variant("lambda-0", ("lambda",), _autoencoder(contraction=0.0)),
    Variant("lambda-10", ("lambda",), _autoencoder(contraction=10.0)),
    Variant("lambda-1e4", ("lambda",), _autoencoder(contraction=1e4)),
    _TWO_LAYERS,
    Variant("unscaled", ("stage (b)",), BASE, (("code_scaling", "none"),)),
    _RECTIFIED,
    Variant("weighted", ("stage (b)",), BASE, (("latent_weighting", "decoder"),)),
    Variant("pca-48", ("PCA",), ("pca", PCAConfig(48))),
    Variant("pca-30", ("PCA",), ("pca", PCAConfig(30))),
    Variant("pca-20", ("PCA",), ("pca", PCAConfig(20))),
    Variant("pca-10", ("PCA",), ("pca", PCAConfig(10))),
    Variant("direct", ("no code", "dropout", *_LIMBS), None),
    Variant("dropout-50", ("dropout",), BASE, dropout=0.5),
    Variant("direct-dropout-50", ("dropout",), None, dropout=0.5),
    _after(_TWO_LAYERS, "limbs-0.3", _LIMBS, pose=_limbs(0.3)),
    _after(_TWO_LAYERS, "limbs-1", (*_LIMBS, *_CODES), pose=_limbs(1.0)),
    _after(_TWO_LAYERS, "limbs-3", _LIMBS, pose=_limbs(3.0)),
    _after(_TWO_LAYERS, "slow", _LIMBS, tuning_rate=1 / 3),
    _after(_TWO_LAYERS, "slow-limbs-1", _LIMBS, pose=_limbs(1.0), tuning_rate=1 / 3),
    _after(_TWO_LAYERS, "distance", _LIMBS, pose=(_BY_DISTANCE,)),
    _after(_TWO_LAYERS, "distance-limbs-0.01", (*_LIMBS, *_CODES), pose=_NEAR_AND_LIMBS),
    _after(_TWO_LAYERS, "distance-limbs-0.02", _LIMBS, pose=(_BY_DISTANCE, *_limbs(0.02))),
    _after(_TWO_LAYERS, "distance-limbs-0.06", _LIMBS, pose=(_BY_DISTANCE, *_limbs(0.06))),
    Variant("direct-limbs-0.3", _LIMBS, None, pose=_limbs(0.3)),
    Variant("direct-limbs-1", _LIMBS, None, pose=_limbs(1.0)),
    Variant("direct-limbs-3", _LIMBS, None, pose=_limbs(3.0)),
    Variant("direct-distance", _LIMBS, None, pose=(_BY_DISTANCE,)),
    Variant("direct-distance-limbs-0.01", _LIMBS, None, pose=_NEAR_AND_LIMBS),
    Variant("direct-distance-limbs-0.02", _LIMBS, None, pose=(_BY_DISTANCE, *_limbs(0.02))),
    _after(_RECTIFIED, "rectified-limbs-1", _CODES, pose=_limbs(1.0)),
    _after(_RECTIFIED, "rectified-distance-limbs-0.01", _CODES, pose=_NEAR_AND_LIMBS),
    _VIEWS,
    _after(_VIEWS, "views-4-limbs-1", _CODES, pose=_limbs(1.0)),
    _after(_VIEWS, "views-4-distance-limbs-0.01", _CODES, pose=_NEAR_AND_LIMBS),
    _EVERY_POSE,
    _after(_EVERY_POSE, "every-pose-distance-limbs-0.01", _CODES, pose=_NEAR_AND_LIMBS),
    _EVERY_VIEW,
    _after(_EVERY_VIEW, "every-pose-views-4-distance-limbs-0.01", _CODES, pose=_NEAR_AND_LIMBS),
    _TOKENS,
    _after(_TOKENS, "tokens-limbs-1", _CODES, pose=_limbs(1.0)),
    _after(_TOKENS, "tokens-distance-limbs-0.01", _CODES, pose=_NEAR_AND_LIMBS),
)


def variants_named(names: Sequence[str] | None) -> tuple[Variant, ...]:
    """The variants of those names, in the order of `VARIANTS`; all of them for None.

    Raises:
        InputError: a name is unknown.
    """
    if names is None:
        return VARIANTS
    known = [variant.name for variant in VARIANTS]
    for name in names:
        if name not in known:
            raise InputError(f"variants: got {name!r}, expected some of {', '.join(known)}")
    return tuple(variant for variant in VARIANTS if variant.name in names)


def ablation_markdown(
    report: Mapping[str, Any], variants: Sequence[Variant], codes: Sequence[Code] = CODES
) -> str:
    """The text of ablation.md: a table for everything that is varied."""
    budget = report["budget"]
    measured = {result["name"]: result for result in report["variants"]}
    lines = [
        "# Ablation of the code",
        "",
        f"- Dataset: {report['dataset']}; {report['train_images']} training images, "
        f"{report['train_poses']} training poses in all; measured on "
        f"{report['held_out_images']} images of the held-out training subjects "
        f"{', '.join(report['held_out_subjects'])}. The test subjects are not used.",
        f"- Budget: {budget['pose_loop']['epochs']} epochs for each autoencoder, then "
        f"{budget['latent_epochs']} of latent regression and {budget['finetune_epochs']} of "
        f"fine-tuning with the same image network; seed {report['seed']}. The budget is smaller "
        "than that of the main tables: compare rows here with rows here only.",
        f"- Commit: {report['commit']}",
        f"- Machine: {report['machine']}",
        "",
    ]
    note = (
        "Reconstruction: MPJPE in mm to the clean pose. Gain: error of the noisy input (40 mm per "
        "coordinate) divided by that of its reconstruction; above 1 it denoises. Limb-ratio error: "
        "full body. Wrong limbs: limb-ratio error of poses with random limb lengths, before and "
        "after."
    )
    cells = {v.name: _cells(v, measured[v.name], codes) for v in variants if v.name in measured}
    used = [
        column
        for column in range(len(_HEADER))
        if any(row[column] not in ("", _NONE) for row in cells.values())
    ]
    header = tuple(_HEADER[column] for column in used)
    for change in dict.fromkeys(change for variant in variants for change in variant.changes):
        shown = [v for v in variants if change in v.changes and v.name in cells]
        if shown and any(variant.name != "base" for variant in shown):
            rows = tuple(tuple(cells[v.name][column] for column in used) for v in shown)
            table = TextTable(change[0].upper() + change[1:], note, header, rows)
            lines += [markdown_table(table), ""]
    return "\n".join(lines).rstrip() + "\n"


_NONE = "–"
_HEADER = (
    "Variant",
    "Clean, mm",
    "Noisy, mm",
    "Gain",
    "Limb ratio, noisy",
    "Wrong limbs",
    "latent MPJPE",
    "latent limb ratio",
    "finetuned MPJPE",
    "finetuned P-MPJPE",
    "finetuned limb ratio",
)


def _cells(variant: Variant, result: Mapping[str, Any], codes: Sequence[Code]) -> tuple[str, ...]:
    title = _title(variant, codes)
    if "error" in result:
        return (title, f"failed: {result['error']}", *[""] * (len(_HEADER) - 2))
    cells = [title, *[_NONE] * (len(_HEADER) - 1)]
    if "reconstruction" in result:
        clean, noisy = result["reconstruction"]["clean"], result["reconstruction"]["noisy"]
        limbs = result["reconstruction"]["random_limb_lengths"]
        cells[1:6] = [
            f"{clean['mpjpe_after_mm']:.1f}",
            f"{noisy['mpjpe_after_mm']:.1f}",
            f"{noisy['mpjpe_before_mm'] / noisy['mpjpe_after_mm']:.2f}",
            f"{noisy['limb_ratio_full_after']:.2f}",
            f"{limbs['limb_ratio_full_before']:.1f} → {limbs['limb_ratio_full_after']:.1f}",
        ]
    if "latent" in result:
        numbers = result["latent"]
        cells[6:8] = [f"{numbers['mpjpe_mm']:.1f}", f"{numbers['limb_ratio_full']:.2f}"]
    for name in ("finetuned", "direct"):
        if name in result:
            numbers = result[name]
            cells[8:10] = [f"{numbers[measure]:.1f}" for measure in ("mpjpe_mm", "p_mpjpe_mm")]
            cells[10] = f"{numbers['limb_ratio_full']:.2f}"
    return tuple(cells)


def _title(variant: Variant, codes: Sequence[Code]) -> str:
    title = "direct CNN, no code"
    if variant.code is not None:
        name, config = variant.code
        title = code_named(name, codes).title(config)
    if variant.every_pose:
        title += ", every training pose"
    options = (f"{name.replace('_', ' ')} {_text(v)}" for name, v in variant.image_options.items())
    return ", ".join((title, *options))


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2g}"
