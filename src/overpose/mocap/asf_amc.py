"""Acclaim's ASF (skeleton) and AMC (motion) files, as the CMU motion capture database has them.

Where trials lie and how they are named belongs to `library`.

Conventions of the files: y up; lengths in `1 / length` inches (CMU: 0.45, so metres are
value / 0.45 * 0.0254); a bone's `axis` gives a rotation C whose local axes the bone's degrees of
freedom turn about, so its rotation is C R C^-1; the first axis named is the first applied. What is
read is turned to the world frame: z up, mm.
"""

import re
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.mocap.asf import AsfSkeleton, read_asf
from overpose.mocap.motion import MAX_ROOT_MM, Y_UP_TO_Z_UP, Motion, check_size
from overpose.mocap.textfile import parse_number, parse_numbers, read_lines
from overpose.support.errors import InputError

__all__ = ["CMU_FPS", "AsfSkeleton", "read_amc", "read_asf", "read_trial"]

CMU_FPS = 120.0
"""CMU's frame rate, used where a file does not say its own."""

MAX_ANGLE_DEG = 36_000.0


def read_trial(asf: Path, amc: Path, *, fps: float = CMU_FPS) -> Motion:
    """Read an ASF file and an AMC file of the same subject.

    Raises:
        InputError: as `read_asf` and `read_amc`.
    """
    return read_amc(amc, read_asf(asf), fps=fps)


def read_amc(path: Path, asf: AsfSkeleton, *, fps: float = CMU_FPS) -> Motion:
    """Read the motion of a skeleton.

    Args:
        path: the AMC file.
        asf: the skeleton of the same subject.
        fps: frames per second, used where the file does not say (`:SAMPLES-PER-SECOND`).

    Returns:
        The motion in the world frame, z up, mm; `subject` and `trial` are the files' stems.

    Raises:
        InputError: the file is absent, truncated, garbled, empty, has values that are not finite or
            absurd, or belongs to another skeleton; the message names file and line.
    """
    _check_same_subject(path, asf)
    lines = read_lines(path)
    degrees = asf.degrees
    start = len(lines)
    for number, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        key = words[0].lower()
        if key == ":degrees":
            degrees = True
        elif key == ":radians":
            degrees = False
        elif key == ":samples-per-second":
            (fps,) = parse_numbers(f"{path}:{number}", words[1:], 1)
        elif not key.startswith(":"):
            start = number - 1
            break
    values = _fast_frames(lines, start, asf)
    if values is None:
        values = _frames(path, lines, start, asf)
    check_size(path, len(asf.skeleton), len(values), values.size)
    _check_values(path, values, asf, degrees)
    rotations, root_mm = _rotations_and_root(path, values, asf, degrees)
    try:
        return Motion(asf.skeleton, rotations, root_mm, fps, asf.path.stem, path.stem)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _check_same_subject(path: Path, asf: AsfSkeleton) -> None:
    match = re.fullmatch(r"(\d+)_\d+", path.stem)
    subject = asf.path.stem
    if match and subject.isdecimal() and int(match[1]) != int(subject):
        raise InputError(
            f"{path}: a trial of subject {match[1]}, but {asf.path} is the skeleton of subject "
            f"{subject}; give {match[1]}.asf"
        )


def _moving(asf: AsfSkeleton) -> dict[str, int]:
    """Names of the bones an AMC file lists, and how many values each has."""
    return {n: len(d) for n, d in zip(asf.skeleton.names, asf.dofs, strict=True) if d}


