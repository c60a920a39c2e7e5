"""The people of a GLB: skeleton, skinned body and movement of each.

What glTF is made of belongs to `gltf`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.formats.gltf import INDICES, VERTICES, Gltf
from overpose.formats.palette import PALETTE
from overpose.formats.points import steadied, y_up
from overpose.mocap.pose_motion import pose_motion, with_feet
from overpose.poses import PoseTrack
from overpose.skeleton import FOOT_ANKLES
from overpose.studio.body import BodyModel, BodyShape, load_body
from overpose.studio.following import body_of_lengths, follow
from overpose.video.proportions import typical_lengths

_SHOWN_GROUPS = ("body", "helper-l-eye", "helper-r-eye")
_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From the body's axes, z up, to those of glTF."""
_STILL = 1e-6
_BARE = ("Neck", "Neck1", "Head", "Hand", "FingerBase", "HandFinger1", "Thumb", "Foot", "ToeBase")
"""Ends of the names of bones whose skin is of a neutral colour; the rest is of the person's."""
_NEUTRAL = (214, 214, 214)


@dataclass(frozen=True, eq=False)
class Surface:
    """What all bodies share of their surface, n vertices.

    Attributes:
        vertices: (n,) int64, which of the model's vertices.
        faces: for the person's colour and the neutral one each, (f, 3) uint16 or uint32 into them.
        joints: (n, 4) uint8 bones that move a vertex.
        weights: (n, 4) uint16, by how much: 65535 together.
    """

    vertices: np.ndarray
    faces: tuple[np.ndarray, np.ndarray]
    joints: np.ndarray
    weights: np.ndarray


def surface_of(model: BodyModel) -> Surface:
    """What is seen of a body: skin and eyes."""
    faces = model.faces[np.concatenate([model.group_faces(name) for name in _SHOWN_GROUPS])]
    vertices, flat = np.unique(faces, return_inverse=True)
    whole = np.rint(model.weights[vertices] * 65535).astype(np.int64)
    whole[np.arange(len(whole)), whole.argmax(axis=1)] += 65535 - whole.sum(axis=1)
    joints = np.where(whole > 0, model.weight_indices[vertices], 0)
    kind = np.uint16 if len(vertices) < 65535 else np.uint32
    faces = flat.reshape(-1, 3).astype(kind)
    bones = np.array([name.endswith(_BARE) for name in model.bone_names])
    main = joints[np.arange(len(joints)), whole.argmax(axis=1)]
    bare = bones[main][faces].sum(axis=1) >= 2
    return Surface(
        vertices, (faces[~bare], faces[bare]), joints.astype(np.uint8), whole.astype(np.uint16)
    )


