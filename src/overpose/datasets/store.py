"""Reading a dataset: its columns as numpy arrays, its images one by one without reading the rest.

What its files say is checked by `description`; writing belongs to `writer`, the format to `layout`.
"""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from overpose.camera import Camera
from overpose.datasets.description import RENDER_AGAIN, DatasetInfo, read_description
from overpose.datasets.layout import JOINTS, TABLE_SCHEMA, declared_size
from overpose.support.errors import InputError, raise_if_of_memory
from overpose.support.object_storage import RemotePath, path_of, read_ranges

Place = tuple[str, int, int]
"""Shard, offset and length of an image or a mask, bytes."""


class _Shards:
    """The shard files of a directory: mapped into memory when first read, or, in object storage,
    asked for the pieces that are wanted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._maps: dict[str, mmap.mmap] = {}

    def pieces(self, places: Sequence[Place]) -> list[np.ndarray]:
        """(length,) uint8 of each shard, offset and length.

        Raises:
            FileNotFoundError: a shard is missing; it is named.
            ValueError: a local one ends before.
        """
        if isinstance(self.directory, RemotePath):
            wanted = [(self.directory / name, offset, length) for name, offset, length in places]
            return [np.frombuffer(data, dtype=np.uint8) for data in read_ranges(wanted)]
        return [self._mapped(*place) for place in places]

    def _mapped(self, name: str, offset: int, length: int) -> np.ndarray:
        mapped = self._maps.get(name)
        if mapped is None:
            with (self.directory / name).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._maps[name] = mapped
        return np.frombuffer(mapped, dtype=np.uint8, count=length, offset=offset)

    def close(self) -> None:
        while self._maps:
            self._maps.popitem()[1].close()

    def __getstate__(self) -> dict[str, Any]:
        return {"directory": self.directory, "_maps": {}}


class Dataset:
    """Labelled images on disk; made by `open_dataset`, read-only, cheap to send to processes.

    Attributes:
        info: what the dataset is.
        poses_mm: (N, 17, 3) float32 mm, camera axes, root-relative.
        root_mm: (N, 3) float32 mm, the pelvis in camera axes.
        keypoints_px: (N, 17, 3) float32: x, y in pixels of the crop, visibility 0 or 1.
        boxes_px: (N, 3) float64: x0, y0, side of the crop in pixels of the full camera.
        subjects, actions, trials, splits: (N,) str; `splits` holds train, val, test.
        cameras: (N,) int64, which camera of the rig.
        frames: (N,) int64, frame of the trial.
        takes: (N,) int64, which rendering of the trial.
    """

    def __init__(self, info: DatasetInfo, table: pa.Table, shards: _Shards) -> None:
        self.info = info
        self._table = table
        self._shards = shards
        count = table.num_rows
        self.poses_mm = _array(table, "pose_mm").reshape(count, JOINTS, 3)
        self.root_mm = _array(table, "root_mm")
        points = _array(table, "keypoints_px").reshape(count, JOINTS, 2)
        visible = _array(table, "keypoints_visible").reshape(count, JOINTS, 1)
        self.keypoints_px = np.concatenate([points, visible.astype(np.float32)], axis=2)
        self.boxes_px = _array(table, "box_px")
        self.subjects = _strings(table, "subject")
        self.actions = _strings(table, "action")
        self.trials = _strings(table, "trial")
        self.splits = _strings(table, "split")
        self.cameras = _array(table, "camera").astype(np.int64)
        self.frames = _array(table, "frame").astype(np.int64)
        self.takes = _array(table, "take").astype(np.int64)
        places = [table.column(name).to_pylist() for name in ("shard", "offset", "length")]
        self._places: list[Place] = list(zip(*places, strict=True))

    def __len__(self) -> int:
        return self._table.num_rows

    def __enter__(self) -> "Dataset":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the shards of this dataset and its views; a later read maps them again."""
        self._shards.close()

    def image(self, index: int) -> np.ndarray:
        """Sample `index`'s image, (S, S, 3) uint8 RGB.

        Raises:
            InputError: there is no such sample, or its image is damaged.
        """
        return self.images([index])[0]

    def images(self, indices: ArrayLike) -> np.ndarray:
        """Several samples' images, (n, S, S, 3) uint8 RGB, in the order asked for.

        Raises:
            InputError: there is no such sample, or an image is damaged.
        """
        wanted = self._checked(np.asarray(indices))
        size = self.info.image_size
        images = np.zeros((len(wanted), size, size, 3), dtype=np.uint8)  # touched as it is filled
        pieces = self._pieces([self._places[index] for index in wanted.tolist()])
        for place, (index, data) in enumerate(zip(wanted.tolist(), pieces, strict=True)):
            decoded = self._decoded(data, cv2.IMREAD_COLOR)
            if decoded is None or decoded.shape != (size, size, 3):
                raise InputError(f"{self._where(index)}: the image is damaged; {RENDER_AGAIN}")
            cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB, dst=images[place])
        return images

    def mask(self, index: int) -> np.ndarray:
        """Sample `index`'s foreground mask, (S, S) bool.

        Raises:
            InputError: there is no such sample, it has no mask, or the mask is damaged.
        """
        checked = self._checked(np.array([index]))
        if self._without_mask[checked[0]]:
            raise InputError(f"{self._where(int(checked[0]))}: has no mask")
        return self._masks(checked)[0]

    def masked_images(self, indices: ArrayLike) -> np.ndarray:
        """Images with their masks, (n, S, S, 4) uint8: RGB, and 255 where the person is.

        Where a sample has no mask, all of it is 0.

        Raises:
            InputError: as `images` and `mask`.
        """
        wanted = self._checked(np.asarray(indices))
        images = self.images(wanted)
        masks = np.zeros((*images.shape[:3], 1), dtype=np.uint8)
        there = np.flatnonzero(~self._without_mask[wanted])
        for place, mask in zip(there.tolist(), self._masks(wanted[there]), strict=True):
            masks[place, ..., 0] = mask * np.uint8(255)
        return np.concatenate([images, masks], axis=3)

    def camera(self, index: int) -> Camera:
        """The camera of sample `index`'s image: it projects world points to pixels of the crop."""
        return self._camera(index, "crop", self.info.image_size, self.info.image_size)

    def full_camera(self, index: int) -> Camera:
        """The camera that sample `index` was cut out of: projects to pixels of the full image."""
        return self._camera(index, "camera", None, None)

    @property
    def rotations(self) -> np.ndarray:
        """(N, 3, 3) float64: of each sample's camera, from world axes with z up."""
        return _array(self._table, "camera_rotation").reshape(-1, 3, 3)

    def select(self, which: ArrayLike) -> "Dataset":
        """A view of some samples: a bool mask (N,) or integer indices, in the order given.

        Raises:
            InputError: the mask has another length, or an index does not exist.
        """
        chosen = np.asarray(which)
        if chosen.dtype == np.bool_:
            if chosen.shape != (len(self),):
                raise InputError(f"select: got a mask {chosen.shape}, expected ({len(self)},)")
            chosen = np.flatnonzero(chosen)
        indices = self._checked(chosen)
        return Dataset(self.info, self._table.take(pa.array(indices)), self._shards)

    @property
    def has_masks(self) -> bool:
        """Whether any sample has a mask."""
        return self._table.column("mask_shard").null_count < len(self)

    def with_splits(self, splits: np.ndarray) -> "Dataset":
        """A view of the same samples in other splits, (N,) of train, val, test."""
        place = self._table.schema.get_field_index("split")
        column = pa.array(splits.tolist(), self._table.schema.field(place).type)
        table = self._table.set_column(place, self._table.schema.field(place), column)
        return Dataset(self.info, table, self._shards)

    def _camera(self, index: int, prefix: str, width: int | None, height: int | None) -> Camera:
        index = int(self._checked(np.array([index]))[0])
        row = self._row(index, tuple(n for n in TABLE_SCHEMA.names if n.startswith(_CAMERAS)))
        return Camera(
            focal_px=np.array(row[f"{prefix}_focal_px"]),
            center_px=np.array(row[f"{prefix}_center_px"]),
            rotation=np.array(row["camera_rotation"]).reshape(3, 3),
            translation_mm=np.array(row["camera_translation_mm"]),
            width=width or row["camera_width"],
            height=height or row["camera_height"],
            distortion=tuple(row["camera_distortion"]),
            model=row["camera_model"],
        )

    @property
    def _without_mask(self) -> np.ndarray:
        """(N,) bool."""
        return self._table.column("mask_shard").is_null().to_numpy()

    def _masks(self, indices: np.ndarray) -> list[np.ndarray]:
        """Masks of samples that have one, (S, S) bool each."""
        columns = ("mask_shard", "mask_offset", "mask_length")
        rows = self._table.select(list(columns)).take(pa.array(indices)).to_pylist()
        pieces = self._pieces([(*(row[name] for name in columns),) for row in rows])
        masks = []
        for index, data in zip(indices.tolist(), pieces, strict=True):
            decoded = self._decoded(data, cv2.IMREAD_GRAYSCALE)
            if decoded is None or decoded.shape != (self.info.image_size,) * 2:
                raise InputError(f"{self._where(index)}: the mask is damaged; {RENDER_AGAIN}")
            masks.append(decoded > 127)
        return masks

    def _pieces(self, places: Sequence[Place]) -> list[np.ndarray]:
        try:
            return self._shards.pieces(places)
        except FileNotFoundError as error:
            missing = self.info.path / Path(error.filename).name
            raise InputError(f"{missing}: the shard is missing; {RENDER_AGAIN}") from None

    def _decoded(self, data: np.ndarray, flags: int) -> np.ndarray | None:
        size = self.info.image_size
        try:
            if declared_size(data) != (size, size):  # before memory is taken for it
                return None
            return cv2.imdecode(data, flags)
        except (ValueError, cv2.error) as error:
            raise_if_of_memory(error)
            return None

    def _row(self, index: int, columns: tuple[str, ...]) -> dict[str, Any]:
        return self._table.select(list(columns)).slice(index, 1).to_pylist()[0]

    def _where(self, index: int) -> str:
        return (
            f"{self.info.path}: sample {index} (trial {self.trials[index]}, camera "
            f"{self.cameras[index]}, frame {self.frames[index]}, in {self._places[index][0]})"
        )

    def _checked(self, indices: np.ndarray) -> np.ndarray:
        if indices.size == 0:
            return np.zeros(0, dtype=np.int64)
        if indices.ndim != 1 or indices.dtype.kind not in "iu":
            raise InputError(
                f"indices: got {indices.dtype} {indices.shape}, expected whole numbers (n,)"
            )
        if indices.min() < 0 or indices.max() >= len(self):
            wrong = int(indices.min()) if indices.min() < 0 else int(indices.max())
            raise InputError(f"index {wrong}: the dataset has samples 0 to {len(self) - 1}")
        return indices.astype(np.int64)


def open_dataset(path: Path | str, *, verify: bool = False) -> Dataset:
    """Open a dataset's directory.

    Args:
        path: the directory; as text also one in object storage (`s3://`), of which the pieces are
            read that are asked for.
        verify: also compare every file with its SHA-256, which reads all of it; otherwise only
            presence and sizes are checked.

    Raises:
        InputError: there is no finished dataset of this version, or a file is missing, truncated
            or (with `verify`) altered; the message names the file.
    """
    directory = path_of(path)
    return Dataset(*read_description(directory, verify=verify), _Shards(directory))


_CAMERAS = ("camera_", "crop_")


def _array(table: pa.Table, name: str) -> np.ndarray:
    column = table.column(name).combine_chunks()
    kind = table.schema.field(name).type
    if not pa.types.is_fixed_size_list(kind):
        return column.to_numpy(zero_copy_only=False)
    # A copy: arrow's own memory is read-only, which torch warns about.
    values = np.array(column.flatten().to_numpy(zero_copy_only=False))
    return values.reshape(table.num_rows, kind.list_size)


def _strings(table: pa.Table, name: str) -> np.ndarray:
    return np.array(table.column(name).to_pylist(), dtype=np.str_)
