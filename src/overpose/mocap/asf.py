"""Acclaim's ASF files: the skeleton of a subject, as the CMU motion capture database has it.

The motion of the skeleton belongs to `asf_amc`, where the conventions of both are told.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.motion import MAX_BONES, Y_UP_TO_Z_UP, BoneSkeleton
from overpose.mocap.textfile import parse_numbers, read_lines
from overpose.support.errors import InputError

MM_PER_INCH = 25.4
CHANNELS = ("tx", "ty", "tz", "rx", "ry", "rz", "l")


@dataclass(frozen=True, eq=False)
class AsfSkeleton:
    """What an ASF file says.

    Attributes:
        path: the file.
        skeleton: the bones, z up, mm.
        axes: (bones, 3, 3) float64, each bone's C matrix, in the file's axes (y up).
        dofs: for every bone the channels an AMC file gives it, in order; empty if it is fixed.
        mm_per_unit: length of the file's unit.
        degrees: whether angles are in degrees.
        root_mm: (3,) float64, what is added to the root's positions, in the file's axes, mm.
    """

    path: Path
    skeleton: BoneSkeleton
    axes: np.ndarray
    dofs: tuple[tuple[str, ...], ...]
    mm_per_unit: float
    degrees: bool
    root_mm: np.ndarray


@dataclass
class _Bone:
    """One bone as far as it is read."""

    line: int
    name: str = ""
    direction: tuple[float, ...] = ()
    length: float = -1.0
    axis: tuple[float, ...] = (0.0, 0.0, 0.0)
    axis_order: str = "XYZ"
    dofs: tuple[str, ...] = ()


def read_asf(path: Path) -> AsfSkeleton:
    """Read a skeleton.

    Raises:
        InputError: the file is absent, truncated or garbled; the message names file and line, what
            was got and what was expected.
    """
    lines = read_lines(path)
    section, bone, open_block = "", None, False
    length_unit, degrees = 1.0, True
    root = _Bone(0, name="root")
    root_position = (0.0, 0.0, 0.0)
    bones: dict[str, _Bone] = {}
    parents: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        at, key, rest = f"{path}:{number}", words[0].lower(), words[1:]
        if key.startswith(":"):
            if open_block:
                raise InputError(f"{at}: got {words[0]}, expected 'end' first")
            section = key[1:]
        elif section == "units" and key == "length":
            (length_unit,) = parse_numbers(at, rest, 1)
            if length_unit <= 0:
                raise InputError(f"{at}: got length {rest[0]}, expected a positive number")
        elif section == "units" and key == "angle":
            degrees = _is_degrees(at, rest)
        elif section == "root" and key == "position":
            root_position = tuple(parse_numbers(at, rest, 3))
        elif section == "root" and key == "orientation":
            root.axis = tuple(parse_numbers(at, rest, 3))
        elif section == "root" and key == "axis":
            root.axis_order = _axis_order(at, rest)
        elif section == "root" and key == "order":
            root.line, root.dofs = number, _channels(at, rest)
        elif section in ("bonedata", "hierarchy") and key == "begin":
            if open_block:
                raise InputError(f"{at}: got 'begin', expected 'end' first")
            open_block, bone = True, _Bone(number)
            if len(bones) >= MAX_BONES:
                raise InputError(f"{at}: got more than {MAX_BONES} bones, expected those of a body")
        elif section in ("bonedata", "hierarchy") and not open_block:
            raise InputError(f"{at}: got {words[0]!r}, expected 'begin'")
        elif section in ("bonedata", "hierarchy") and key == "end":
            if section == "bonedata" and bone is not None:
                _check_bone(path, bone, bones)
                bones[bone.name] = bone
            open_block = False
        elif section == "bonedata" and bone is not None:
            _read_bone_line(at, bone, key, rest)
        elif section == "hierarchy":
            for child in rest:
                if child not in bones:
                    raise InputError(f"{at}: bone {child!r} is not in :bonedata")
                if child in parents:
                    raise InputError(f"{at}: bone {child} gets a second parent")
                parents[child] = words[0]
    if open_block or section != "hierarchy" or not parents:
        where = f"in section :{section}" if section else "without any section"
        raise InputError(
            f"{path}:{len(lines)}: the file ends {where}, expected :units, :root, :bonedata and "
            ":hierarchy with 'begin' and 'end'; is it truncated, or not an ASF file?"
        )
    if not root.dofs:
        raise InputError(f"{path}: section :root has no 'order', expected TX TY TZ RX RY RZ")
    mm_per_unit = MM_PER_INCH / length_unit
    root_mm = np.array(root_position) * mm_per_unit
    return _assemble(path, root, root_mm, bones, parents, mm_per_unit, degrees)


def _is_degrees(at: str, words: list[str]) -> bool:
    if len(words) != 1 or words[0].lower() not in ("deg", "rad"):
        raise InputError(f"{at}: got angle {' '.join(words)!r}, expected deg or rad")
    return words[0].lower() == "deg"


def _axis_order(at: str, words: list[str]) -> str:
    if len(words) != 1 or sorted(words[0].upper()) != ["X", "Y", "Z"]:
        raise InputError(f"{at}: got axis order {' '.join(words)!r}, expected one such as XYZ")
    return words[0].upper()


def _channels(at: str, words: list[str]) -> tuple[str, ...]:
    channels = tuple(word.lower() for word in words)
    if not channels or len(set(channels)) != len(channels) or not set(channels) <= set(CHANNELS):
        raise InputError(
            f"{at}: got degrees of freedom {' '.join(words)!r}, expected each at most once of "
            f"{' '.join(CHANNELS)}"
        )
    return channels


def _read_bone_line(at: str, bone: _Bone, key: str, words: list[str]) -> None:
    if key == "name":
        if len(words) != 1:
            raise InputError(f"{at}: got {len(words)} words after 'name', expected one")
        bone.name = words[0]
    elif key == "direction":
        bone.direction = tuple(parse_numbers(at, words, 3))
    elif key == "length":
        (bone.length,) = parse_numbers(at, words, 1)
    elif key == "axis":
        bone.axis = tuple(parse_numbers(at, words[:3], 3))
        bone.axis_order = _axis_order(at, words[3:])
    elif key == "dof":
        bone.dofs = _channels(at, words)
    elif not (key.startswith("(") or key in ("id", "limits", "bodymass", "cofmass")):
        raise InputError(
            f"{at}: got {key!r}, expected id, name, direction, length, axis, dof, limits or end"
        )


def _check_bone(path: Path, bone: _Bone, bones: dict[str, _Bone]) -> None:
    at = f"{path}:{bone.line}"
    if not bone.name:
        raise InputError(f"{at}: the bone that begins here has no name")
    if bone.name in bones or bone.name == "root":
        raise InputError(f"{at}: a second bone is called {bone.name}")
    if not bone.direction or bone.length < 0:
        raise InputError(f"{at}: bone {bone.name} lacks a direction or a length of at least 0")
    if bone.length > 0 and not 0.5 < np.linalg.norm(bone.direction) < 2:
        raise InputError(
            f"{at}: bone {bone.name} has direction {bone.direction}, expected length 1"
        )


def _assemble(
    path: Path,
    root: _Bone,
    root_mm: np.ndarray,
    bones: dict[str, _Bone],
    parents: dict[str, str],
    mm_per_unit: float,
    degrees: bool,
) -> AsfSkeleton:
    """Bones in the order of the tree, each branch to its end before the next."""
    children: dict[str, list[str]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    names, pending = [], ["root"]
    while pending:
        names.append(pending.pop())
        pending.extend(reversed(children.get(names[-1], [])))
    loose = sorted(set(bones) - set(names))
    if loose:
        raise InputError(f"{path}: :hierarchy does not join {', '.join(loose)} to the root")
    ordered = [root, *(bones[name] for name in names[1:])]
    offsets = np.zeros((len(names), 3))
    for row, bone in enumerate(ordered[1:], 1):
        if bone.length > 0:
            direction = np.array(bone.direction) / np.linalg.norm(bone.direction)
            offsets[row] = Y_UP_TO_Z_UP @ direction * bone.length * mm_per_unit
    angles = [Rotation.from_euler(b.axis_order.lower(), b.axis, degrees=degrees) for b in ordered]
    try:
        skeleton = BoneSkeleton(
            tuple(names),
            (-1, *(names.index(parents[name]) for name in names[1:])),
            offsets,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return AsfSkeleton(
        path=path,
        skeleton=skeleton,
        axes=np.stack([angle.as_matrix() for angle in angles]),
        dofs=tuple(bone.dofs for bone in ordered),
        mm_per_unit=mm_per_unit,
        degrees=degrees,
        root_mm=root_mm,
    )
