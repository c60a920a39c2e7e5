"""A user's own images and poses: what is laid out how, and everything that is wrong with it.

The layout is described in docs/own-data.md; making a dataset of it is `own`'s part.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from overpose.camera import Camera
from overpose.datasets.layout import SPLITS
from overpose.errors import InputError
from overpose.metrics import limb_lengths
from overpose.skeleton import HUMAN36M
from overpose.studio.box import paper_box

TABLES = ("samples.csv", "samples.parquet")
NAMES = ("image", "subject", "action", "split")
"""Columns that must be there, besides those of the pose."""
OPTIONAL_NAMES = ("trial", "mask")
OPTIONAL_NUMBERS = (
    "camera", "frame", "focal_px", "center_x_px", "center_y_px",
    "box_x_px", "box_y_px", "box_side_px",
)  # fmt: skip
_BOX = ("box_x_px", "box_y_px", "box_side_px")
_LARGEST_BOX = 4
_ASSUMED_FOCAL = 1.2
"""Of the longer side of the image, where no camera is known: it only fills the table's columns."""
_NEVER_EMPTY = ("image", "subject", "action", "split")
_METRES_BELOW = 10.0
"""No limb is so short in millimetres, none so long in metres."""
_PLAUSIBLE_LIMB_MM = (30.0, 1200.0)


def pose_columns(unit: str = "mm") -> list[str]:
    """Names of the columns of a pose: `pelvis_x_mm`, `pelvis_y_mm`, … (px: no z)."""
    axes = "xyz" if unit == "mm" else "xy"
    return [f"{joint}_{axis}_{unit}" for joint in HUMAN36M.joint_names for axis in axes]


