"""Format: the card of one output format, with everything that others ask about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import overpose.poses

Frame = Literal["world", "camera"]
"""Where formats that are y up are written: in the world where it is known, or about the camera."""


def _anything(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Most formats hold every track in which somebody is seen."""


@dataclass(frozen=True)
class Format:
    """One format that pose tracks are written in.

    Attributes:
        name: what `--formats` calls it.
        suffix: of its files, with the dot, lower case.
        title: what it is and whom it is for, for tables and help.
        write: writes a `PoseTrack` in which somebody is seen to a path, over a file that is there,
            whole or not at all; InputError as `check`.
        per_person: whether a file holds one person. Of several, number n goes to
            `NAME_person<n>SUFFIX`, and `write` is given tracks of one person.
        in_world: whether it is written y up: in the track's world where it has one.
        check: InputError, before anything is written, for a track that the format cannot hold.
        along: formats that are written whenever this one is asked for.
        get: gets what it needs and overpose does not ship, or raises InputError; None where it
            needs nothing.
    """

    name: str
    suffix: str
    title: str
    write: Callable[[Any, Path], None]
    per_person: bool = False
    in_world: bool = False
    check: Callable[[Any, Path], None] = _anything
    along: tuple["Format", ...] = ()
    get: Callable[[], None] | None = None

    def possible_paths(self, path: Path) -> tuple[Path, ...]:
        """The files that writing to `path` may begin with, for tracks that nobody knows yet."""
        return (path, self.person_path(path, 1)) if self.per_person else (path,)

    def person_path(self, path: Path, number: int) -> Path:
        """The file of one of several people, numbered from 1, in place of `path`, which ends in the
        suffix."""
        cut = len(path.name) - len(self.suffix)
        return path.with_name(f"{path.name[:cut]}_person{number}{path.name[cut:]}")


def with_along(formats: Sequence[Format]) -> tuple[Format, ...]:
    """The formats, each once, and those that are written along with them."""
    return tuple(dict.fromkeys(each for asked in formats for each in (asked, *asked.along)))
