"""Cards as options: what the command line calls them, and which choices there are."""

from pathlib import Path
from typing import Any

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from overpose.formats import FORMATS, Format
from overpose.keypoints.engines import ENGINES, Engine
from overpose.support.object_storage import path_of

_PATH: PrimitiveConstructorSpec[Any] = PrimitiveConstructorSpec(
    nargs=1,
    metavar="PATH",
    instance_from_str=lambda said: path_of(said[0]),
    is_instance=lambda value: isinstance(value, Path),
    str_from_instance=lambda path: [str(path)],
)


def choices(
    formats: tuple[Format, ...] = FORMATS, engines: tuple[Engine, ...] = ENGINES
) -> ConstructorRegistry:
    """How options of a card's type are read: by the card's name, which help lists; and paths."""
    kinds: dict[type, tuple[Any, ...]] = {Format: formats, Engine: engines}
    registry = ConstructorRegistry()

    @registry.primitive_rule
    def named(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
        if info.type == Engine | Path:
            return _engine_or_file(engines)
        if info.type == Path:
            return _PATH
        if info.type not in kinds:
            return None
        cards = {card.name: card for card in kinds[info.type]}
        return PrimitiveConstructorSpec(
            nargs=1,
            metavar=f"{{{','.join(cards)}}}",
            instance_from_str=lambda said: cards[said[0]],
            is_instance=lambda value: isinstance(value, info.type),
            str_from_instance=lambda card: [card.name],
            choices=tuple(cards),
        )

    return registry


def _engine_or_file(engines: tuple[Engine, ...]) -> PrimitiveConstructorSpec[Any]:
    cards = {card.name: card for card in engines}
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=f"{{{','.join(cards)}}}|FILE",
        instance_from_str=lambda said: cards.get(said[0]) or path_of(said[0]),
        is_instance=lambda value: isinstance(value, Engine | Path),
        str_from_instance=lambda value: [value.name if isinstance(value, Engine) else str(value)],
    )
