"""A user's own images and poses, made up, for the tests of checking and converting them."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from standing_body import REST_MM

from overpose.datasets.own.checks import check_own_data
from overpose.datasets.own.table import pose_columns

FOCAL, WIDTH, HEIGHT = 300.0, 320, 240


def frame_of(count: int = 6, *, absolute: bool = True) -> pd.DataFrame:
    """The table of `count` standing people, in front of the camera or relative to the pelvis."""
    rng = np.random.default_rng(0)
    poses = REST_MM + rng.normal(0, 10, (count, 17, 3))
    poses -= poses[:, :1]
    if absolute:
        poses += np.array([100.0, 50.0, 3500.0])
    table = pd.DataFrame(poses.reshape(count, 51), columns=pose_columns())
    table["image"] = [f"images/a/{row:04d}.png" for row in range(count)]
    table["subject"] = ["anna", "ben"] * (count // 2)
    table["split"] = ["train", "test"] * (count // 2)
    table["action"] = "jumping"
    return table


def axis_columns(axis: str) -> list[str]:
    """The columns of one axis of all joints."""
    return [name for name in pose_columns() if f"_{axis}_" in name]


def write(directory: Path, table: pd.DataFrame, *, square: bool = False, kind: str = "csv") -> Path:
    """The table, and a picture for each row whose green is its number."""
    directory.mkdir(parents=True, exist_ok=True)
    for row, name in enumerate(table.get("image", ())):
        path = directory / name
        if ".." in name:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.full((HEIGHT, HEIGHT if square else WIDTH, 3), (0, 10 * row, 200), np.uint8)
        cv2.imwrite(str(path), image)
    path = directory / f"samples.{kind}"
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    return directory


def problems(directory: Path) -> list[str]:
    """What the check finds wrong."""
    return check_own_data(directory).problems


def assert_all_named(directory: Path, *expected: str) -> None:
    """One check names each of some problems."""
    found = "\n".join(problems(directory))
    for text in expected:
        assert text in found, f"{text!r} is not in:\n{found}"
