"""A GLB read and moved anew: accessors, animation, bones and skin, by the specification alone."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_SIZES = {"SCALAR": (), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


class GlbFile:
    """What is in a file: its JSON as `whole`, and its movement by `at`."""

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", raw)
        assert (magic, version, length) == (b"glTF", 2, len(raw))
        size, kind = struct.unpack_from("<I4s", raw, 12)
        assert kind == b"JSON"
        self.whole: dict[str, Any] = json.loads(raw[20 : 20 + size])
        self._binary = raw[28 + size :]
        self.nodes = self.whole["nodes"]
        self.parents = {c: n for n, node in enumerate(self.nodes) for c in node.get("children", [])}

    def array(self, index: int) -> np.ndarray:
        """The values of an accessor."""
        accessor = self.whole["accessors"][index]
        view = self.whole["bufferViews"][accessor["bufferView"]]
        kind, shape = np.dtype(_TYPES[accessor["componentType"]]), _SIZES[accessor["type"]]
        count = accessor["count"] * int(np.prod(shape, dtype=int))
        flat = np.frombuffer(self._binary, kind, count, view["byteOffset"])
        return flat.reshape(accessor["count"], *shape)

    def named(self, name: str, person: int = 1) -> int:
        """The node of a bone of a person."""
        joints = self.whole["skins"][person - 1]["joints"]
        return next(joint for joint in joints if self.nodes[joint]["name"] == name)

    def at(self, time_s: float) -> np.ndarray:
        """(nodes, 4, 4) to the world at a time, metres, y up."""
        moved = [dict(node) for node in self.nodes]
        (animation,) = self.whole["animations"]
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = self.array(sampler["input"]), self.array(sampler["output"])
            target = channel["target"]
            moved[target["node"]][target["path"]] = _sampled(
                times, values, time_s, sampler["interpolation"], target["path"]
            )
        local = np.stack([_matrix(node) for node in moved])
        world = local.copy()

        def placed(node: int) -> np.ndarray:
            if node in self.parents:
                return placed(self.parents[node]) @ local[node]
            return local[node]

        for node in range(len(local)):
            world[node] = placed(node)
        return world

    def vertices(self, person: int, time_s: float) -> np.ndarray:
        """(n, 3) the skin of a person at a time, metres, y up."""
        skin = self.whole["skins"][person - 1]
        attributes = self.whole["meshes"][person - 1]["primitives"][0]["attributes"]
        rest = self.array(attributes["POSITION"]).astype(np.float64)
        weights = self.array(attributes["WEIGHTS_0"]).astype(np.float64) / 65535
        binds = self.array(skin["inverseBindMatrices"]).swapaxes(-1, -2)
        bones = self.at(time_s)[skin["joints"]] @ binds
        blended = np.einsum("vk,vkij->vij", weights, bones[self.array(attributes["JOINTS_0"])])
        return np.einsum("vij,vj->vi", blended[..., :3], rest)[:, :3] + blended[:, :3, 3]


def _sampled(
    times: np.ndarray, values: np.ndarray, time_s: float, kind: str, path: str
) -> np.ndarray:
    time_s = float(np.clip(time_s, times[0], times[-1]))
    if kind == "STEP" or len(times) == 1:
        return values[max(0, int(np.searchsorted(times, time_s + 1e-6)) - 1)]
    if path == "rotation":
        return Slerp(times, Rotation.from_quat(values))([time_s]).as_quat()[0]
    return np.array([np.interp(time_s, times, column) for column in values.T])


def _matrix(node: dict[str, Any]) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(node.get("rotation", (0, 0, 0, 1))).as_matrix()
    matrix[:3, :3] *= node.get("scale", (1, 1, 1))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix
