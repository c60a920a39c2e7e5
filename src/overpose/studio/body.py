"""The human body: its shapes, its bones and the 17 joints on it.

World and rest frames: millimetres, z up; at rest the body faces -y and its left is at +x. Clothes,
movement and images do not belong here.
"""

import functools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from overpose.skeleton import HUMAN36M
from overpose.studio.body_checks import body_problems
from overpose.studio.body_export import load_body_asset
from overpose.support.assets import asset_path
from overpose.support.errors import InputError

JOINT_BONES = {
    "pelvis": ("Hips", 1.0),
    "right_hip": ("RightUpLeg", 0.0),
    "right_knee": ("RightLeg", 0.0),
    "right_ankle": ("RightFoot", 0.0),
    "left_hip": ("LeftUpLeg", 0.0),
    "left_knee": ("LeftLeg", 0.0),
    "left_ankle": ("LeftFoot", 0.0),
    "spine": ("Spine", 0.5),
    "neck": ("Spine1", 0.75),
    "left_shoulder": ("LeftArm", 0.0),
    "left_elbow": ("LeftForeArm", 0.0),
    "left_wrist": ("LeftHand", 0.0),
    "right_shoulder": ("RightArm", 0.0),
    "right_elbow": ("RightForeArm", 0.0),
    "right_wrist": ("RightHand", 0.0),
}
"""Where the joints of `HUMAN36M` lie: a bone and how far from its head to its tail.

The pelvis is the top of the bone Hips, 9 cm above and 3 cm behind the middle of the hips, where
CMU's skeletons have their root; spine and neck are at the heights (relative to hips and shoulders)
of the ends of CMU's upperback and lowerneck. Nose and head_top move with the bone Head: head_top is
the highest point of the skin; for the nose see `NOSE_SHARE`.
"""

NOSE_SHARE = 0.25
"""How far the joint nose is from the head's pivot, which is as high as the nose, to the tip.

Human3.6M's joint of that name is the pivot of its head, so its limbs keep their lengths. The tip's
distance from the neck changes with every nod, by up to 20 mm (standard deviation of a trial), this
point's by less than half of that; and neck, nose and head_top still tell where the head looks.
"""

AGE_RANGE = (2 / 3, 1.0)
"""Phenotype age of the shapes "young" and "old"."""

SOLE_MM = 30.0
"""What of a foot lies no higher above its lowest point is its sole."""

