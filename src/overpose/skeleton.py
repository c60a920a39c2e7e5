"""Skeletons and keypoint layouts: what points are called, their tree, left and right, body parts.
Joint indices exist here only.

Conventions: a limb is the segment from a joint's parent to the joint; limb i ends in joint i + 1 of
a skeleton whose joint 0 is the root. A name says its side first (`left_knee`; but `mouth_left`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from overpose.support.checks import repeated
from overpose.support.errors import InputError

_OTHER_SIDE = {"left": "right", "right": "left"}
_SAME = {"pelvis": "mid_hip", "mid_hip": "pelvis"}


def side_and_part(name: str) -> tuple[str, str]:
    """A point's side, `left`, `right` or `middle`, and its name without it."""
    words = name.split("_")
    for side in _OTHER_SIDE:
        if side in words:
            return side, "_".join(word for word in words if word != side)
    return "middle", name


@dataclass(frozen=True)
class KeypointLayout:
    """The names of the K points of an array, in its order.

    Attributes:
        name: what the layout is called.
        names: K different names, lower snake case.

    Raises:
        InputError: a name repeats.
    """

    name: str
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if twice := repeated(self.names):
            raise InputError(f"{self.name}: names repeat: {', '.join(twice)}")

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self._indices

    def index(self, name: str) -> int:
        """Row of a point.

        Raises:
            InputError: the layout has no such point.
        """
        try:
            return self._indices[name]
        except KeyError:
            raise InputError(f"{self.name}: no {name!r}; it has {', '.join(self.names)}") from None

    def indices(self, names: Iterable[str]) -> np.ndarray:
        """Rows of several points, int64 of shape (names,)."""
        return np.array([self.index(name) for name in names], dtype=np.int64)

    def find(self, name: str) -> int | None:
        """Row of a point, which may be called pelvis or mid_hip alike; None if there is none."""
        return self._indices.get(name, self._indices.get(_SAME.get(name, "")))

    def middle(self, points: np.ndarray, part: str) -> np.ndarray:
        """(..., n): the middle of left and right of a part, as `hip`, in points (..., K, n).

        Raises:
            InputError: the layout lacks one of them.
        """
        return points[..., self.indices(f"{side}_{part}" for side in _OTHER_SIDE), :].mean(axis=-2)

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.names)}

    @cached_property
    def mirror(self) -> np.ndarray:
        """(K,) int64: the row each point's mirror image comes from (itself without one)."""
        others = ("_".join(_OTHER_SIDE.get(w, w) for w in name.split("_")) for name in self.names)
        return np.array(
            [self._indices.get(other, row) for row, other in enumerate(others)], dtype=np.int64
        )

    def mirrored(self, points: np.ndarray) -> np.ndarray:
        """Points (..., K, n) of the person seen in a mirror: sides swapped, the first coordinate
        x negated."""
        swapped = points[..., self.mirror, :].copy()
        swapped[..., 0] *= -1.0
        return swapped


def check_tree(where: str, kind: str, names: Sequence[str], parents: Sequence[int]) -> None:
    """Refuse names that repeat, and parents that are not -1 for the first and earlier for the rest.

    Raises:
        InputError: they are not a tree; `where` and `kind` ("joint") say of what.
    """
    if len(set(names)) != len(names):
        raise InputError(f"{where}: {kind} names repeat: {', '.join(names)}")
    if len(parents) != len(names):
        raise InputError(
            f"{where}: got {len(parents)} parents, expected one for each of the {len(names)} "
            f"{kind}s"
        )
    for index, parent in enumerate(parents):
        if (parent != -1) if index == 0 else not 0 <= parent < index:
            raise InputError(
                f"{where}: {kind} {names[index]} has parent {parent}, expected -1 for the first "
                f"{kind} and an earlier {kind} for the others"
            )


@dataclass(frozen=True)
class Skeleton:
    """A tree of named joints.

    Attributes:
        name: what the skeleton is called.
        joint_names: names in array order; the first is the root.
        parents: index of each joint's parent, -1 for the root; a parent comes before its children.
        lower_limbs: names of the joints that end the limbs of the lower body.

    Raises:
        InputError: the parts do not fit together.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    lower_limbs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_tree(f"skeleton {self.name}", "joint", self.joint_names, self.parents)
        self.indices(self.lower_limbs)

    def __len__(self) -> int:
        return len(self.joint_names)

    @cached_property
    def layout(self) -> KeypointLayout:
        """The joints as keypoints."""
        return KeypointLayout(self.name, self.joint_names)

    def index(self, joint_name: str) -> int:
        """Array index of a joint.

        Raises:
            InputError: the skeleton has no such joint.
        """
        return self.layout.index(joint_name)

    def indices(self, joint_names: Iterable[str]) -> np.ndarray:
        """Array indices of several joints, int64 of shape (names,)."""
        return self.layout.indices(joint_names)

    @property
    def mirror(self) -> np.ndarray:
        """(joints,) int64: where each joint's mirror image comes from; an involution."""
        return self.layout.mirror

    @cached_property
    def limbs(self) -> np.ndarray:
        """(limbs, 2) int64: parent and joint of every limb, in joint order."""
        pairs = [(p, j) for j, p in enumerate(self.parents) if p >= 0]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def limb_part(self, part: str) -> np.ndarray:
        """Indices into `limbs` of a body part: "lower", "upper" or "full", int64 of shape (limbs,).

        Raises:
            InputError: there is no such part.
        """
        lower = np.array([self.joint_names[j] in self.lower_limbs for j in self.limbs[:, 1]])
        parts = {"lower": lower, "upper": ~lower, "full": np.ones_like(lower)}
        if part not in parts:
            raise InputError(f"part: got {part!r}, expected one of lower, upper, full")
        return np.flatnonzero(parts[part])


HUMAN36M = Skeleton(
    name="human36m-17",
    joint_names=(
        "pelvis",
        "right_hip", "right_knee", "right_ankle",
        "left_hip", "left_knee", "left_ankle",
        "spine", "neck", "nose", "head_top",
        "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist",
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    lower_limbs=(
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    ),
)  # fmt: skip
"""The 17 joints of Human3.6M used by the 2016 paper, in its order."""

FEET = KeypointLayout("feet", ("left_heel", "left_toe", "right_heel", "right_toe"))
"""Points of the feet beside the joints: the hindmost of the sole, the foremost of the foot."""
FOOT_ANKLES = HUMAN36M.indices(("left_ankle", "left_ankle", "right_ankle", "right_ankle"))
"""The joint that each of them hangs on."""
