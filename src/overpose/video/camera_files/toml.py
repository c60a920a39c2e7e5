"""TOML as Pose2Sim, Caliscope and Anipose write it: a table for each camera, metres."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from overpose.video.camera_files.filed import FiledCamera


def read_toml(path: Path) -> list[FiledCamera]:
    """Every table with a matrix, also those in a table `cameras`; the name is the table's own, or
    what it says."""
    return list(_cameras(tomllib.loads(path.read_text(encoding="utf-8"))))


def _cameras(tables: Mapping[str, Any]) -> Iterator[FiledCamera]:
    for key, table in tables.items():
        if not isinstance(table, Mapping):
            continue
        if "matrix" not in table:
            yield from _cameras(table)
            continue
        size = table.get("size")
        yield FiledCamera(
            name=str(table.get("name", key)),
            matrix=table["matrix"],
            distortion=tuple(table.get("distortions", ())),
            size=None if size is None else tuple(size),
            rotation=table.get("rotation"),
            translation=table.get("translation"),
            is_fisheye=bool(table.get("fisheye", False)),
        )
