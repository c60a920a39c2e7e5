"""OpenCV's YAML, JSON or XML, and ROS's camera_info: intrinsics, and a place where there is one."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from overpose.lens import LENS_SIZES
from overpose.video.camera_files.filed import FiledCamera

MATRIX = ("camera_matrix", "cameraMatrix", "Camera_Matrix", "K", "intrinsic_matrix", "M", "matrix",
          "mtx")  # fmt: skip
DISTORTION = (
    "distortion_coefficients", "Distortion_Coefficients", "distCoeffs", "dist_coeffs", "dist_coeff",
    "D", "distortions", "distortion", "dist",
)  # fmt: skip
ROTATION = ("R", "rotation", "rotation_matrix", "rvec", "rotation_vector")
TRANSLATION = ("T", "t", "translation", "tvec", "translation_vector")
SIZES = (("image_width", "image_height"), ("image_Width", "image_Height"), ("width", "height"))
_HEADER = "%YAML:1.0\n---\n"


def read_opencv(path: Path) -> list[FiledCamera]:
    """The camera of a file that `cv2.FileStorage` wrote, or that names its values as OpenCV's
    calibration samples and ROS do."""
    text = path.read_text(encoding="utf-8-sig")
    if not text.strip():
        return []
    if path.suffix.lower() in (".yaml", ".yml") and not text.startswith("%YAML"):
        text = _HEADER + text
    storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    try:
        matrix = _first(storage, MATRIX) if storage.root().isMap() else None
        if matrix is None:
            return []
        distortion = _first(storage, DISTORTION)
        model, fisheye = storage.getNode("distortion_model"), storage.getNode("fisheye_model")
        says_fisheye = model.isString() and model.string().lower() in ("equidistant", "fisheye")
        return [
            FiledCamera(
                name=path.stem,
                matrix=matrix.reshape(3, 3) if matrix.size == 9 else matrix,
                distortion=() if distortion is None else _trimmed(distortion.ravel()),
                size=_size(storage),
                rotation=_first(storage, ROTATION),
                translation=_first(storage, TRANSLATION),
                is_fisheye=says_fisheye or (fisheye.isInt() and fisheye.real() != 0),
            )
        ]
    finally:
        storage.release()


def _first(storage: cv2.FileStorage, names: tuple[str, ...]) -> np.ndarray | None:
    """The array under the first of these names that the file has."""
    for name in names:
        node = storage.getNode(name)
        if not node.empty():
            return np.array(_values(node), dtype=np.float64)
    return None


def _values(node: cv2.FileNode) -> Any:
    if node.isMap():
        if node.getNode("data").empty():
            raise ValueError("a matrix without data")
        values = np.array(_values(node.getNode("data")), dtype=np.float64)
        rows, cols = (node.getNode(name) for name in ("rows", "cols"))
        if rows.isInt() and cols.isInt():
            return values.reshape(int(rows.real()), int(cols.real()))
        return values
    if node.isSeq():
        return [_values(node.at(place)) for place in range(node.size())]
    if not (node.isInt() or node.isReal()):
        raise ValueError("text in place of a number")
    return node.real()


def _size(storage: cv2.FileStorage) -> tuple[float, float] | None:
    for names in SIZES:
        nodes = [storage.getNode(name) for name in names]
        if all(node.isInt() or node.isReal() for node in nodes):
            return nodes[0].real(), nodes[1].real()
    size = storage.getNode("image_size")
    if size.isSeq() and size.size() == 2:
        return size.at(0).real(), size.at(1).real()
    return None


def _trimmed(values: np.ndarray) -> tuple[float, ...]:
    """As many coefficients as lens models have: OpenCV writes up to 14, the last ones mostly 0."""
    kept = np.flatnonzero(values != 0)  # NaN is kept, to be refused
    needed = 0 if len(kept) == 0 else int(kept[-1]) + 1
    count = next((size for size in LENS_SIZES["opencv"] if size >= needed), len(values))
    return tuple(np.pad(values, (0, max(0, count - len(values))))[:count].tolist())
