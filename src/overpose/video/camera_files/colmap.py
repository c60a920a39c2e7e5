"""COLMAP's text: `cameras.txt`, and beside it `images.txt`, whose places have no known scale."""

from pathlib import Path

import numpy as np

from overpose.video.camera_files.filed import FiledCamera

COLMAP = ("cameras.txt", "images.txt")
"""Its files that are read; the second one need not be there."""
MODELS: dict[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "FULL_OPENCV": (
        "fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6",
    ),
}  # fmt: skip
"""Its camera models that are read, and the order of their numbers."""


def read_colmap(path: Path) -> list[FiledCamera]:
    """The images of `images.txt`, or where there is none the cameras, under the number of each.

    Args:
        path: `cameras.txt`, or the directory that it is in.
    """
    file = path / COLMAP[0] if path.is_dir() else path
    cameras = {}
    for line in filter(None, _lines(file)):
        number, model, wide, high, *values = line.split()
        cameras[number] = _camera(number, model, (float(wide), float(high)), values)
    images = file.with_name(COLMAP[1])
    if not images.is_file():
        return list(cameras.values())
    from scipy.spatial.transform import Rotation  # slow to import

    placed = []
    for line in _lines(images)[::2]:  # every other line holds points
        if not line:
            continue
        _, *numbers = line.split(maxsplit=9)
        turn, moved, camera, name = numbers[:4], numbers[4:7], numbers[7], numbers[8]
        w, x, y, z = map(float, turn)
        rotation = Rotation.from_quat([x, y, z, w]).as_matrix()
        if camera not in cameras:
            raise ValueError(f"image {name} is of camera {camera}, which {COLMAP[0]} does not have")
        of = cameras[camera]
        placed.append(
            FiledCamera(
                Path(name).stem, of.matrix, of.distortion, of.size, rotation,
                np.array(moved, dtype=np.float64), None, of.is_fisheye, True,
            )
        )  # fmt: skip
    return placed or list(cameras.values())


def _camera(number: str, model: str, size: tuple[float, float], values: list[str]) -> FiledCamera:
    names = MODELS.get(model)
    if names is None:
        fisheye = FiledCamera(number, np.eye(3), size=size, is_fisheye=True)
        if "FISHEYE" in model or model == "FOV":
            return fisheye
        raise ValueError(f"camera model {model}, expected one of {', '.join(MODELS)}")
    if len(values) != len(names):
        raise ValueError(f"camera model {model} with {len(values)} numbers, expected {len(names)}")
    of = dict(zip(names, map(float, values), strict=True))
    matrix = np.array(
        [
            [of.get("fx", of.get("f")), 0.0, of["cx"]],
            [0.0, of.get("fy", of.get("f")), of["cy"]],
            [0.0, 0.0, 1.0],
        ]
    )
    kinds = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
    bends = [of.get(kind, 0.0) for kind in kinds]
    count = 8 if any(bends[4:]) else 4 if any(bends) else 0
    return FiledCamera(number, matrix, bends[:count], size, has_corner_origin=True)


def _lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if not line.startswith("#")]
