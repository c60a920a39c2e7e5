"""What the command itself does for each unit, one after the other: the part that no number of
workers makes shorter.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from overpose.support.cluster import LOCAL, Cluster
from overpose.support.on_cluster import write_answer
from overpose.support.records import JOURNAL_UNITS, Record, UnitFile
from overpose.support.remote import Answer
from overpose.support.shards import Shard
from overpose.support.workers import do_units, in_fresh_process

UNITS = 200
MANY = 20_000
_BIG = 8 << 20


@dataclass(frozen=True)
class DriverCosts:
    """Seconds of the command's own work.

    Attributes:
        unit_s: for a unit on a cluster: hand it out, take an empty result.
        file_s: to write a file of its results, in a directory of few.
        byte_s: for each byte of them.
        listed_s: more for each file written, for each that is there already.
        noted_s: more to note a unit in the record that `predict` keeps, for each noted before.
        note_s: to note the first ones; 0 in measurements of before the record had journals.
    """

    unit_s: float
    file_s: float
    byte_s: float
    listed_s: float
    noted_s: float
    note_s: float = 0.0

    def of_unit(self, files: int, size: float, *, noted: bool = False) -> float:
        """For a unit with so many files and bytes, the first one."""
        found = self.unit_s + files * self.file_s + size * self.byte_s
        return found + (self.note_s if noted else 0.0)

    def growth_s(self, files: int, *, noted: bool) -> float:
        """More for each unit that was done before."""
        return files * files * self.listed_s + (self.noted_s if noted else 0.0)


def measure_driver() -> DriverCosts:
    """The costs here; takes half a minute."""
    with tempfile.TemporaryDirectory(prefix="overpose-scale-") as place:
        few, many = Path(place) / "few", Path(place) / "many"
        small, big = answer_of(1), answer_of(_BIG)
        few.mkdir()
        file_s = _median(lambda: write_answer(small, few))
        big_s = _median(lambda: write_answer(big, few))
        many.mkdir()
        for number in range(MANY):
            (many / f"file-{number:06}").touch()
        listed_s = _median(lambda: write_answer(small, many)) - file_s
        noted_s = [_note_seconds(Path(place) / f"record-{count}", count) for count in (1, MANY)]
    return DriverCosts(
        unit_s=in_fresh_process(_unit_seconds),
        file_s=file_s,
        byte_s=max(0.0, big_s - file_s) / _BIG,
        listed_s=max(0.0, listed_s) / MANY,
        noted_s=max(0.0, noted_s[1] - noted_s[0]) / MANY,
        note_s=noted_s[0],
    )


def answer_of(size: int) -> Answer:
    """What a worker sends that left one file."""
    content = os.urandom(size)
    return Answer(files=[("file", hashlib.sha256(content).hexdigest(), content)])


def _note_seconds(path: Path, units: int) -> float:
    """To note a unit of that many, all noted before; files are hashed elsewhere."""
    names = [f"clip-{number:08}" for number in range(units)]
    record = Record(path, Shard(0, 1), {"command": "predict", "units": names})
    for name in names:
        record.done[name] = [UnitFile(f"{name}.npz", 123_456, "0" * 64)]
    record.write()
    return _median(lambda: record.fail(names[0], "x" * 99), repeats=JOURNAL_UNITS)


def _median(work: Callable[[], object], repeats: int = 9) -> float:
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def _unit_seconds() -> float:
    """Processor time of this process for a unit that does nothing; the first ones start things."""
    with tempfile.TemporaryDirectory(prefix="overpose-scale-") as place:
        units = do_units(range(UNITS), _nothing, None, Path(place), Cluster(LOCAL, 1))
        for _ in range(UNITS // 4):
            next(units)
        before = time.process_time()
        left = sum(1 for _ in units)
        # The end of the cluster counts here too, shared out: a few milliseconds of all.
        return (time.process_time() - before) / left


def _nothing(_: None) -> Callable[[int, Path, Callable[[], None]], int]:
    return lambda unit, out, check: unit
