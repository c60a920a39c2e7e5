"""What was done of a part of a command's work: a record beside the files.

What a unit of work is, and how parts are put together, belongs to the commands.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from overpose.support.checks import difference_text
from overpose.support.digests import sha256_of_file
from overpose.support.errors import InputError
from overpose.support.files import read_json, write_json
from overpose.support.shards import Shard

_KIND = "overpose-shard"
_VERSION = 1
_COMMANDS = ("predict", "render")


@dataclass(frozen=True)
class UnitFile:
    """A file that a unit of work has left.

    Attributes:
        name: in its directory.
        bytes: how many it has.
        sha256: of them.
    """

    name: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "UnitFile":
        """What a file is now."""
        return cls(path.name, path.stat().st_size, sha256_of_file(path))


class Record:
    """Which units of a part are done, and the files of each; whole on disk at every moment.

    Attributes:
        path: of the file.
        shard: the part.
        plan: what decides the files, as JSON values: "command" and, in order, the names of all
            "units", those of other parts too.
        done: the files of each finished unit, by its name.
        failed: why others cannot be done, by name.
    """

    def __init__(self, path: Path, shard: Shard, plan: Mapping[str, Any]) -> None:
        self.path = path
        self.shard = shard
        self.plan: dict[str, Any] = json.loads(json.dumps(plan, allow_nan=False))
        self.done: dict[str, list[UnitFile]] = {}
        self.failed: dict[str, str] = {}

    @classmethod
    def read(cls, path: Path) -> "Record":
        """What is in a file.

        Raises:
            InputError: the file is absent, or no record.
        """
        value = read_json(path)
        try:
            if (value["format"], value["format_version"]) != (_KIND, _VERSION):
                raise ValueError("of another version")
            units = value["plan"]["units"]
            if value["plan"]["command"] not in _COMMANDS or not all(
                isinstance(name, str) for name in units
            ):
                raise ValueError("of another command, or of units without names")
            record = cls(path, Shard.parse(value["shard"]), value["plan"])
            for unit in value["done"]:
                files = [UnitFile(**file) for file in unit["files"]]
                if not all(_is_of_directory(file) for file in files):
                    raise ValueError("a file outside its directory")
                record.done[unit["unit"]] = files
            record.failed = {str(name): str(why) for name, why in value["failed"].items()}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: not a record of a shard ({error})") from None
        return record

    @classmethod
    def begun(
        cls, path: Path, shard: Shard, plan: Mapping[str, Any], *, overwrite: bool
    ) -> "Record":
        """The record of an earlier run of the same work, or a new one.

        Args:
            path, shard, plan: as the attributes.
            overwrite: whether a finished record, or one of other work, gives way to a new one.

        Raises:
            InputError: there is one of other work.
        """
        new = cls(path, shard, plan)
        if not path.exists():
            return new
        try:
            found = cls.read(path)
        except InputError:
            if overwrite:
                return new
            raise
        if found.plan == new.plan and found.shard == shard:
            return found if found.missing or not overwrite else new
        if overwrite:
            return new
        raise InputError(
            f"{path.parent} holds results made otherwise "
            f"({difference_text(found.plan, new.plan)}); give another directory, the same "
            "options to go on, or --overwrite"
        )

    @property
    def units(self) -> list[str]:
        """The names of the units of this part."""
        return self.shard.part(self.plan["units"])

    @property
    def missing(self) -> list[str]:
        """Those that are not done, or whose files are not there any more."""
        return [name for name in self.units if not self._is_there(name)]

    def add(self, unit: str, files: Iterable[Path]) -> None:
        """Note that a unit is done, and write that down."""
        self.note(unit, files)
        self.write()

    def note(self, unit: str, files: Iterable[Path]) -> None:
        """Note that a unit is done."""
        self.failed.pop(unit, None)
        self.done[unit] = [UnitFile.of(path) for path in files]

    def write(self) -> None:
        """Write it as it is now."""
        done = [
            {"unit": name, "files": [asdict(file) for file in self.done[name]]}
            for name in self.units
            if name in self.done
        ]
        head = {"format": _KIND, "format_version": _VERSION, "shard": str(self.shard)}
        value = {**head, "plan": self.plan, "done": done, "failed": self.failed}
        write_json(self.path, value)

    def fail(self, unit: str, why: str) -> None:
        """Note that a unit cannot be done, and write that down."""
        self.failed[unit] = why
        self.write()

    def _is_there(self, unit: str) -> bool:
        try:
            return all(
                (self.path.parent / file.name).stat().st_size == file.bytes
                for file in self.done[unit]
            )
        except (KeyError, OSError):
            return False


def _is_of_directory(file: UnitFile) -> bool:
    return Path(file.name).name == file.name and isinstance(file.bytes, int)