PHENOTYPE_DEFAULTS = {
    "gender": 0.5,
    "age": 0.7,
    "muscle": 0.5,
    "weight": 0.5,
    "height": 0.5,
    "proportions": 0.5,
    "african": 1 / 3,
    "asian": 1 / 3,
    "caucasian": 1 / 3,
}
"""Phenotypes: 0 male to 1 female, age within `AGE_RANGE`, others 0 to 1; ancestries are shares."""


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A parametric body: template, shapes, bones, skinning and faces, as numpy arrays.

    Attributes:
        template_mm: (V, 3) float32 vertices without any shape.
        shape_labels: (K,) names; phenotype corners joined by "-", then length changes "name+"
            (more) and "name-" (less).
        shape_steps, shape_step_mm: (K, V, 3) int16 and (K,) float32: shapes as whole steps of mm.
        bone_names: B names; bone_parents: (B,) int32, -1 for the root, parents first.
        bone_heads_mm, bone_tails_mm: (B, 3) float32 ends of bones without any shape.
        bone_head_shapes_mm, bone_tail_shapes_mm: (K, B, 3) float32 what a shape adds to them.
        weight_indices: (V, 4) uint8 bones that move a vertex; weights: (V, 4) float32, sum one.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        face_group: (F,) uint8 index into group_names.
        group_names: "body", "helper-l-eye", "helper-r-eye", "helper-tights", "helper-skirt",
            "helper-hair"; the helpers lie on the skin.
        texture_coordinates: (T, 2) float32 in 0..1, v up; face_texture: (F, 3) int32 into them.
        base_mesh_index: (V,) int32 vertex in MakeHuman's base mesh.
        brow_lift_mm: (V,) float32, how much a vertex follows raised eyebrows.
        lips, ears: (V,) float32 in 0..1.
    """

    template_mm: np.ndarray
    shape_labels: np.ndarray
    shape_steps: np.ndarray
    shape_step_mm: np.ndarray
    bone_names: tuple[str, ...]
    bone_parents: np.ndarray
    bone_heads_mm: np.ndarray
    bone_tails_mm: np.ndarray
    bone_head_shapes_mm: np.ndarray
    bone_tail_shapes_mm: np.ndarray
    weight_indices: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    face_group: np.ndarray
    group_names: tuple[str, ...]
    texture_coordinates: np.ndarray
    face_texture: np.ndarray
    base_mesh_index: np.ndarray
    brow_lift_mm: np.ndarray
    lips: np.ndarray
    ears: np.ndarray

    def bone(self, name: str) -> int:
        """Index of a bone.

        Raises:
            InputError: there is no such bone.
        """
        try:
            return self.bone_names.index(name)
        except ValueError:
            raise InputError(
                f"body: no bone {name!r}; it has {', '.join(self.bone_names)}"
            ) from None

    def group_faces(self, name: str) -> np.ndarray:
        """(f,) int64 indices of the faces of a group.

        Raises:
            InputError: there is no such group.
        """
        if name not in self.group_names:
            raise InputError(f"body: no group {name!r}; it has {', '.join(self.group_names)}")
        return np.flatnonzero(self.face_group == self.group_names.index(name))

    @cached_property
    def length_changes(self) -> tuple[str, ...]:
        """Names of the local changes of proportion, e.g. "upper_leg"."""
        return tuple(str(name)[:-1] for name in self.shape_labels if str(name).endswith("+"))

    @cached_property
    def shape_parts(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of the factors of shapes, and (K, n) int64, which of them each is the product of;
        as many as there are names where it has fewer than n."""
        labels = [str(label) for label in self.shape_labels]
        split = [[label] if label[-1] in "+-" else label.split("-") for label in labels]
        names = tuple(sorted({name for parts in split for name in parts}))
        longest = max(len(parts) for parts in split)
        rows = [
            [*map(names.index, parts), *[len(names)] * (longest - len(parts))] for parts in split
        ]
        return names, np.array(rows, dtype=np.int64)

    @cached_property
    def joint_bones(self) -> np.ndarray:
        """(17,) int64: the bone each joint of `HUMAN36M` moves with."""
        names = [JOINT_BONES.get(joint, ("Head", 0.0))[0] for joint in HUMAN36M.joint_names]
        return np.array([self.bone(name) for name in names])

    @cached_property
    def face_landmarks(self) -> dict[str, int]:
        """Vertices of the skin: the tip of the nose, the foremost of the head, and the highest."""
        body = np.unique(self.faces[self.group_faces("body")])
        head = body[self.weight_indices[body, 0] == self.bone("Head")]
        return {
            "nose": int(head[self.template_mm[head, 1].argmin()]),
            "head_top": int(head[self.template_mm[head, 2].argmax()]),
        }


@dataclass(frozen=True, eq=False)
class BodyShape:
    """One person's body at rest.

    Attributes:
        phenotypes: what was asked for, see `PHENOTYPE_DEFAULTS`.
        length_changes: local changes of proportion in -1..1 by name.
        scale: factor on the whole.
        rest_mm: (V, 3) float32 vertices.
        bone_heads_mm, bone_tails_mm: (B, 3) float64.
        joint_points_mm: (17, 3) float64 joints at rest.
    """

    phenotypes: dict[str, float]
    length_changes: dict[str, float]
    scale: float
    rest_mm: np.ndarray
    bone_heads_mm: np.ndarray
    bone_tails_mm: np.ndarray
    joint_points_mm: np.ndarray


