"""Binary glTF 2.0: arrays and the JSON that describes them, in one file.

What is in the scene belongs to `glb`.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from overpose.support.files import writing_file
from overpose.support.version import VERSION

_COMPONENTS = {"uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}
_KINDS = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
VERTICES, INDICES = 34962, 34963
"""What a buffer view is for: `target` of `Gltf.array`."""


class Gltf:
    """A file in the making: its top-level lists, which others fill, and its arrays."""

    def __init__(self, copyright_notice: str) -> None:
        self.lists: dict[str, list[Any]] = {}
        self._asset = {
            "version": "2.0", "generator": f"overpose {VERSION}", "copyright": copyright_notice,
        }  # fmt: skip
        self._bytes = bytearray()
        self.scene: list[int] = []

    def add(self, kind: str, value: dict[str, Any]) -> int:
        """Put an object into a top-level list ("nodes", …); its index there."""
        self.lists.setdefault(kind, []).append(value)
        return len(self.lists[kind]) - 1

    def array(
        self,
        values: np.ndarray,
        *,
        target: int | None = None,
        bounds: bool = False,
        normalized: bool = False,
    ) -> int:
        """Add an array (n, …) of uint8, uint16, uint32 or float32; the index of its accessor.

        Args:
            values: scalars, vectors of 2 to 4, or column-major matrices of 4x4.
            target: `VERTICES` or `INDICES` for what meshes are made of.
            bounds: whether to say least and largest, as positions and key times must.
            normalized: whether whole numbers stand for 0 to 1.
        """
        self._bytes += b"\0" * (-len(self._bytes) % 4)
        raw = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
        view: dict[str, Any] = {
            "buffer": 0, "byteOffset": len(self._bytes), "byteLength": len(raw),
        }  # fmt: skip
        if target is not None:
            view["target"] = target
        self._bytes += raw
        accessor: dict[str, Any] = {
            "bufferView": self.add("bufferViews", view),
            "componentType": _COMPONENTS[values.dtype.name],
            "count": len(values),
            "type": _KINDS[values.shape[1:]],
        }
        if normalized:
            accessor["normalized"] = True
        if bounds:
            flat = values.reshape(len(values), -1)
            accessor["min"] = flat.min(axis=0).tolist()
            accessor["max"] = flat.max(axis=0).tolist()
        return self.add("accessors", accessor)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        whole = {
            "asset": self._asset, "scene": 0, "scenes": [{"nodes": self.scene}], **self.lists,
            "buffers": [{"byteLength": len(self._bytes)}],
        }  # fmt: skip
        text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode("utf-8")
        text += b" " * (-len(text) % 4)
        binary = bytes(self._bytes) + b"\0" * (-len(self._bytes) % 4)
        with writing_file(path) as temporary, temporary.open("wb") as file:
            file.write(struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary)))
            file.write(struct.pack("<I4s", len(text), b"JSON") + text)
            file.write(struct.pack("<I4s", len(binary), b"BIN\0") + binary)