class GlbPeople:
    """A GLB in the making: `add` people, then `write` it."""

    def __init__(self) -> None:
        self._model = load_body()
        self._file = file = Gltf("Body: MakeHuman, CC0-1.0")
        self._surface = surface = surface_of(self._model)
        self._skinning = {
            "JOINTS_0": file.array(surface.joints, target=VERTICES),
            "WEIGHTS_0": file.array(surface.weights, target=VERTICES, normalized=True),
        }
        self._indices = [file.array(faces.reshape(-1), target=INDICES) for faces in surface.faces]
        self._neutral = file.add("materials", _material("skin", _NEUTRAL))
        self._movement: dict[str, Any] = {"name": "overpose", "channels": [], "samplers": []}
        file.add("animations", self._movement)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        self._file.write(path)

    def add(self, track: PoseTrack, person: int, where: str) -> None:
        """Add somebody who is seen in a frame at least; `where` is what an error calls them.

        Raises:
            InputError: a limb is shorter than a body's can be.
        """
        file, seen = self._file, track.seen[person]
        poses, roots, feet = _levelled(track, person)
        shape, rotations, heads = body_following(poses, roots, feet, track.fps, where)
        joints = self._add_bones(shape)
        holder = file.add("nodes", {"name": f"person {person + 1}", "children": [joints[0]]})
        binds = file.array(_inverse_binds(shape))
        skin = {"joints": joints, "skeleton": joints[0], "inverseBindMatrices": binds}
        drawn = {
            "name": f"body of person {person + 1}",
            "mesh": self._add_mesh(shape, person),
            "skin": file.add("skins", skin),
        }
        file.scene += [holder, file.add("nodes", drawn)]
        times = file.array((np.flatnonzero(seen) / track.fps).astype(np.float32), bounds=True)
        self._add_turns(rotations, joints, times)
        self._move(joints[0], "translation", times, heads[:, 0] @ _Y_UP.T / 1000)
        if not seen.all():
            changes = np.flatnonzero(np.diff(seen, prepend=~seen[0]))
            times = file.array((changes / track.fps).astype(np.float32), bounds=True)
            self._move(holder, "scale", times, np.repeat(seen[changes, None], 3, axis=1), "STEP")

    def _move(
        self, node: int, path: str, times: int, values: np.ndarray, kind: str = "LINEAR"
    ) -> None:
        """Move a property of a node: a value for each of the times' accessor."""
        samplers = self._movement["samplers"]
        output = self._file.array(values.astype(np.float32))
        samplers.append({"input": times, "output": output, "interpolation": kind})
        target = {"node": node, "path": path}
        self._movement["channels"].append({"sampler": len(samplers) - 1, "target": target})

    def _add_turns(self, rotations: np.ndarray, joints: list[int], times: int) -> None:
        """Turns of every bone against its parent; of those that never turn, none."""
        for bone, parent in enumerate(self._model.bone_parents):
            turn = rotations[:, bone]
            if parent >= 0:
                turn = rotations[:, parent].swapaxes(-1, -2) @ turn
            if np.abs(turn - np.eye(3)).max() < _STILL:
                continue
            quaternions = Rotation.from_matrix(_Y_UP @ turn @ _Y_UP.T).as_quat()
            # Two quaternions mean one turn: the one that is next to that before.
            signs = np.where((quaternions[1:] * quaternions[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
            quaternions[1:] *= np.cumprod(signs)[:, None]
            self._move(joints[bone], "rotation", times, quaternions)

    def _add_bones(self, shape: BodyShape) -> list[int]:
        """Nodes of the bones at rest, in the order of the model."""
        file, rest = self._file, shape.bone_heads_mm @ _Y_UP.T / 1000
        nodes: list[int] = []
        for name, parent, place in zip(
            self._model.bone_names, self._model.bone_parents, rest, strict=True
        ):
            above = rest[parent] if parent >= 0 else np.zeros(3)
            node = {"name": name, "translation": _rounded(place - above)}
            nodes.append(file.add("nodes", node))
            if parent >= 0:
                file.lists["nodes"][nodes[parent]].setdefault("children", []).append(nodes[-1])
        return nodes

    def _add_mesh(self, shape: BodyShape, person: int) -> int:
        file, surface = self._file, self._surface
        places = shape.rest_mm[surface.vertices].astype(np.float64) @ _Y_UP.T / 1000
        normals = _normals(places, np.concatenate(surface.faces)).astype(np.float32)
        attributes = {
            "POSITION": file.array(places.astype(np.float32), target=VERTICES, bounds=True),
            "NORMAL": file.array(normals, target=VERTICES),
            **self._skinning,
        }
        colour = _material(f"person {person + 1}", PALETTE[person % len(PALETTE)])
        materials = (file.add("materials", colour), self._neutral)
        primitives = [
            {"attributes": attributes, "indices": indices, "material": material}
            for indices, material in zip(self._indices, materials, strict=True)
        ]
        return file.add(
            "meshes", {"name": f"body of person {person + 1}", "primitives": primitives}
        )


def body_following(
    poses_mm: np.ndarray, root_mm: np.ndarray, feet_mm: np.ndarray | None, fps: float, where: str
) -> tuple[BodyShape, np.ndarray, np.ndarray]:
    """The body of somebody with limbs of their lengths, and its bones as the person moves.

    Args:
        poses_mm: (frames, 17, 3) of `HUMAN36M`, whole, in the axes of a level camera, about the
            pelvis.
        root_mm: (frames, 3) the pelvis; NaN where it is not known.
        feet_mm: (frames, 4, 3) points of `FEET` about the pelvis; None where not known.
        fps: frames a second.
        where: what an error calls the person.

    Returns:
        the body, and what `follow` gives: rotations and heads of its bones, z up.

    Raises:
        InputError: a limb is shorter than a body's can be.
    """
    model = load_body()
    lengths = typical_lengths(poses_mm)
    shape = body_of_lengths(model, lengths, where)
    motion = pose_motion(poses_mm, root_mm, lengths, fps)
    if feet_mm is not None:
        motion = with_feet(motion, feet_mm - poses_mm[:, FOOT_ANKLES])
    return shape, *follow(motion, model, shape)


def _levelled(track: PoseTrack, person: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Poses, roots and feet in the frames in which a person is seen, in axes of a level camera."""
    track = steadied(track)
    turn, shift = y_up(track)
    flip = np.array([1.0, -1.0, -1.0])
    seen = track.seen[person]
    poses = track.poses_mm[person, seen] @ turn.T * flip
    root = (track.root_mm[person, seen] @ turn.T + shift) * flip
    feet = None if track.feet_mm is None else track.feet_mm[person, seen] @ turn.T * flip
    return poses, root, feet


def _inverse_binds(shape: BodyShape) -> np.ndarray:
    """(B, 4, 4) float32, column-major: bones at rest are not turned, so these only move."""
    binds = np.tile(np.eye(4, dtype=np.float32), (len(shape.bone_heads_mm), 1, 1))
    binds[:, 3, :3] = -shape.bone_heads_mm @ _Y_UP.T / 1000
    return binds


def _normals(places: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(n, 3) of length 1: means over the faces at each vertex, the larger the more."""
    a, b, c = np.moveaxis(places[faces], 1, 0)
    total = np.zeros_like(places)
    for corner in faces.T:
        np.add.at(total, corner, np.cross(b - a, c - a))
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)


def _material(name: str, rgb: tuple[int, int, int]) -> dict[str, Any]:
    colour = {"baseColorFactor": [*_rounded(_linear(rgb)), 1.0]}
    matt = {"metallicFactor": 0.0, "roughnessFactor": 0.8}
    return {"name": name, "pbrMetallicRoughness": colour | matt}


def _linear(rgb: tuple[int, int, int]) -> np.ndarray:
    """sRGB of 0 to 255 as glTF has colours: linear, 0 to 1."""
    share = np.array(rgb) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 6) for value in values]
