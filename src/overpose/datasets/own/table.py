"""A user's own images and poses as one table: its columns, and the camera and crop of each row.

The layout is described in docs/own-data.md. Reading the table belongs to `own_columns`, what is
wrong with it to `own_checks`, making a dataset of it to `own`.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from overpose.boxes import paper_box
from overpose.camera import Camera
from overpose.skeleton import HUMAN36M

TABLES = ("samples.csv", "samples.parquet")
NAMES = ("image", "subject", "action", "split")
"""Columns that must be there, besides those of the pose."""
OPTIONAL_NAMES = ("trial", "mask")
OPTIONAL_NUMBERS = (
    "camera", "frame", "focal_px", "center_x_px", "center_y_px",
    "box_x_px", "box_y_px", "box_side_px",
)  # fmt: skip
BOX = ("box_x_px", "box_y_px", "box_side_px")
CENTER = ("center_x_px", "center_y_px")
WHOLE_NUMBERS = ("camera", "frame")
_ASSUMED_FOCAL = 1.2
"""Of the longer side of the image, where no camera is known: it only fills the table's columns."""
_LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""World to camera of a level camera that looks along the world's y; the world's z points up."""
_AT_ORIGIN_MM = 1e-3
PELVIS = HUMAN36M.index("pelvis")


def pose_columns(unit: str = "mm") -> list[str]:
    """Names of the columns of a pose: `pelvis_x_mm`, `pelvis_y_mm`, … (px: no z)."""
    axes = "xyz" if unit == "mm" else "xy"
    return [f"{joint}_{axis}_{unit}" for joint in HUMAN36M.joint_names for axis in axes]


@dataclass(frozen=True, eq=False)
class OwnTable:
    """The table, read. Where something is wrong with it, parts may be missing.

    Attributes:
        directory: where it lies.
        text: the columns of names, (N,) str each; `mask` and `trial` are "" where there is none.
        numbers: the optional columns of numbers that are there, (N,) float64 each.
        poses_mm: (N, 17, 3) float64, camera axes; NaN where the table has no number.
        points_px: (N, 17, 2) float64, or None.
    """

    directory: Path
    text: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]
    poses_mm: np.ndarray
    points_px: np.ndarray | None

    def __len__(self) -> int:
        return len(self.poses_mm)

    @cached_property
    def at_origin(self) -> np.ndarray:
        """(N,) bool: the pelvis is at the origin, so that the pose is relative to it."""
        return np.asarray((np.abs(self.poses_mm[:, PELVIS]) < _AT_ORIGIN_MM).all(axis=1))

    @cached_property
    def is_root_relative(self) -> bool:
        """Whether the pelvis is at the origin throughout: where people stand is not known."""
        known = np.isfinite(self.poses_mm[:, PELVIS]).all(axis=1)
        return bool(known.any() and self.at_origin[known].all())

    @property
    def has_camera(self) -> bool:
        """Whether positions can be projected into the images."""
        return "focal_px" in self.numbers and not self.is_root_relative

    @property
    def has_box(self) -> bool:
        """Whether the crops are given."""
        return all(name in self.numbers for name in BOX)

    def image_path(self, row: int) -> Path:
        """The image of a sample."""
        return self.directory / str(self.text["image"][row])

    def mask_path(self, row: int) -> Path | None:
        """The mask of a sample: as the table says, or masks/NAME.png beside images/NAME.jpg.

        The one that the table names need not exist.

        Raises:
            OSError: the name cannot be looked up, such as one that is too long.
        """
        if "mask" in self.text and self.text["mask"][row]:
            return self.directory / str(self.text["mask"][row])
        parts = PurePosixPath(str(self.text["image"][row])).parts
        inner = parts[1:] if parts[0] == "images" else parts
        found = self.directory.joinpath("masks", *inner).with_suffix(".png")
        return found if found.exists() else None

    def camera(self, row: int, width: int, height: int) -> Camera:
        """The camera of a sample's image, level at the origin; without `focal_px` an assumed one.

        Raises:
            InputError: the numbers make no camera.
        """
        focal = _ASSUMED_FOCAL * max(width, height)
        if "focal_px" in self.numbers:
            focal = float(self.numbers["focal_px"][row])
        center = np.array([width / 2, height / 2])
        if all(name in self.numbers for name in CENTER):
            center = np.array([self.numbers[name][row] for name in CENTER])
        return Camera(
            focal_px=np.array([focal, focal]),
            center_px=center,
            rotation=_LEVEL,
            translation_mm=np.zeros(3),
            width=width,
            height=height,
        )

    def box(self, row: int, camera: Camera) -> tuple[int, int, int]:
        """Left, top and side of the crop: given, the paper's, or the whole square image.

        Raises:
            InputError: by its pose the person is outside the image.
        """
        if self.has_box:
            left, top, side = (float(self.numbers[name][row]) for name in BOX)
            return round(left), round(top), max(1, round(side))
        if self.has_camera:
            return paper_box(camera.to_world_mm(self.poses_mm[row]), camera)
        return 0, 0, camera.width


@dataclass
class Findings:
    """What a check found.

    Attributes:
        table: the samples, if they could be read; whole only where there are no problems.
        problems: one line each; with any, no dataset can be made.
        notes: one line each on what is taken otherwise than one may think.
        files_sha256: of each sample's image and mask ("" for none), 64 hexadecimal digits each.
    """

    table: OwnTable | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files_sha256: list[tuple[str, str]] = field(default_factory=list)

    def group(self, what: str, rows: np.ndarray) -> None:
        """Note a problem of some rows, numbered from 1, the header left out."""
        if len(rows):
            self.problems.append(f"{what} ({rows_text(rows)})")


def rows_text(rows: np.ndarray) -> str:
    """Which rows, one at least, numbered from 1, the header left out."""
    many = f"{len(rows)} rows, the first is row" if len(rows) > 1 else "row"
    return f"{many} {int(rows[0]) + 1}"
