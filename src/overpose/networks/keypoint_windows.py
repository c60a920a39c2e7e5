"""Keypoints in the frame the lifter works in, the same in training and in use.

Conventions. Image points become rays, `(x - centre) / focal`. A virtual camera is turned, without
roll, from the real one so that it looks at the person in the middle frame of the window; keypoints
are seen by it and divided by the person's apparent size. So where in the image somebody stands, and
the focal length, do not matter, and the pose comes out in the virtual camera's axes: `to_camera`
turns it back. All arrays carry a batch axis first.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from overpose.layouts import BLAZEPOSE_33, KeypointLayout
from overpose.networks.configs import KeypointEncoderConfig

INPUT_NAMES = (*BLAZEPOSE_33.names, "pelvis", "spine", "neck", "head_top")
INPUTS = KeypointLayout("lifter", INPUT_NAMES)
"""Keypoints the network takes: BlazePose's, and those only Human3.6M or BODY_25 have."""
MAIN_NAMES = tuple(
    f"{side}_{part}"
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
"""Keypoints every layout has: they give a person's place and size."""
MAIN = INPUTS.indices(MAIN_NAMES)
FRAME_SIZE = 3 * len(INPUT_NAMES)
"""Numbers for each frame: x, y, score of the keypoints."""
JITTER_FLOOR, JITTER_TYPICAL = 0.003, 0.02
"""In sizes of a person: what no network needs to tell from stillness, and what detectors have."""
_SMALLEST = 1e-6


@dataclass(frozen=True, eq=False)
class Windows:
    """Input of the lifter.

    Attributes:
        features: (batch, frames * FRAME_SIZE + 1) float32.
        to_camera: (batch, 3, 3) float64, axes of the virtual camera to those of the real one.
    """

    features: np.ndarray
    to_camera: np.ndarray


def input_size(frames: int) -> int:
    """Numbers in the features of a window of that many frames."""
    return frames * FRAME_SIZE + 1


def make_windows(rays: np.ndarray, scores: np.ndarray, middle: int) -> Windows:
    """Normalise windows of keypoints.

    Args:
        rays: (batch, frames, 37, 2) keypoints of `INPUT_NAMES` as x / z, y / z; NaN where missing.
        scores: (batch, frames, 37) 0 to 1.
        middle: index of the frame that is predicted.
    """
    seen = np.asarray(np.isfinite(rays).all(axis=-1))
    homogeneous = np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1)
    main, main_seen = homogeneous[:, middle, MAIN], seen[:, middle, MAIN]
    nowhere = np.asarray(~main_seen.any(axis=1))  # none of the main ones: those of other frames
    if nowhere.any():
        there = seen[nowhere][:, :, MAIN]
        sums = np.where(there[..., None], homogeneous[nowhere][:, :, MAIN], 0.0).sum(axis=1)
        main, main_seen = main.copy(), main_seen.copy()
        main[nowhere] = sums / np.maximum(there.sum(axis=1), 1)[..., None]
        main_seen[nowhere] = there.any(axis=1)
    weight = main_seen[..., None].astype(np.float64)
    total = weight.sum(axis=1)
    centre = np.where(main_seen[..., None], main, 0.0).sum(axis=1) / np.maximum(total, 1.0)
    centre[total[:, 0] == 0] = (0.0, 0.0, 1.0)
    to_camera = look_along(centre)
    turned = homogeneous @ to_camera[:, None]
    depth = np.where(turned[..., 2:] > _SMALLEST, turned[..., 2:], np.nan)
    flat = turned[..., :2] / depth
    seen &= np.isfinite(flat).all(axis=-1)
    squares = np.where(seen[:, :, MAIN], np.square(flat[:, :, MAIN]).sum(axis=-1), 0.0)
    counted = np.maximum(seen[:, :, MAIN].sum(axis=(1, 2)), 1)
    size = np.sqrt(squares.sum(axis=(1, 2)) / counted)
    size = np.maximum(size, _SMALLEST)
    points = np.where(seen[..., None], flat / size[:, None, None, None], 0.0)
    sureness = np.where(seen, 0.25 + 0.75 * scores, 0.0)
    frames = np.concatenate([points, sureness[..., None]], axis=-1).reshape(len(rays), -1)
    features = np.concatenate([frames, np.log(size)[:, None] + 1.5], axis=1)
    return Windows(features.astype(np.float32), to_camera)


def first_size(config: KeypointEncoderConfig) -> int:
    """Numbers that the first layer of an encoder takes at a time."""
    frames = len(config.offsets) if config.kind == "mlp" else 1
    return input_size(frames) + (len(INPUT_NAMES) if config.jitter else 0)


def encoder_inputs(windows: Any, config: KeypointEncoderConfig, library: ModuleType) -> Any:
    """What the first layer of an encoder takes of the features of windows.

    Args:
        windows: (batch, inputs) from `make_windows`.
        config: of the encoder.
        library: numpy or torch, whichever the array is of.

    Returns:
        (batch, `first_size`), or for kinds that take frame by frame (batch, frames, `first_size`):
        what holds of the whole window is told with every frame.
    """
    count = len(config.offsets)
    if config.kind == "mlp" and not config.jitter:
        return windows
    frames = windows[:, :-1].reshape(-1, count, len(INPUT_NAMES), 3)
    whole = [windows[:, -1:]]
    if config.jitter:
        whole.append(jitter(frames, config.triples, library))
    told = library.concat(whole, -1)
    if config.kind == "mlp":
        return library.concat([windows[:, :-1], told], -1)
    each = library.broadcast_to(told[:, None], (windows.shape[0], count, told.shape[-1]))
    return library.concat([frames.reshape(-1, count, FRAME_SIZE), each], -1)


def jitter(frames: Any, triples: tuple[int, ...], library: ModuleType) -> Any:
    """How much each keypoint trembles: the rms second difference over neighbouring frames.

    The same in numpy, for use, and in torch, for training.

    Args:
        frames: (batch, frames, 37, 3) x, y in sizes of the person and how sure, 0 where missing.
        triples: index of the first of every three frames that follow one another.
        library: numpy or torch, whichever the array is of.

    Returns:
        (batch, 37) of the dtype given: logarithm of its ratio to `JITTER_TYPICAL`; 0 where no three
        frames show the keypoint.
    """
    first, second, third = (frames[:, [i + step for i in triples]] for step in range(3))
    seen = first[..., 2] * second[..., 2] * third[..., 2] > 0
    change = (first - 2 * second + third)[..., :2]
    square = library.where(seen, (change * change).sum(-1), 0.0)
    count = library.where(seen, first[..., 2] * 0 + 1, 0.0).sum(1)
    rms = library.sqrt(square.sum(1) / count.clip(1))
    told = library.log((rms + JITTER_FLOOR) / JITTER_TYPICAL)
    return library.where(count > 0, told, 0.0)


def look_along(directions: np.ndarray) -> np.ndarray:
    """(batch, 3, 3) rotations that take the z axis to directions (batch, 3) by the shortest way."""
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    x, y, z = unit.T
    shared = 1.0 / (1.0 + np.maximum(z, -1.0 + 1e-6))
    rows = [
        [1 - x * x * shared, -x * y * shared, x],
        [-x * y * shared, 1 - y * y * shared, y],
        [-x, -y, z],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
