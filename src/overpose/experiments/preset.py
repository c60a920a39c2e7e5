"""What an experiment consists of: data, methods with their configurations, seeds.

The three ready-made ones are in `presets`; running them belongs to `reproduce`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from overpose.datasets.rendering.options import RenderConfig
from overpose.methods import CODES, INPUTS, METHODS, Code, Inputs, Method, kinds_of
from overpose.methods.finetuned import BEGUN
from overpose.networks.storage import Kind, to_json
from overpose.support.errors import InputError
from overpose.training.config import FinetuneStage, RegressionStage


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
        methods: by the name of each method that is compared, its configuration.
        codes: by the name of each code of poses that a method learns, its configuration.
        procedural: made-up motion; None: the motion is the user's, with a splits file.
        model_per_action: whether every action has models of its own, the codes included, as in the
            paper; otherwise one for all.
        inputs: what methods are given: each gives a block of rows, with networks of its own.
        finishing_share: of the training people's limb lengths in the common finishing, see
            `methods.finishing`; None: no rows with it.
        train_sizes: numbers of training images of the learning curve, `overpose curve`.
        seeds: what the whole is repeated with.
        method_cards, code_cards: the methods and codes that there are; they travel with the preset
            to other processes.

    Raises:
        InputError: the values do not fit together, e.g. the budgets differ.
    """

    name: str
    render: RenderConfig
    methods: dict[str, Any]
    codes: dict[str, Any] = field(default_factory=dict)
    procedural: ProceduralMotion | None = None
    model_per_action: bool = False
    inputs: tuple[Inputs, ...] = INPUTS
    finishing_share: float | None = None
    train_sizes: tuple[int, ...] = ()
    seeds: tuple[int, ...] = field(default=(0,))
    method_cards: tuple[Method, ...] = METHODS
    code_cards: tuple[Code, ...] = CODES

    def __post_init__(self) -> None:
        for what, configs, cards in (
            ("methods", self.methods, self.method_cards),
            ("codes", self.codes, self.code_cards),
        ):
            _require_known(f"preset {self.name}: {what}", configs, cards)
        self._require_whole()
        for name, equal in with_equal_budgets(self.methods).items():
            if equal != self.methods[name]:
                raise InputError(
                    f"preset {self.name}: {name} has {self.methods[name].image.loop.epochs} "
                    f"epochs, begun and finetuned together {equal.image.loop.epochs}; expected "
                    "the same budget"
                )
        if not self.inputs or len(set(self.inputs)) != len(self.inputs):
            raise InputError(f"inputs: got {self.inputs}, expected at least one, none twice")
        if self.finishing_share is not None and not 0 <= self.finishing_share <= 1:
            raise InputError(f"finishing_share: got {self.finishing_share}, expected 0 to 1")
        if min(self.train_sizes, default=1) < 1:
            raise InputError(f"train_sizes: got {self.train_sizes}, expected positive numbers")
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise InputError(f"seeds: got {self.seeds}, expected at least one, none twice")

    @property
    def needs_mocap(self) -> bool:
        """Whether the user has to give motion capture and a splits file."""
        return self.procedural is None

    @property
    def cards(self) -> tuple[Method, ...]:
        """The methods that are trained, in the order of their training."""
        return tuple(card for card in self.method_cards if card.name in self.methods)

    @property
    def compared(self) -> tuple[Method, ...]:
        """The methods that have rows."""
        return tuple(card for card in self.cards if card.row)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of saved models."""
        return kinds_of(self.method_cards, self.code_cards)

    @property
    def trained_codes(self) -> tuple[Code, ...]:
        """The codes that are a stage of their own."""
        return tuple(card for card in self.code_cards if card.name in self.codes and card.trained)

    def method_of(self, stage: str) -> Method | None:
        """The first method that trains a stage; None: none does."""
        return next((card for card in self.cards if card.kept and card.stage == stage), None)

    def stages_before(self, stage: str) -> tuple[str, ...]:
        """A stage and, before it, all that it needs, in the order of training.

        Raises:
            InputError: nothing in the preset trains it, or one that it needs.
        """
        found: dict[str, None] = {}
        for earlier in self._needed_by(stage):
            found |= dict.fromkeys(self.stages_before(earlier))
        return (*found, stage)

    def stages_of(self, method: Method) -> tuple[str, ...]:
        """The stages that a method needs, in the order of training; its own, if it is kept, is the
        last."""
        return self.stages_before(method.stage) if method.kept else ()

    def describe(self) -> dict[str, Any]:
        """What decides over the results of each seed, as JSON values."""
        return {
            "name": self.name,
            "render": to_json(self.render),
            "methods": {name: to_json(config) for name, config in self.methods.items()},
            "codes": {name: to_json(config) for name, config in self.codes.items()},
            "procedural": to_json(self.procedural) if self.procedural else None,
            "model_per_action": self.model_per_action,
            "finishing_share": self.finishing_share,
        }

    def _needed_by(self, stage: str) -> tuple[str, ...]:
        method = self.method_of(stage)
        trained = [code.name for code in self.trained_codes]
        if method is None:
            if stage in trained:
                return ()
            raise InputError(f"preset {self.name}: got no method or code that trains {stage}")
        config = self.methods[method.name]
        codes = [name for name in method.codes(config) if name in trained]
        return (*method.needs(config), *codes)

    def _require_whole(self) -> None:
        """Every method has what it needs, and takes the images that are rendered."""
        for code in self.trained_codes:
            if self.method_of(code.name) is not None:
                raise InputError(f"code {code.name}: is called as a method; expected another name")
        for card in self.cards:
            config = self.methods[card.name]
            first = self.method_of(card.stage) or card
            if self.methods[first.name] != config:
                raise InputError(
                    f"preset {self.name}: {first.name} and {card.name} predict with one model; "
                    "expected the same configuration"
                )
            missing = [name for name in card.codes(config) if name not in self.codes]
            if missing:
                raise InputError(
                    f"preset {self.name}: {card.name} learns the code {missing[0]}, which has no "
                    "configuration"
                )
            size = card.image_size(config)
            if size not in (None, self.render.image_size):
                raise InputError(
                    f"preset {self.name}: images of {self.render.image_size} px are rendered, "
                    f"{card.name} takes {size} px; expected the same"
                )
            self.stages_of(card)


def with_equal_budgets(methods: dict[str, Any]) -> dict[str, Any]:
    """The same configurations, but every image network sees each image as often as the fine-tuned
    one does in both of its stages."""
    begun, tuned = methods.get(BEGUN), methods.get("finetuned")
    if begun is None or not isinstance(tuned, FinetuneStage):
        return methods
    epochs = begun.image.loop.epochs + tuned.loop.epochs
    return {
        name: config if name == BEGUN else _lasting(config, epochs)
        for name, config in methods.items()
    }


def _lasting(config: Any, epochs: int) -> Any:
    """The configuration of an image network with so many epochs; any other as it is."""
    image = getattr(config, "image", None)
    if not isinstance(image, RegressionStage):
        return config
    return replace(config, image=replace(image, loop=replace(image.loop, epochs=epochs)))


def _require_known(
    what: str, configs: dict[str, Any], cards: Iterable[Method] | Iterable[Code]
) -> None:
    known = {card.name: card for card in cards}
    for name, config in configs.items():
        if name not in known:
            raise InputError(f"{what}: got {name!r}, expected some of {', '.join(known)}")
        if not isinstance(config, known[name].Config):
            raise InputError(
                f"{what}: {name} has a {type(config).__name__}, expected a "
                f"{known[name].Config.__name__}"
            )
