"""Skeletons: joint names, tree, mirror pairs and body parts. Joint indices exist here only.

Conventions: a limb is the segment from a joint's parent to the joint; limb i ends in joint i + 1 of
a skeleton whose joint 0 is the root.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from overpose.support.errors import InputError


@dataclass(frozen=True)
class Skeleton:
    """A tree of named joints.

    Attributes:
        name: what the skeleton is called.
        joint_names: names in array order; the first is the root.
        parents: index of each joint's parent, -1 for the root; a parent comes before its children.
        mirror_pairs: pairs of names that swap when left and right are swapped.
        lower_limbs: names of the joints that end the limbs of the lower body.

    Raises:
        InputError: the parts do not fit together.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    mirror_pairs: tuple[tuple[str, str], ...] = ()
    lower_limbs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.joint_names)) != len(self.joint_names):
            raise InputError(f"skeleton {self.name}: joint names repeat: {self.joint_names}")
        if len(self.parents) != len(self.joint_names):
            raise InputError(
                f"skeleton {self.name}: got {len(self.parents)} parents, expected one for each of "
                f"the {len(self.joint_names)} joints"
            )
        for joint, parent in enumerate(self.parents):
            if (parent != -1) if joint == 0 else not 0 <= parent < joint:
                raise InputError(
                    f"skeleton {self.name}: joint {self.joint_names[joint]} has parent {parent}, "
                    "expected -1 for the first joint and an earlier joint for the others"
                )
        mirrored = [named for pair in self.mirror_pairs for named in pair]
        if len(set(mirrored)) != len(mirrored):
            raise InputError(f"skeleton {self.name}: mirror pairs repeat a joint: {mirrored}")
        for named in (*mirrored, *self.lower_limbs):
            self.index(named)

    def __len__(self) -> int:
        return len(self.joint_names)

    def index(self, joint_name: str) -> int:
        """Array index of a joint.

        Raises:
            InputError: the skeleton has no such joint.
        """
        try:
            return self._indices[joint_name]
        except KeyError:
            raise InputError(
                f"skeleton {self.name}: no joint {joint_name!r}; "
                f"it has {', '.join(self.joint_names)}"
            ) from None

    def indices(self, joint_names: Iterable[str]) -> np.ndarray:
        """Array indices of several joints, int64 of shape (names,)."""
        return np.array([self.index(name) for name in joint_names], dtype=np.int64)

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.joint_names)}

    @cached_property
    def limbs(self) -> np.ndarray:
        """(limbs, 2) int64: parent and joint of every limb, in joint order."""
        pairs = [(p, j) for j, p in enumerate(self.parents) if p >= 0]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def mirror(self) -> np.ndarray:
        """(joints,) int64: where each joint's mirror image comes from; an involution."""
        order = np.arange(len(self), dtype=np.int64)
        for left, right in self.mirror_pairs:
            a, b = self.index(left), self.index(right)
            order[a], order[b] = b, a
        return order

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
    mirror_pairs=(
        ("right_hip", "left_hip"),
        ("right_knee", "left_knee"),
        ("right_ankle", "left_ankle"),
        ("right_shoulder", "left_shoulder"),
        ("right_elbow", "left_elbow"),
        ("right_wrist", "left_wrist"),
    ),
    lower_limbs=(
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    ),
)  # fmt: skip
"""The 17 joints of Human3.6M used by the 2016 paper, in its order."""
