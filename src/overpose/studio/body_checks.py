"""Whether arrays are a body: a file of the cache may be anybody's, and nothing that is drawn or
moved looks again.

What the arrays mean is said by `body.BodyModel`.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from overpose.studio.body_export import (
    BONES,
    GROUPS,
    LENGTH_CHANGES,
    WEIGHTS_PER_VERTEX,
    phenotype_labels,
)

_ARRAYS = {
    "template_mm": ("V", 3, "float32"),
    "shape_steps": ("K", "V", 3, "int16"),
    "shape_step_mm": ("K", "float32"),
    "bone_parents": ("B", "int32"),
    "bone_heads_mm": ("B", 3, "float32"),
    "bone_tails_mm": ("B", 3, "float32"),
    "bone_head_shapes_mm": ("K", "B", 3, "float32"),
    "bone_tail_shapes_mm": ("K", "B", 3, "float32"),
    "weight_indices": ("V", WEIGHTS_PER_VERTEX, "uint8"),
    "weights": ("V", WEIGHTS_PER_VERTEX, "float32"),
    "faces": ("F", 3, "int32"),
    "face_group": ("F", "uint8"),
    "texture_coordinates": ("T", 2, "float32"),
    "face_texture": ("F", 3, "int32"),
    "base_mesh_index": ("V", "int32"),
    "brow_lift_mm": ("V", "float32"),
    "lips": ("V", "float32"),
    "ears": ("V", "float32"),
}
"""Shape, in sizes or their names, and type of each array of numbers."""
_FARTHEST_MM = 1e5
_SUMS_TO_ONE = 1e-4


def body_problems(arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
    """What makes these arrays, by name, no body such as `body_export.export_body` gives."""
    changes = [f"{name}{sign}" for name in LENGTH_CHANGES for sign in "+-"]
    names = {
        "bone_names": BONES,
        "group_names": GROUPS,
        "shape_labels": (*phenotype_labels(), *changes),
    }
    known = {*names, *_ARRAYS}
    if odd := sorted(known ^ arrays.keys()):
        yield f"array {odd[0]!r} is {'missing' if odd[0] in known else 'unknown'}"
        return
    for name, expected in names.items():
        if tuple(map(str, np.ravel(arrays[name]))) != tuple(expected):
            yield f"{name} are others than expected"
    sizes = {"B": len(BONES), "K": len(names["shape_labels"])}
    for name, (*shape, dtype) in _ARRAYS.items():
        array = arrays[name]
        if array.dtype != dtype or array.ndim != len(shape):
            yield f"{name} is {array.dtype} {array.shape}, expected {dtype} {tuple(shape)}"
            return
        for size, wanted in zip(array.shape, shape, strict=True):
            right = wanted if isinstance(wanted, int) else sizes.setdefault(str(wanted), size)
            if size != right or size == 0:
                yield f"{name} has shape {array.shape}, expected {tuple(shape)} with {sizes}"
                return
        if dtype == "float32" and not (np.abs(array) <= _FARTHEST_MM).all():
            yield f"{name} holds numbers that are not finite, or beyond {_FARTHEST_MM:g}"
    indices = (
        ("weight_indices", sizes["B"]), ("faces", sizes["V"]), ("face_texture", sizes["T"]),
        ("face_group", len(GROUPS)), ("base_mesh_index", np.iinfo(np.int32).max),
    )  # fmt: skip
    for name, count in indices:
        low, high = int(arrays[name].min()), int(arrays[name].max())
        if low < 0 or high >= count:
            yield f"{name} holds {low} to {high}, expected 0 to {count - 1}"
    parents = arrays["bone_parents"]
    if parents[0] != -1 or (parents[1:] < 0).any() or (parents >= np.arange(len(parents))).any():
        yield "bone_parents: a bone is not after its parent"
    if (np.abs(arrays["weights"].sum(axis=1) - 1) > _SUMS_TO_ONE).any():
        yield "weights of a vertex do not sum to 1"
    if not (arrays["weights"] >= 0).all():
        yield "weights are negative"
    if set(np.unique(arrays["face_group"])) != set(range(len(GROUPS))):
        yield "face_group: a group has no faces"