@functools.lru_cache(maxsize=1)
def load_body() -> BodyModel:
    """The body asset; built into the cache on first use (a few seconds), then read from it.

    Raises:
        InputError: it is absent and cannot be built, it is damaged, or it was written by another
            overpose and lacks an array; the message names the file.
    """
    arrays = load_body_asset()
    if wrong := next(body_problems(arrays), None):
        raise InputError(
            f"{asset_path('body')}: {wrong}; the file is damaged, was changed, or another version "
            "of overpose wrote it: delete it, and it is built again"
        )
    names = {key: tuple(map(str, arrays.pop(key))) for key in ("bone_names", "group_names")}
    return BodyModel(**arrays, bone_names=names["bone_names"], group_names=names["group_names"])


def shape_coefficients(
    model: BodyModel, phenotypes: dict[str, float], length_changes: dict[str, float]
) -> np.ndarray:
    """(K,) float64: how much of each shape a person has.

    A phenotype shape belongs to a corner of the space of phenotypes; its coefficient is the product
    of the linear interpolation weights (as in MakeHuman and anny).

    Raises:
        InputError: an unknown name, or a value out of range.
    """
    known = PHENOTYPE_DEFAULTS.keys()
    for name in phenotypes:
        if name not in known:
            raise InputError(f"phenotype {name!r}: unknown; expected some of {', '.join(known)}")
    for name in length_changes:
        if name not in model.length_changes:
            raise InputError(
                f"length change {name!r}: unknown; expected some of "
                f"{', '.join(model.length_changes)}"
            )
    value = PHENOTYPE_DEFAULTS | phenotypes
    share = np.array([value[name] for name in ("african", "asian", "caucasian")])
    age = (value["age"] - AGE_RANGE[0]) / (AGE_RANGE[1] - AGE_RANGE[0])
    unit = {**{name: value[name] for name in known}, "age": age}
    for name, amount in unit.items():
        if not (math.isfinite(amount) and -1e-9 <= amount <= 1 + 1e-9):
            limits = AGE_RANGE if name == "age" else (0, 1)
            raise InputError(f"phenotype {name}: got {value[name]}, expected {limits}")
    if share.sum() <= 0:
        raise InputError("phenotypes african, asian, caucasian: all are 0, expected shares")
    share = share / share.sum()

    def two(name: str, low: str, high: str) -> dict[str, float]:
        return {low: 1 - unit[name], high: unit[name]}

    def three(name: str, low: str, middle: str, high: str) -> dict[str, float]:
        amount = 2 * unit[name] - 1
        return {low: max(-amount, 0), middle: 1 - abs(amount), high: max(amount, 0)}

    factor = {
        **two("gender", "male", "female"),
        **two("age", "young", "old"),
        **three("muscle", "minmuscle", "averagemuscle", "maxmuscle"),
        **three("weight", "minweight", "averageweight", "maxweight"),
        **two("height", "minheight", "maxheight"),
        **two("proportions", "idealproportions", "uncommonproportions"),
        **dict(zip(("african", "asian", "caucasian"), share, strict=True)),
    }
    for name, amount in length_changes.items():
        factor[f"{name}+"], factor[f"{name}-"] = max(amount, 0.0), max(-amount, 0.0)
    # One factor after the other, as whoever multiplies them by hand: the same to the last bit.
    names, parts = model.shape_parts
    values = np.array([factor.get(name, 0.0) for name in names] + [1.0])
    coefficients = values[parts[:, 0]]
    for column in parts.T[1:]:
        coefficients = coefficients * values[column]
    return coefficients


