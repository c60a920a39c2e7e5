"""BVH files: read whatever is common, write what every program reads.

The parser is our own: it is short, it names file and line in its errors, and what we write needs
the same conventions. Files of other formats belong to the modules beside this one.

Conventions of the files: y up (turned to the world's z up inside), Blender's z up; a joint stands
at its OFFSET from its parent joint and turns what hangs on it; channels apply from left to right;
position channels take the place of the OFFSET, and only the root's may change. A joint becomes the
bone of the same name that starts there and ends where its children start. Where the children of a
joint start at different places, the bone goes to the first, and fixed bones named JOINT_to_CHILD
lead to the others. What `write_bvh` writes, `read_bvh` reads back with the same bones.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import (
    MAX_BONES,
    MAX_FPS,
    Y_UP_TO_Z_UP,
    BoneSkeleton,
    Motion,
    check_size,
)
from overpose.mocap.textfile import parse_number, parse_numbers, read_lines
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file
from overpose.support.object_storage import path_of
from overpose.support.progress import say

UNIT_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}
"""Length units of a BVH file; the format itself does not say which it uses."""

MAX_STRETCH_MM = 5.0
"""How far a joint other than the root may move along its parent; what less moves is held still."""

_CHANNELS = {f"{axis}{kind}".lower() for axis in "XYZ" for kind in ("position", "rotation")}


@dataclass
class _Joint:
    """One joint as far as it is read; an end site has no name."""

    line: int
    name: str
    parent: "_Joint | None"
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    has_offset: bool = False
    channels: tuple[str, ...] = ()
    children: "list[_Joint]" = field(default_factory=list)


def read_bvh(path: Path, *, unit: str = "cm", up: Literal["y", "z"] = "y") -> Motion:
    """Read a motion.

    Args:
        path: the file.
        unit: the file's unit of length, one of `UNIT_MM`.
        up: the file's axis that points up: y as in most, z as Blender writes it.

    Returns:
        The motion in the world frame, z up, mm; `trial` is the file's stem.

    Raises:
        InputError: the file is absent, truncated or garbled, has several roots, no frames, joints
            other than the root that move along, more bones than a body, or values that are not
            finite or absurd; the message names file and line, what was got and what was expected.
    """
    path = path_of(path)
    scale = _unit_mm(unit)
    world = Y_UP_TO_Z_UP if up == "y" else np.eye(3)
    lines = read_lines(path)
    root, joints, motion_line = _read_hierarchy(path, lines)
    width = sum(len(joint.channels) for joint in joints)
    values, fps = _read_motion(path, lines, motion_line, width)
    check_size(path, len(joints), len(values), values.size)
    local, root_units = _apply_channels(path, joints, values, scale)
    try:
        skeleton, rotations = _bones(root, local, scale, world)
        root_mm = root_units * scale @ world.T
        return Motion(skeleton, rotations, root_mm, fps, "", path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}; read with unit {unit}") from None


def _unit_mm(unit: str) -> float:
    if unit not in UNIT_MM:
        raise InputError(f"unit: got {unit!r}, expected one of {', '.join(UNIT_MM)}")
    return UNIT_MM[unit]


def _read_hierarchy(path: Path, lines: list[str]) -> tuple[_Joint, list[_Joint], int]:
    """The root, all joints that have channels in order, and the line after MOTION."""
    root: _Joint | None = None
    current: _Joint | None = None
    waiting: _Joint | None = None
    joints: list[_Joint] = []
    names: set[str] = set()
    started = False
    for number, line in enumerate(lines, 1):
        at = f"{path}:{number}"
        words = line.split()
        if not words:
            continue
        key = words[0].upper()
        if waiting is not None:
            if words != ["{"]:
                raise InputError(f"{at}: got {line.strip()[:40]!r}, expected '{{'")
            current, waiting = waiting, None
        elif not started:
            if words != ["HIERARCHY"]:
                raise InputError(f"{at}: got {line.strip()[:40]!r}, expected HIERARCHY")
            started = True
        elif key in ("ROOT", "JOINT", "END"):
            site = key == "END"
            brace = words[-1] == "{"
            words = words[: len(words) - brace]
            if len(words) < 2 or (site and words[1].lower() != "site"):
                raise InputError(f"{at}: got {line.strip()[:40]!r}, expected a name after {key}")
            if key == "ROOT" and root is not None:
                raise InputError(
                    f"{at}: got a second ROOT, expected one; several people in a file are not "
                    "supported"
                )
            if key != "ROOT" and current is None:
                raise InputError(f"{at}: got {key} outside of a joint, expected ROOT or MOTION")
            if current is not None and not current.name:
                raise InputError(f"{at}: got {key} in an End Site, expected '}}'")
            name = "" if site else "_".join(words[1:])
            if name in names:
                raise InputError(f"{at}: a second joint is called {name}")
            joint = _Joint(number, name, current)
            if current is not None:
                current.children.append(joint)
            if not site:
                names.add(name)
                joints.append(joint)
            if len(joints) > MAX_BONES:
                raise InputError(
                    f"{at}: got more than {MAX_BONES} joints, expected those of a body"
                )
            root = root or joint
            if brace:
                current = joint
            else:
                waiting = joint
        elif key == "MOTION" and current is None and root is not None:
            return root, joints, number
        elif current is None:
            expected = "MOTION" if root else "ROOT"
            raise InputError(f"{at}: got {line.strip()[:40]!r}, expected {expected}")
        elif key == "OFFSET":
            current.offset = np.array(parse_numbers(at, words[1:], 3))
            current.has_offset = True
        elif key == "CHANNELS":
            _read_channels(at, current, words[1:])
        elif words == ["}"]:
            if not current.has_offset:
                raise InputError(
                    f"{path}:{current.line}: {current.name or 'End Site'} has no OFFSET"
                )
            current = current.parent
        else:
            raise InputError(
                f"{at}: got {line.strip()[:40]!r}, expected OFFSET, CHANNELS, JOINT, End Site "
                "or '}'"
            )
    raise InputError(
        f"{path}:{len(lines)}: the file ends within HIERARCHY, expected MOTION; is it truncated?"
    )


def _read_channels(at: str, joint: _Joint, words: list[str]) -> None:
    channels = tuple(word.lower() for word in words[1:])
    if not words or words[0] != str(len(channels)):
        raise InputError(
            f"{at}: got {len(channels)} channels after CHANNELS {words[0] if words else ''}, "
            "expected as many as the number says"
        )
    if not joint.name or not set(channels) <= _CHANNELS or len(set(channels)) < len(channels):
        raise InputError(
            f"{at}: got channels {' '.join(words[1:])!r}, expected each at most once of "
            "Xposition … Zposition, Xrotation … Zrotation, and none in an End Site"
        )
    joint.channels = channels


def _read_motion(
    path: Path, lines: list[str], motion_line: int, width: int
) -> tuple[np.ndarray, float]:
    """Values (frames, channels) and frames per second; `motion_line` counts from 1."""
    rest = [
        (n, line) for n, line in enumerate(lines[motion_line:], motion_line + 1) if line.strip()
    ]
    header = []
    for row, label in enumerate(("Frames:", "Frame Time:")):
        number, line = rest[row] if row < len(rest) else (len(lines), "")
        text = " ".join(line.split())
        if not text.lower().startswith(label.lower()):
            raise InputError(f"{path}:{number}: got {text[:40]!r}, expected '{label} …'")
        header.append(parse_number(f"{path}:{number}", text[len(label) :].strip()))
    frames, frame_s = header
    if frames < 1 or frames != int(frames):
        raise InputError(f"{path}:{rest[0][0]}: got {frames:g} frames, expected at least one")
    if not frame_s >= 1 / MAX_FPS:
        raise InputError(
            f"{path}:{rest[1][0]}: got Frame Time {frame_s:g}, expected more than 0: seconds, at "
            f"least {1 / MAX_FPS:g}"
        )
    body = rest[2:]
    table = [line.split() for _, line in body]
    if len(table) != frames or any(len(words) != width for words in table):
        for (number, _), words in zip(body, table, strict=True):
            if len(words) != width:
                raise InputError(
                    f"{path}:{number}: got {len(words)} values, expected {width}, one for every "
                    "channel; is the file truncated?"
                )
        raise InputError(
            f"{path}:{len(lines)}: got {len(table)} frames, expected {frames:g} as line "
            f"{rest[0][0]} says; is the file truncated?"
        )
    try:
        values = np.array(table, dtype=np.float64)
        finite = bool(np.isfinite(values).all())
    except ValueError:
        values, finite = np.empty((0, width)), False
    if not finite:
        for (number, _), words in zip(body, table, strict=True):
            parse_numbers(f"{path}:{number}", words, width)
    fps = 1 / frame_s
    # Frame times are written with few digits: 0.008333 means 120 a second.
    return values, float(round(fps)) if abs(fps - round(fps)) < 1e-4 * fps else fps


def _apply_channels(
    path: Path, joints: list[_Joint], values: np.ndarray, scale: float
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Local rotations (frames, 3, 3) of every joint, and root positions (frames, 3), file's axes.

    Joints whose position channels hardly change get their median for OFFSET.
    """
    local: dict[str, np.ndarray] = {}
    root_position = np.zeros((len(values), 3))
    column, largest_mm = 0, 0.0
    for index, joint in enumerate(joints):
        block = values[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        moved = np.tile(joint.offset, (len(values), 1))
        order, angles = "", []
        for channel, numbers in zip(joint.channels, block.T, strict=True):
            if channel.endswith("position"):
                moved[:, "xyz".index(channel[0])] = numbers
            else:
                order += channel[0].upper()
                angles.append(numbers)
        if index == 0:
            root_position = moved
        elif any(channel.endswith("position") for channel in joint.channels):
            middle = np.median(moved, axis=0)
            moved_mm = float(np.abs(moved - middle).max()) * scale
            if moved_mm > MAX_STRETCH_MM:
                raise InputError(
                    f"{path}:{joint.line}: joint {joint.name} moves along by {moved_mm:.3g} mm "
                    f"relative to its parent; expected bones of constant length, within "
                    f"{MAX_STRETCH_MM:g} mm"
                )
            largest_mm = max(largest_mm, moved_mm)
            written = np.allclose(middle, joint.offset, atol=1e-4)
            if not (
                written or np.allclose(middle, 0, atol=1e-4)
            ):  # zeros leave the OFFSET as it is
                joint.offset = middle
        local[joint.name] = np.tile(np.eye(3), (len(values), 1, 1))
        if order:
            turns = Rotation.from_euler(order, np.stack(angles, axis=-1), degrees=True)
            local[joint.name] = turns.as_matrix()
    if largest_mm > 0.5:
        say(f"{path}: bones stretch by up to {largest_mm:.2g} mm; taken at their median length")
    return local, root_position


def _bones(
    root: _Joint, local: dict[str, np.ndarray], scale: float, world: np.ndarray
) -> tuple[BoneSkeleton, np.ndarray]:
    """Bones, z up, mm, and their local rotations (frames, bones, 3, 3); `world` turns z up."""
    names: list[str] = []
    parents: list[int] = []
    offsets: list[np.ndarray] = []
    turns: list[np.ndarray] = []
    fixed = np.tile(np.eye(3), (len(local[root.name]), 1, 1))

    def add(name: str, parent: int, offset: np.ndarray, turn: np.ndarray) -> int:
        names.append(name)
        parents.append(parent)
        offsets.append(world @ offset * scale)
        turns.append(world @ turn @ world.T)
        return len(names) - 1

    pending = [(root, -1)]
    while pending:
        joint, parent = pending.pop()
        starts = [child.offset for child in joint.children]
        end = starts[0] if starts and joint is not root else np.zeros(3)
        bone = add(joint.name, parent, end, local[joint.name])
        below = []
        for child, start in zip(joint.children, starts, strict=True):
            holder = bone
            if np.abs(start - end).max() > 1e-9:
                helper = f"{joint.name}_to_{child.name or 'End'}"
                while helper in names or helper in local:
                    helper += "_"
                holder = add(helper, bone, start - end, fixed)
            if child.name:
                below.append((child, holder))
        pending.extend(reversed(below))
    skeleton = BoneSkeleton(tuple(names), tuple(parents), np.array(offsets))
    return skeleton, np.stack(turns, axis=1)


def write_bvh(motion: Motion, path: Path, *, overwrite: bool = False, unit: str = "cm") -> None:
    """Write a motion: y up, rotations in the order Z X Y, constant offsets.

    A bone becomes the joint of the same name that stands where the bone starts. Read back, joints
    lie within a thousandth of a millimetre of where they were.

    Args:
        motion: what to write.
        path: where; it appears whole or not at all.
        overwrite: whether a file there may be replaced.
        unit: unit of length to write in, one of `UNIT_MM`.

    Raises:
        InputError: there is a file already, or a bone's name has white space in it.
    """
    path = path_of(path)
    require_writable(path, overwrite=overwrite)
    per_mm = 1 / _unit_mm(unit)
    skeleton = motion.skeleton
    for name in skeleton.names:
        if name.split() != [name] or name in "{}":
            raise InputError(f"{path}: bone name {name!r} cannot be written; expected one word")
    to_y_up = Y_UP_TO_Z_UP.T
    offsets = skeleton.offsets_mm @ to_y_up.T * per_mm
    children: list[list[int]] = [[] for _ in skeleton.names]
    for bone, parent in enumerate(skeleton.parents):
        if parent >= 0:
            children[parent].append(bone)
    lines, order = ["HIERARCHY"], []

    def offset_line(indent: str, vector: np.ndarray) -> str:
        return f"{indent}OFFSET " + " ".join(f"{value:.8f}" for value in vector)

    def describe(bone: int, depth: int) -> None:
        order.append(bone)
        indent = "  " * depth
        lines.append(f"{indent}{'JOINT' if depth else 'ROOT'} {skeleton.names[bone]}")
        lines.append(f"{indent}{{")
        start = offsets[skeleton.parents[bone]] if depth else np.zeros(3)
        lines.append(offset_line(indent + "  ", start))
        place = "" if depth else "Xposition Yposition Zposition "
        count = 3 if depth else 6
        lines.append(f"{indent}  CHANNELS {count} {place}Zrotation Xrotation Yrotation")
        for child in children[bone]:
            describe(child, depth + 1)
        if not children[bone]:
            site = [f"{indent}  End Site", f"{indent}  {{"]
            lines.extend([*site, offset_line(indent + "    ", offsets[bone]), f"{indent}  }}"])
        lines.append(f"{indent}}}")

    describe(0, 0)
    angles = _euler_zxy_deg(to_y_up @ motion.rotations[:, order] @ to_y_up.T)
    root = motion.root_mm @ to_y_up.T * per_mm
    values = np.concatenate([root, angles.reshape(len(motion), -1)], axis=1)
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1 / motion.fps:.12g}"]
    formats = ["%.8f"] * 3 + ["%.6f"] * (values.shape[1] - 3)
    with writing_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        np.savetxt(file, values, fmt=formats)


def _euler_zxy_deg(rotations: np.ndarray) -> np.ndarray:
    """Angles (…, 3) in degrees about z, x, y with R = Rz Rx Ry; the last is 0 in gimbal lock."""
    cosine = np.hypot(rotations[..., 0, 1], rotations[..., 1, 1])
    locked = cosine < 1e-9
    x = np.arctan2(rotations[..., 2, 1], cosine)
    z = np.arctan2(-rotations[..., 0, 1], rotations[..., 1, 1])
    y = np.arctan2(-rotations[..., 2, 0], rotations[..., 2, 2])
    z = np.where(locked, np.arctan2(rotations[..., 1, 0], rotations[..., 0, 0]), z)
    return np.rad2deg(np.stack([z, x, np.where(locked, 0.0, y)], axis=-1))