@dataclass(frozen=True, eq=False)
class OwnTable:
    """The table, read.

    Attributes:
        directory: where it lies.
        text: the columns of names, (N,) str each; `mask` is "" where there is none.
        numbers: the optional columns of numbers that are there, (N,) float64 each.
        poses_mm: (N, 17, 3) float64, camera axes.
        points_px: (N, 17, 2) float64, or None.
    """

    directory: Path
    text: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]
    poses_mm: np.ndarray
    points_px: np.ndarray | None

    def __len__(self) -> int:
        return len(self.poses_mm)

    @property
    def is_root_relative(self) -> bool:
        """Whether the pelvis is at the origin throughout: where people stand is not known."""
        return bool((self.poses_mm[:, 0] == 0).all())

    @property
    def has_camera(self) -> bool:
        """Whether positions can be projected into the images."""
        return "focal_px" in self.numbers and not self.is_root_relative

    @property
    def has_box(self) -> bool:
        """Whether the crops are given."""
        return all(name in self.numbers for name in _BOX)

    def image_path(self, row: int) -> Path:
        """The image of a sample."""
        return self.directory / str(self.text["image"][row])

    def mask_path(self, row: int) -> Path | None:
        """The mask of a sample: as the table says, or masks/NAME.png beside images/NAME.jpg."""
        if self.text["mask"][row]:
            return self.directory / str(self.text["mask"][row])
        parts = PurePosixPath(str(self.text["image"][row])).parts
        inner = parts[1:] if parts[0] == "images" else parts
        found = self.directory.joinpath("masks", *inner).with_suffix(".png")
        return found if found.is_file() else None

    def camera(self, row: int, width: int, height: int) -> Camera:
        """The camera of a sample's image; without `focal_px` an assumed one."""
        focal = _ASSUMED_FOCAL * max(width, height)
        if "focal_px" in self.numbers:
            focal = float(self.numbers["focal_px"][row])
        center = np.array([width / 2, height / 2])
        if "center_x_px" in self.numbers:
            center = np.array([self.numbers[f"center_{axis}_px"][row] for axis in "xy"])
        return Camera(
            focal_px=np.array([focal, focal]),
            center_px=center,
            rotation=np.eye(3),
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
            left, top, side = (float(self.numbers[name][row]) for name in _BOX)
            return round(left), round(top), max(1, round(side))
        if self.has_camera:
            return paper_box(self.poses_mm[row], camera)
        return 0, 0, camera.width


@dataclass
class Findings:
    """What a check found.

    Attributes:
        table: the samples, if they could be read.
        problems: one line each; with any, no dataset can be made.
    """

    table: OwnTable | None = None
    problems: list[str] = field(default_factory=list)

    def group(self, what: str, rows: np.ndarray) -> None:
        """Note a problem of some rows, numbered from 1, the header left out."""
        if len(rows):
            many = f"{len(rows)} rows, the first is row" if len(rows) > 1 else "row"
            self.problems.append(f"{what} ({many} {int(rows[0]) + 1})")


def check_own_data(directory: Path) -> Findings:
    """Read a directory of images and poses and name everything that is wrong with it.

    Raises:
        InputError: there is no such directory.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; expected images and {TABLES[0]}")
    findings = Findings()
    read = _read(directory, findings)
    if read is None:
        return findings
    table = findings.table = _columns(directory, read, findings)
    if table is None:
        return findings
    _check_names(table, findings)
    _check_poses(table, findings)
    _check_numbers(table, findings)
    _check_files(table, findings)
    return findings


def _read(directory: Path, findings: Findings) -> pa.Table | None:
    there = [directory / name for name in TABLES if (directory / name).is_file()]
    if len(there) != 1:
        got = "both" if there else "neither"
        findings.problems.append(f"got {got} of {' and '.join(TABLES)}, expected one of them")
        return None
    path = there[0]
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path, memory_map=False)
        text = pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys((*NAMES, *OPTIONAL_NAMES), pa.string()),
            null_values=[""],  # "NA" and "null" are names like others
            strings_can_be_null=True,
        )
        return pyarrow.csv.read_csv(path, convert_options=text)
    except (pa.ArrowException, OSError, ValueError) as error:
        line = (str(error).splitlines() or ["damaged"])[0]
        findings.problems.append(f"{path.name}: not a readable table ({line})")
        return None


def _columns(directory: Path, read: pa.Table, findings: Findings) -> OwnTable | None:
    known = [*NAMES, *OPTIONAL_NAMES, *OPTIONAL_NUMBERS, *pose_columns(), *pose_columns("px")]
    there = read.column_names
    for name in there:
        if name not in known and (close := get_close_matches(name, known, 1, 0.8)):
            findings.problems.append(f"column {name!r} is not known; did you mean {close[0]!r}?")
    twice = sorted({name for name in there if there.count(name) > 1})
    if twice:
        findings.problems.append(f"columns {', '.join(twice)} are there more than once")
        return None
    missing = [name for name in NAMES if name not in there]
    if missing:
        findings.problems.append(f"columns {', '.join(missing)} are missing")
    joints = [
        joint
        for joint in HUMAN36M.joint_names
        if not all(f"{joint}_{axis}_mm" in there for axis in "xyz")
    ]
    if joints:
        findings.problems.append(
            f"got x, y and z in mm of {17 - len(joints)} joints, expected 17: "
            f"{', '.join(joints)} missing (columns such as {joints[0]}_x_mm)"
        )
    if missing or joints:
        return None
    if read.num_rows == 0:
        findings.problems.append("the table has no rows, expected one a sample")
        return None
    partly = [name for name in pose_columns("px") if name not in there]
    has_points = not partly
    if partly and len(partly) < len(pose_columns("px")):
        findings.problems.append(f"2D joints: columns {', '.join(partly)} are missing")
    wanted = [*pose_columns(), *(pose_columns("px") if has_points else [])]
    numbers = [name for name in OPTIONAL_NUMBERS if name in there]
    values = {name: _numbers(read, name, findings) for name in (*wanted, *numbers)}
    if any(column is None for column in values.values()):
        return None
    text = {
        name: np.array(pc.fill_null(read.column(name).cast(pa.string()), "").to_pylist(), str)
        if name in there
        else np.full(read.num_rows, "", dtype=str)
        for name in (*NAMES, *OPTIONAL_NAMES)
    }
    poses = np.stack([_known(values[name]) for name in pose_columns()], axis=1)
    points = None
    if has_points:
        flat = np.stack([_known(values[name]) for name in pose_columns("px")], axis=1)
        points = flat.reshape(-1, 17, 2)
    found = {name: _known(values[name]) for name in numbers}
    return OwnTable(directory, text, found, poses.reshape(-1, 17, 3), points)


def _numbers(read: pa.Table, name: str, findings: Findings) -> np.ndarray | None:
    try:
        column = read.column(name).cast(pa.float64())
    except (pa.ArrowException, ValueError):
        findings.problems.append(f"column {name!r} holds text, expected numbers")
        return None
    return column.to_numpy(zero_copy_only=False).astype(np.float64)


def _known(values: np.ndarray | None) -> np.ndarray:
    assert values is not None
    return values


def _check_names(table: OwnTable, findings: Findings) -> None:
    for name in _NEVER_EMPTY:
        findings.group(f"{name} is empty", np.flatnonzero(table.text[name] == ""))
    split = table.text["split"]
    odd = ~np.isin(split, (*SPLITS, ""))
    for name in np.unique(split[odd]).tolist():
        findings.group(
            f"split {name!r}, expected {', '.join(SPLITS)}", np.flatnonzero(split == name)
        )
    subjects = table.text["subject"]
    both = set(subjects[split == "test"]) & set(subjects[np.isin(split, ("train", "val"))])
    if both:
        findings.problems.append(
            f"subjects {', '.join(sorted(both))} are in test and in train or val; expected people "
            "of their own in test"
        )
    for name in ("train", "test"):
        if name not in split:
            findings.problems.append(f"no rows of split {name!r}")
    seen: dict[tuple[str, ...], int] = {}
    doubles = []
    boxes = [table.numbers[n] for n in _BOX if n in table.numbers]
    for row, image in enumerate(table.text["image"].tolist()):
        key = (image, *(str(column[row]) for column in boxes))
        if seen.setdefault(key, row) != row:
            doubles.append(row)
    findings.group("the same image, or box of it, as in an earlier row", np.array(doubles))


def _check_poses(table: OwnTable, findings: Findings) -> None:
    whole = np.isfinite(table.poses_mm).all(axis=(1, 2))
    findings.group("NaN or infinity in the pose", np.flatnonzero(~whole))
    if not whole.any():
        return
    lengths = limb_lengths(table.poses_mm[whole])
    longest = lengths.max(axis=1)
    if np.median(longest) < _METRES_BELOW:
        findings.problems.append(
            f"the longest limb measures {np.median(longest):.3g}: that looks like metres, expected "
            "millimetres; multiply by 1000"
        )
        return
    low, high = _PLAUSIBLE_LIMB_MM
    odd = (lengths < low).any(axis=1) | (lengths > high).any(axis=1)
    findings.group(
        f"a limb shorter than {low:.0f} or longer than {high:.0f} mm",
        np.flatnonzero(whole)[odd],
    )
    head, pelvis = HUMAN36M.index("head_top"), HUMAN36M.index("pelvis")
    below = table.poses_mm[whole, head, 1] > table.poses_mm[whole, pelvis, 1]
    if below.mean() > 0.8:
        findings.problems.append(
            "the head is below the pelvis in most poses: y seems to point up, expected camera axes "
            "(x right, y down, z forward); change the signs of y and z"
        )
    if not table.is_root_relative:
        behind = (table.poses_mm[whole, :, 2] <= 0).any(axis=1)
        findings.group(
            "a joint is not in front of the camera (z <= 0); give positions in camera axes, or the "
            "pelvis at 0 in all rows",
            np.flatnonzero(whole)[behind],
        )


def _check_numbers(table: OwnTable, findings: Findings) -> None:
    for name, values in table.numbers.items():
        findings.group(f"{name} is not a number", np.flatnonzero(~np.isfinite(values)))
        if name in ("focal_px", "box_side_px"):
            findings.group(f"{name} is not positive", np.flatnonzero(values <= 0))
    for first, *others in (
        ("center_x_px", "center_y_px"),
        _BOX,
    ):
        group = [first, *others]
        there = [name for name in group if name in table.numbers]
        if there and len(there) < len(group):
            findings.problems.append(f"got {', '.join(there)}, expected {', '.join(group)}")
    if table.points_px is not None:
        odd = ~np.isfinite(table.points_px).all(axis=(1, 2))
        findings.group("NaN or infinity in the 2D joints", np.flatnonzero(odd))


def _check_files(table: OwnTable, findings: Findings) -> None:
    problems: dict[str, list[int]] = {}
    for row, what in _file_problems(table):
        problems.setdefault(what, []).append(row)
    for what, rows in problems.items():
        findings.group(what, np.array(rows))


def _file_problems(table: OwnTable) -> Iterator[tuple[int, str]]:
    """Rows and what is wrong with their image or mask."""
    needs_square = not table.has_box and not table.has_camera
    for row in range(len(table)):
        names = [name for name in (table.text[c][row] for c in ("image", "mask")) if name]
        if any(not _is_inside(str(name)) for name in names):
            yield row, "a path leaves the directory, expected one relative to it"
            continue
        if not table.text["image"][row]:
            continue
        path = table.image_path(row)
        if not path.is_file():
            yield row, "there is no such image"
            continue
        image = read_image(path)
        if image is None:
            yield row, "the image cannot be read"
            continue
        if needs_square and image.shape[0] != image.shape[1]:
            yield row, "the image is not square, and neither box nor camera says where to crop"
        if table.has_box:
            if (what := _box_problem(table, row, *image.shape[1::-1])) is not None:
                yield row, what
        elif table.has_camera and np.isfinite(table.poses_mm[row]).all():
            try:
                table.box(row, table.camera(row, *image.shape[1::-1]))
            except InputError:
                yield row, "by its pose and camera the person is outside the image"
        mask = table.mask_path(row)
        if mask is None:
            continue
        found = read_image(mask) if mask.is_file() else None
        if found is None:
            yield row, "the mask is missing or cannot be read"
        elif found.shape != image.shape:
            yield row, "the mask has another size than the image"


def _box_problem(table: OwnTable, row: int, width: int, height: int) -> str | None:
    left, top, side = (float(table.numbers[name][row]) for name in _BOX)
    if not np.isfinite([left, top, side]).all() or side <= 0:
        return None  # said with the numbers
    if side > _LARGEST_BOX * max(width, height):
        return f"the box is more than {_LARGEST_BOX} times as large as the image"
    if left >= width or top >= height or left + side <= 0 or top + side <= 0:
        return "the box lies outside the image"
    return None


def read_image(path: Path) -> np.ndarray | None:
    """(height, width, 3) uint8 RGB as it lies in the file, whatever EXIF says; None if damaged."""
    try:
        data = np.fromfile(path, np.uint8)
        found = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except (OSError, cv2.error):
        return None
    return None if found is None else cv2.cvtColor(found, cv2.COLOR_BGR2RGB)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and ":" not in path.parts[0]
    )