def make_shape(
    model: BodyModel,
    phenotypes: dict[str, float],
    length_changes: dict[str, float] | None = None,
    scale: float = 1.0,
) -> BodyShape:
    """The body of given phenotypes at rest, its soles on the ground.

    Raises:
        InputError: an unknown name, a value out of range, or a scale that is not positive.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise InputError(f"scale: got {scale}, expected a positive number")
    changes = length_changes or {}
    coefficients = shape_coefficients(model, phenotypes, changes)
    used = np.flatnonzero(coefficients)
    rest = model.template_mm.astype(np.float64)
    for shape in used:
        rest += coefficients[shape] * float(model.shape_step_mm[shape]) * model.shape_steps[shape]
    heads, tails = bone_ends_mm(model, coefficients)
    ground = np.array([0.0, 0.0, rest[np.unique(model.faces[model.group_faces("body")]), 2].min()])
    rest, heads, tails = ((points - ground) * scale for points in (rest, heads, tails))
    return BodyShape(
        phenotypes=PHENOTYPE_DEFAULTS | phenotypes,
        length_changes=dict(changes),
        scale=scale,
        rest_mm=rest.astype(np.float32),
        bone_heads_mm=heads,
        bone_tails_mm=tails,
        joint_points_mm=_joint_points_mm(model, rest, heads, tails),
    )


def bone_ends_mm(model: BodyModel, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heads and tails of the bones at rest, both (B, 3) float64, of shape coefficients (K,)."""
    heads = model.bone_heads_mm + np.tensordot(coefficients, model.bone_head_shapes_mm, 1)
    tails = model.bone_tails_mm + np.tensordot(coefficients, model.bone_tail_shapes_mm, 1)
    return heads, tails


def bone_joints_mm(model: BodyModel, heads: np.ndarray, tails: np.ndarray) -> np.ndarray:
    """(17, 3) float64: joints on bones with these ends at rest; NaN for nose and head_top."""
    joints = np.full((len(HUMAN36M), 3), np.nan)
    for joint, (name, fraction) in JOINT_BONES.items():
        bone = model.bone(name)
        joints[HUMAN36M.index(joint)] = (1 - fraction) * heads[bone] + fraction * tails[bone]
    return joints


def _joint_points_mm(
    model: BodyModel, rest: np.ndarray, heads: np.ndarray, tails: np.ndarray
) -> np.ndarray:
    joints = bone_joints_mm(model, heads, tails)
    head_top, tip = (rest[model.face_landmarks[name]] for name in ("head_top", "nose"))
    joints[HUMAN36M.index("head_top")] = head_top
    pivot = heads[model.bone("Head")]
    joints[HUMAN36M.index("nose")] = pivot + NOSE_SHARE * (tip - pivot)
    return joints


def pose_joints(model: BodyModel, shape: BodyShape, transforms: np.ndarray) -> np.ndarray:
    """The 17 joints of a posed body.

    Args:
        transforms: (..., B, 3, 4) rest to world of every bone, mm.

    Returns:
        (..., 17, 3) float32, world mm.
    """
    of_joint = transforms[..., model.joint_bones, :, :].astype(np.float64)
    turned = np.einsum("...jab,jb->...ja", of_joint[..., :3], shape.joint_points_mm)
    return (turned + of_joint[..., 3]).astype(np.float32)


def sole_ends_mm(model: BodyModel, shape: BodyShape) -> np.ndarray:
    """(4, 3) float64: points of `FEET` on the skin at rest, the hindmost and the foremost of each
    sole; heels move with the bone Foot, toes with ToeBase."""
    rest = shape.rest_mm.astype(np.float64)
    body = np.unique(model.faces[model.group_faces("body")])
    main_bone = model.weight_indices[np.arange(len(rest)), model.weights.argmax(axis=1)]
    ends = []
    for side in ("Left", "Right"):
        foot = [model.bone(f"{side}{part}") for part in ("Foot", "ToeBase")]
        sole = body[np.isin(main_bone[body], foot)]
        low = sole[rest[sole, 2] < rest[sole, 2].min() + SOLE_MM * shape.scale]
        ends += [rest[low[rest[low, 1].argmax()]], rest[low[rest[low, 1].argmin()]]]
    return np.array(ends)