def _fast_frames(lines: list[str], start: int, asf: AsfSkeleton) -> np.ndarray | None:
    """Values (frames, values), if all frames are laid out as the first and nothing is wrong."""
    counts = _moving(asf)
    body = [line for line in lines[start:] if line and not line.isspace()]
    height = len(counts) + 1
    if not body or len(body) % height:
        return None
    first = [line.split() for line in body[:height]]
    order = [words[0] for words in first[1:] if words]
    if (
        len(first[0]) != 1
        or sorted(order) != sorted(counts)
        or any(len(words) != counts[words[0]] + 1 for words in first[1:])
    ):
        return None
    words = " ".join(body).split()
    width = sum(len(line) for line in first)
    if len(words) != width * (len(body) // height):
        return None
    table = np.array(words, dtype=object).reshape(-1, width)
    name_columns = np.cumsum([len(line) for line in first])[:-1]
    if not (table[:, name_columns] == np.array(order, dtype=object)).all():
        return None
    try:
        numbers = np.delete(table, name_columns, axis=1).astype(np.float64)
    except ValueError:
        return None
    if not np.isfinite(numbers).all() or np.any(np.diff(numbers[:, 0]) != 1):
        return None
    columns = dict(zip(order, np.cumsum([0, *(counts[n] for n in order)])[:-1] + 1, strict=True))
    picked = np.concatenate([np.arange(columns[n], columns[n] + counts[n]) for n in counts])
    return numbers[:, picked]


def _frames(path: Path, lines: list[str], start: int, asf: AsfSkeleton) -> np.ndarray:
    """As `_fast_frames`, line by line: any order of bones, and errors that name the line."""
    counts = _moving(asf)
    frames: list[list[float]] = []
    current: dict[str, list[float]] = {}
    previous = 0
    frame_line = 0
    for number, line in enumerate(lines[start:], start + 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        at = f"{path}:{number}"
        name, rest = words[0], words[1:]
        if not rest and name not in asf.skeleton.names:
            if not re.fullmatch(r"[0-9]{1,9}", name):
                raise InputError(f"{at}: got {name[:40]!r}, expected a frame number or a bone")
            if frame_line:
                frames.append(_close_frame(at, current, counts, previous))
                current = {}
                if int(name) != previous + 1:
                    raise InputError(f"{at}: got frame {name}, expected {previous + 1}")
            previous, frame_line = int(name), number
            continue
        if not frame_line:
            raise InputError(f"{at}: got {line.strip()[:40]!r}, expected a frame number first")
        if name not in counts:
            raise InputError(
                f"{at}: bone {name[:40]!r} is not one that moves in {asf.path}; expected "
                f"{', '.join(counts)}; is it the skeleton of another subject?"
            )
        if name in current:
            raise InputError(f"{at}: bone {name} appears twice in frame {previous}")
        if len(rest) != counts[name]:
            raise InputError(
                f"{at}: got {len(rest)} values for bone {name}, expected {counts[name]} as in "
                f"{asf.path}; is the file truncated, or the skeleton another subject's?"
            )
        current[name] = [parse_number(at, word) for word in rest]
    if not frame_line:
        raise InputError(f"{path}: the trial has no frames, expected at least one")
    frames.append(_close_frame(f"{path}:{len(lines)}", current, counts, previous))
    return np.array(frames)


def _close_frame(
    at: str, current: dict[str, list[float]], counts: dict[str, int], frame: int
) -> list[float]:
    missing = [name for name in counts if name not in current]
    if missing:
        raise InputError(
            f"{at}: frame {frame} ends without {', '.join(missing)}; is the file truncated, or the "
            "skeleton another subject's?"
        )
    return [value for name in counts for value in current[name]]


def _check_values(path: Path, values: np.ndarray, asf: AsfSkeleton, degrees: bool) -> None:
    channels = [(name, c) for name, d in zip(asf.skeleton.names, asf.dofs, strict=True) for c in d]
    for column, (name, channel) in enumerate(channels):
        size = np.abs(values[:, column])
        frame = int(size.argmax())
        if channel.startswith("r"):
            wrong = (size[frame] if degrees else np.rad2deg(size[frame])) > MAX_ANGLE_DEG
            expected = f"an angle of at most {MAX_ANGLE_DEG:g} degrees"
        elif name == "root":
            wrong = size[frame] * asf.mm_per_unit > MAX_ROOT_MM
            expected = f"at most {MAX_ROOT_MM / 1000:g} m from the origin"
        else:
            wrong = size[frame] > 1e-6
            expected = "0: bones that stretch are not supported"
        if wrong:
            raise InputError(
                f"{path}: frame {frame + 1}: {channel} of bone {name} is "
                f"{values[frame, column]:.6g}, expected {expected}"
            )


def _rotations_and_root(
    path: Path, values: np.ndarray, asf: AsfSkeleton, degrees: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Local rotations (frames, bones, 3, 3) and root positions (frames, 3) in the world frame."""
    frames = len(values)
    rotations = np.tile(np.eye(3), (frames, len(asf.skeleton), 1, 1))
    root = np.zeros((frames, 3))
    column = 0
    for bone, dofs in enumerate(asf.dofs):
        block = values[:, column : column + len(dofs)]
        column += len(dofs)
        turning = [i for i, channel in enumerate(dofs) if channel.startswith("r")]
        if bone == 0:
            for i, channel in enumerate(dofs):
                if channel.startswith("t"):
                    root[:, "xyz".index(channel[1])] = block[:, i]
        if not turning and bone > 0:
            continue
        local = np.tile(np.eye(3), (frames, 1, 1))
        if turning:
            order = "".join(dofs[i][1] for i in turning)
            angles = block[:, turning]
            local = Rotation.from_euler(order, angles, degrees=degrees).as_matrix()
        axes = asf.axes[bone]
        rotations[:, bone] = axes @ local @ axes.T
    turn = Y_UP_TO_Z_UP
    root_mm = root * asf.mm_per_unit + asf.root_mm
    return turn @ rotations @ turn.T, root_mm @ turn.T
