"""HEIC and AVIF files written box by box: of tiles, turned, with EXIF data; for tests."""

import io
import os
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

_KINDS = {"heic": b"hvc1", "avif": b"av01"}


@dataclass(frozen=True)
class Item:
    """One item of the file: its kind, its bytes, and the properties it has by number."""

    kind: bytes
    data: bytes
    properties: tuple[int, ...] = ()


def write_heif(
    path: Path,
    image: np.ndarray,
    *,
    tile: int = 64,
    quarter_turns: int = 0,
    mirror: int | None = None,
    exif: bytes | None = None,
) -> None:
    """Write a picture in square tiles; the kind is by the path's suffix.

    Args:
        path: ends in .heic or .avif.
        image: (height, width, 3) uint8 RGB; what sticks out of it in the last tiles is black.
        tile: side of a tile, pixels.
        quarter_turns: `irot`, counter-clockwise.
        mirror: `imir`, its axis: 0 or 1.
        exif: a TIFF header and what follows.
    """
    brand = path.suffix[1:]
    kind = _KINDS[brand]
    height, width = image.shape[:2]
    rows, columns = -(-height // tile), -(-width // tile)
    padded = np.zeros((rows * tile, columns * tile, 3), np.uint8)
    padded[:height, :width] = image
    tiles, config = [], b""
    for row in range(rows):
        for column in range(columns):
            part = padded[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
            data, config = _encoded(np.ascontiguousarray(part), brand)
            tiles.append(Item(kind, data, (1, 2)))
    properties = [config, _ispe(tile, tile), _ispe(width, height)]
    of_grid = [3]
    if quarter_turns:
        properties.append(_box(b"irot", bytes([quarter_turns])))
        of_grid.append(len(properties))
    if mirror is not None:
        properties.append(_box(b"imir", bytes([mirror])))
        of_grid.append(len(properties))
    grid = Item(
        b"grid", struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height), tuple(of_grid)
    )
    items = [grid, *tiles]
    if exif is not None:
        items.append(Item(b"Exif", struct.pack(">I", 0) + exif))
    major = brand.encode()
    start = _box(b"ftyp", major + bytes(4) + b"mif1" + major)
    length = len(start) + len(_meta(items, len(tiles), properties, 0))
    meta = _meta(items, len(tiles), properties, length + 8)
    path.write_bytes(start + meta + _box(b"mdat", *(item.data for item in items)))


def _meta(items: list[Item], tiles: int, properties: list[bytes], data_at: int) -> bytes:
    infos = [
        _full(b"infe", 2, struct.pack(">HH", number, 0) + item.kind + b"\0")
        for number, item in enumerate(items, start=1)
    ]
    places = b""
    for number, item in enumerate(items, start=1):
        places += struct.pack(">HHHII", number, 0, 1, data_at, len(item.data))
        data_at += len(item.data)
    numbers = range(2, 2 + tiles)
    references = _box(b"dimg", struct.pack(f">HH{tiles}H", 1, tiles, *numbers))
    if items[-1].kind == b"Exif":
        references += _box(b"cdsc", struct.pack(">HHH", len(items), 1, 1))
    having = [(number, item) for number, item in enumerate(items, start=1) if item.properties]
    associations = struct.pack(">I", len(having)) + b"".join(
        struct.pack(">HB", number, len(item.properties))
        + bytes(0x80 | place if place != 3 else place for place in item.properties)
        for number, item in having
    )
    return _full(
        b"meta",
        0,
        _full(b"hdlr", 0, bytes(4) + b"pict" + bytes(13)),
        _full(b"pitm", 0, struct.pack(">H", 1)),
        _full(b"iloc", 0, struct.pack(">BBH", 0x44, 0, len(items)) + places),
        _full(b"iinf", 0, struct.pack(">H", len(items)), *infos),
        _full(b"iref", 0, references),
        _box(b"iprp", _box(b"ipco", *properties), _full(b"ipma", 0, associations)),
    )


def _encoded(image: np.ndarray, brand: str) -> tuple[bytes, bytes]:
    """A picture's bytes and the box that says how to decode them."""
    return _hevc(image) if brand == "heic" else _av1(image)


def _hevc(image: np.ndarray) -> tuple[bytes, bytes]:
    raw = _coded(image, "libx265", "hevc", {"x265-params": "log-level=none", "crf": "4"})
    units = raw.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    headers = {unit[0] >> 1 & 63: unit for unit in units if unit[0] >> 1 & 63 in (32, 33, 34)}
    profile = headers[32].replace(b"\0\0\3", b"\0\0")[6:18]  # of the video parameter set
    config = b"\1" + profile + bytes.fromhex("f000fcfdf8f80000") + bytes([0x0F, len(headers)])
    for kind, unit in headers.items():
        config += struct.pack(">BHH", 0x80 | kind, 1, len(unit)) + unit
    pictures = [unit for unit in units if unit[0] >> 1 & 63 < 32]
    return b"".join(struct.pack(">I", len(u)) + u for u in pictures), _box(b"hvcC", config)


def _av1(image: np.ndarray) -> tuple[bytes, bytes]:
    try:
        raw = _coded(image, "libsvtav1", "mp4", {"crf": "5"})
    finally:  # run by root, SVT-AV1 makes the thread a real-time one, before which all others wait
        if hasattr(os, "sched_setscheduler"):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return _found(raw, b"mdat")[8:], _found(raw, b"av1C")


def _coded(image: np.ndarray, codec: str, container_format: str, options: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        stream: Any = container.add_stream(codec, rate=1, options=options)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = 0, Fraction(1)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _found(raw: bytes, kind: bytes) -> bytes:
    start = raw.index(kind) - 4
    return raw[start : start + int.from_bytes(raw[start : start + 4], "big")]


def _ispe(width: int, height: int) -> bytes:
    return _full(b"ispe", 0, struct.pack(">II", width, height))


def _full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24), *parts)


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content
