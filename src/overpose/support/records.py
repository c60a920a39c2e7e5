"""What was done of a part of a command's work: a record beside the files.

While the work goes on, what was done since the record was written is in journals beside it, of some
units each: noting a unit takes as long however many there are. What a unit of work is, and how
parts are put together, belongs to the commands.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from overpose.support.checks import difference_text
from overpose.support.digests import sha256, sha256_of_file
from overpose.support.errors import InputError
from overpose.support.files import read_json, write_json
from overpose.support.shards import Shard

_KIND = "overpose-shard"
_VERSION = 1
_COMMANDS = ("predict", "render")
JOURNAL_UNITS = 64
"""In each journal; the last one is written anew, whole, for each unit."""


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
        self._journals = 0
        self._noted: list[dict[str, Any]] = []

    @classmethod
    def read(cls, path: Path) -> "Record":
        """What is in a file, and in the journals beside it.

        Raises:
            InputError: the file is absent, or no record, or a journal is damaged.
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
            record.failed = {str(name): str(why) for name, why in value["failed"].items()}
            record._take(value["done"])
            for path in record._written_journals():
                journal = read_json(path)
                if journal["of"] == record._identity:  # else left of work that was replaced
                    record._take(journal["noted"])
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
        """Note that a unit is done, and write that down; the record was written before."""
        self.note(unit, files)
        self._write_down(self._entry(unit))

    def note(self, unit: str, files: Iterable[Path]) -> None:
        """Note that a unit is done."""
        self.failed.pop(unit, None)
        self.done[unit] = [UnitFile.of(path) for path in files]

    def write(self) -> None:
        """Write it as it is now, in one file; journals go."""
        done = [self._entry(name) for name in self.units if name in self.done]
        head = {"format": _KIND, "format_version": _VERSION, "shard": str(self.shard)}
        value = {**head, "plan": self.plan, "done": done, "failed": self.failed}
        write_json(self.path, value)
        for path in reversed(list(self._written_journals())):
            path.unlink(missing_ok=True)
        self._journals, self._noted = 0, []

    def fail(self, unit: str, why: str) -> None:
        """Note that a unit cannot be done, and write that down, as `add`."""
        self.done.pop(unit, None)
        self.failed[unit] = why
        self._write_down({"unit": unit, "failed": why})

    @cached_property
    def _identity(self) -> str:
        """What tells the work from other work, in journals."""
        return sha256(json.dumps([str(self.shard), self.plan], sort_keys=True))

    def _entry(self, unit: str) -> dict[str, Any]:
        return {"unit": unit, "files": [asdict(file) for file in self.done[unit]]}

    def _write_down(self, entry: dict[str, Any]) -> None:
        self._noted.append(entry)
        write_json(self._journal(self._journals), {"of": self._identity, "noted": self._noted})
        if len(self._noted) == JOURNAL_UNITS:
            self._journals, self._noted = self._journals + 1, []

    def _take(self, noted: Any) -> None:
        """Units as `_entry` and `fail` have written them; what was noted later counts."""
        for entry in noted:
            unit = entry["unit"]
            if "failed" in entry:
                self.done.pop(unit, None)
                self.failed[unit] = str(entry["failed"])
                continue
            files = [UnitFile(**file) for file in entry["files"]]
            if not all(_is_of_directory(file) for file in files):
                raise ValueError("a file outside its directory")
            self.failed.pop(unit, None)
            self.done[unit] = files

    def _journal(self, number: int) -> Path:
        return self.path.parent / f"{self.path.stem}.{number:04}.json"

    def _written_journals(self) -> Iterator[Path]:
        """From the first to the last; the last goes first, so that there is no gap."""
        for number in count():
            path = self._journal(number)
            if not path.exists():
                return
            yield path

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
