"""What two commits left in their directories, compared to the last digit; see `compare_commits`."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from safetensors.numpy import load_file

REPORTS = ("report.json", "autoencoder.json")
"""Files of the experiment that hold measured numbers."""
SKIPPED = ("*_s", "*ms_per*", "*memory*", "*mib*")
"""Names of numbers that differ from run to run."""
BLOCKS = (("inputs", "image"), ("finishing", "none"))
"""What tells rows of one method apart; those of earlier commits are of the first block."""
STORED = (".shard", ".parquet")
"""Files of a dataset that are compared."""


@dataclass
class Comparison:
    """The lines to print, and whether anything differed."""

    lines: list[str] = field(default_factory=list)
    differs: bool = False

    def add(self, what: str, difference: str | None, note: str = "") -> None:
        """One thing compared; `difference` says what differs, None that nothing does."""
        self.differs |= difference is not None
        verdict = "equal" if difference is None else f"DIFFERS: {difference}"
        self.lines.append(f"{what}: {verdict}{note}")


def compare_runs(reference: Path, other: Path, ignored: tuple[str, ...] = ()) -> Comparison:
    """Compare what two commits left in their directories.

    Args:
        reference: of the first commit; holds `smoke`, an experiment, and `render`, a dataset.
        other: of the second.
        ignored: patterns of weight files not to be looked for, relative to the experiment.
    """
    found = Comparison()
    for name in REPORTS:
        compare_numbers(reference / "smoke" / name, other / "smoke" / name, name, found)
    compare_weights(reference / "smoke", other / "smoke", found, ignored)
    for place in ("smoke/dataset", "render"):
        compare_datasets(reference / place, other / place, place, found)
    return found


def compare_numbers(reference: Path, other: Path, what: str, found: Comparison) -> None:
    """Compare all numbers of two JSON files; rows are matched by method, action, seed and block."""
    if not reference.exists() and not other.exists():
        return
    for path in (reference, other):
        if not path.exists():
            found.add(what, f"no {path}")
            return
    first, second = (dict(numbers(json.loads(path.read_text()))) for path in (reference, other))
    lost, new = sorted(first.keys() - second.keys()), sorted(second.keys() - first.keys())
    unequal = {
        name: difference(first[name], second[name])
        for name in first.keys() & second.keys()
        if difference(first[name], second[name]) != 0
    }
    parts = []
    if unequal:
        worst = max(unequal, key=lambda name: unequal[name])
        parts.append(f"{len(unequal)} numbers, at most by {unequal[worst]:.3g} ({worst})")
    moved = sorted(map(repr, map(first.get, lost))) == sorted(map(repr, map(second.get, new)))
    if lost and not moved:
        parts.append(f"{len(lost)} numbers are gone, such as {lost[0]}")
    if new and not moved:
        parts.append(f"{len(new)} numbers are new, such as {new[0]}")
    renamed = f", {len(lost)} of them under other names" if lost and moved else ""
    found.add(what, "; ".join(parts) or None, f" ({len(first)} numbers{renamed})")


def numbers(value: Any, name: str = "") -> Iterator[tuple[str, float | None]]:
    """All numbers and nulls in parsed JSON, with the names of their places."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not any(fnmatch(key, pattern) for pattern in SKIPPED):
                yield from numbers(item, f"{name}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            keys = ("method", "action", "seed")
            known = []
            if isinstance(item, dict):
                known = [str(item[key]) for key in keys if key in item]
                known += [item[key] for key, plain in BLOCKS if item.get(key, plain) != plain]
            yield from numbers(item, f"{name}/{'-'.join(known) or index}")
    elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield name, value


def difference(first: float | None, second: float | None) -> float:
    """How far apart two numbers are; infinite where one is missing or not finite."""
    if first is None or second is None:
        return 0.0 if first is second else math.inf
    if math.isnan(first) and math.isnan(second):
        return 0.0
    distance = abs(first - second)
    return math.inf if math.isnan(distance) else distance


def compare_weights(
    reference: Path, other: Path, found: Comparison, ignored: tuple[str, ...] = ()
) -> None:
    """Compare every safetensors file of one directory with its like in the other.

    Files are alike that hold the same tensors, whatever the tensors, files and directories are
    called. What has no such partner is compared by place: the same, or the nearest in name.
    """
    first, second = _weights_of(reference, ignored), _weights_of(other, ignored)
    if not first:
        found.add("weights", f"no weights in {reference}")
    contents = {path: _digest(tensors) for path, tensors in first.items()}
    left = {path: _digest(tensors) for path, tensors in second.items()}
    partners: dict[PurePosixPath, PurePosixPath] = {}
    for path in first:  # in the same place and the same: before one that merely is the same
        if left.get(path) == contents[path]:
            partners[path] = path
            del left[path]
    for path in first.keys() - partners.keys():
        like = sorted(name for name, digest in left.items() if digest == contents[path])
        if like:
            partners[path] = max(like, key=lambda name: _shared_names(path, name))
            del left[partners[path]]
    for path in first:
        what = f"weights {path}"
        if path in partners:
            moved = f" (now {partners[path]})" if partners[path] != path else ""
            found.add(what, None, moved)
        elif path in left:
            del left[path]
            found.add(what, _tensor_difference(first[path], second[path]))
        else:
            near = max(left, key=lambda name: _shared_names(path, name), default=None)
            if near is None or _shared_names(path, near) < 2:
                found.add(what, "no such weights")
                continue
            del left[near]
            found.add(f"{what} and {near}", _tensor_difference(first[path], second[near]))
    for path in left:
        found.add(f"weights {path}", "only in the second")


def _weights_of(
    directory: Path, ignored: tuple[str, ...]
) -> dict[PurePosixPath, dict[str, np.ndarray]]:
    paths = {
        PurePosixPath(path.relative_to(directory).as_posix()): path
        for path in sorted(directory.rglob("*.safetensors"))
    }
    return {
        name: load_file(path)
        for name, path in paths.items()
        if not any(fnmatch(str(name), pattern) for pattern in ignored)
    }


def _digest(tensors: dict[str, np.ndarray]) -> tuple[str, ...]:
    """What a file of weights holds, in no order and without names."""
    return tuple(
        sorted(
            f"{array.dtype} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
            for array in tensors.values()
        )
    )


def _shared_names(first: PurePosixPath, second: PurePosixPath) -> int:
    return len(set(first.parts) & set(second.parts))


def _tensor_difference(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> str:
    """How the tensors of two files differ that do not hold the same."""
    unlike = [name for name in first if _digest({"": first[name]})[0] not in _digest(second)]
    if first.keys() != second.keys():
        odd = sorted(first.keys() ^ second.keys())
        return (
            f"{len(odd)} tensors in one of them only, such as {odd[0]}; of {len(first)} tensors "
            f"{len(unlike)} are not found again, whatever their name"
        )
    worst = 0.0
    for name in unlike:
        if first[name].shape != second[name].shape or first[name].dtype != second[name].dtype:
            return (
                f"{name} is {first[name].shape} {first[name].dtype}, "
                f"then {second[name].shape} {second[name].dtype}"
            )
        worst = max(worst, largest_difference(first[name], second[name]))
    return f"{len(unlike)} of {len(first)} tensors, at most by {worst:.3g}"


def largest_difference(first: np.ndarray, second: np.ndarray) -> float:
    """The largest distance of two arrays of one shape; NaN equals NaN."""
    if first.size == 0:
        return 0.0
    one, two = first.astype(np.float64), second.astype(np.float64)
    apart = np.where(np.isnan(one) & np.isnan(two), 0.0, np.abs(one - two))
    return float(np.nan_to_num(apart, nan=np.inf).max())


def compare_datasets(reference: Path, other: Path, what: str, found: Comparison) -> None:
    """Compare a rendered dataset: bytes of the shards, values of each column of the tables."""
    names = {
        place: {p.relative_to(place).as_posix() for p in place.rglob("*") if p.suffix in STORED}
        for place in (reference, other)
    }
    if not names[reference]:
        found.add(what, f"no shards in {reference}")
    for name in sorted(names[reference] ^ names[other]):
        found.add(
            f"{what} {name}", f"only in the {'first' if name in names[reference] else 'second'}"
        )
    for name in sorted(names[reference] & names[other]):
        if name.endswith(".parquet"):
            _compare_tables(reference / name, other / name, f"{what} {name}", found)
            continue
        first, second = (
            np.frombuffer((place / name).read_bytes(), np.uint8) for place in (reference, other)
        )
        if first.shape != second.shape:
            found.add(f"{what} {name}", f"{first.size} bytes, then {second.size}")
        else:
            unequal = int((first != second).sum())
            worst = (
                f"{unequal} of {first.size} bytes, at most by {largest_difference(first, second)}"
            )
            found.add(f"{what} {name}", worst if unequal else None)


def _compare_tables(reference: Path, other: Path, what: str, found: Comparison) -> None:
    first, second = pq.read_table(reference), pq.read_table(other)
    for name in sorted(set(first.column_names) ^ set(second.column_names)):
        found.add(f"{what} {name}", "a column of one of them only")
    for name in sorted(set(first.column_names) & set(second.column_names)):
        one, two = first.column(name), second.column(name)
        if one.type != two.type:
            found.add(f"{what} {name}", f"{one.type}, then {two.type}")
            continue
        rows = [column.to_pylist() for column in (one, two)]
        if repr(rows[0]) == repr(rows[1]):  # exact, and NaN equals NaN
            found.add(f"{what} {name}", None)
            continue
        before, after = (dict(numbers(column)) for column in rows)
        apart = [difference(before[key], after[key]) for key in before.keys() & after.keys()]
        worst = f"at most by {max(apart):.3g}" if any(apart) else "other values"
        found.add(f"{what} {name}", worst)
