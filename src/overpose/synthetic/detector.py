"""How the detector errs: its bias by joint, pose and view, and what is left, drawn from real runs.

Measured on renders of known poses (`detections`). The bias is a linear function of the pose as the
camera sees it; what that does not explain is kept as it is, in stretches, so that errors drawn from
it hang together over time and between joints as the detector's do. They may be drawn from poses
that look like the one they are for, of which the same limbs are hidden.
"""

from dataclasses import dataclass

import numpy as np

from overpose.layouts import BLAZEPOSE_33
from overpose.networks.keypoint_windows import MAIN_NAMES
from overpose.skeleton import HUMAN36M
from overpose.synthetic.detections import Detections

MAIN_LANDMARKS = BLAZEPOSE_33.indices(MAIN_NAMES)
_RIDGE = 30.0
_LOGIT_LIMIT = 1e-3


@dataclass(frozen=True, eq=False)
class DetectorModel:
    """Bias and residuals of the detector.

    Attributes:
        weights: (1 + 99, 99) float32, from the pose's features to the bias of each of the 33
            landmarks (x, y, in sizes of the person) and the logit of its visibility.
        residuals: (stretches, F, 33, 3) float32 what is left of these; NaN where nobody was found.
        shapes: (stretches, F, 36) float32 the poses that they were measured on, of unit size.
    """

    weights: np.ndarray
    residuals: np.ndarray
    shapes: np.ndarray

    @classmethod
    def fit(cls, detections: Detections) -> "DetectorModel":
        """Measure the errors of both models of the detector."""
        landmarks = detections.points_mm[:, :, len(HUMAN36M) :].astype(np.float64)
        features, errors = [], []
        for which in range(detections.keypoints_px.shape[2]):
            features.append(pose_features(landmarks))
            errors.append(
                _errors(
                    landmarks,
                    detections.focal_px.astype(np.float64),
                    detections.keypoints_px[:, :, which].astype(np.float64),
                )
            )
        inputs, outputs = np.concatenate(features), np.concatenate(errors)
        flat_inputs = inputs.reshape(-1, inputs.shape[-1])
        flat_outputs = outputs.reshape(len(flat_inputs), -1)
        kept = np.isfinite(flat_outputs).all(axis=1)
        x, y = flat_inputs[kept], flat_outputs[kept]
        penalty = _RIDGE * np.eye(x.shape[1])
        penalty[0, 0] = 0.0
        weights = np.linalg.solve(x.T @ x + penalty, x.T @ y)
        residuals = outputs - (inputs @ weights).reshape(outputs.shape)
        shapes = np.concatenate([_main_shape(landmarks)] * detections.keypoints_px.shape[2])
        return cls(weights.astype(np.float32), residuals.astype(np.float32), shapes)

    @classmethod
    def perfect(cls) -> "DetectorModel":
        """One that never errs, and is nearly sure of it."""
        residuals = np.zeros((1, 1, len(BLAZEPOSE_33), 3), np.float32)
        residuals[..., 2] = -np.log(_LOGIT_LIMIT)
        size = residuals.size
        shapes = np.zeros((1, 1, 3 * len(MAIN_LANDMARKS)), np.float32)
        return cls(np.zeros((1 + size, size), np.float32), residuals, shapes)

    def draw(
        self,
        landmarks_mm: np.ndarray,
        frames: np.ndarray,
        rng: np.random.Generator,
        *,
        choices: int = 1,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Detections of windows of known landmarks.

        Args:
            landmarks_mm: (batch, T, 33, 3) camera axes, mm, seen by a camera that looks at them.
            frames: (T,) ascending offsets in time of the window's frames.
            rng: decides everything.
            choices: stretches that are drawn for each window, of which the one is taken whose pose
                is most like the window's at time 0.

        Returns:
            rays (batch, T, 33, 2), NaN where lost, and scores (batch, T, 33).
        """
        batch = len(landmarks_mm)
        rays = landmarks_mm[..., :2] / landmarks_mm[..., 2:]
        features = pose_features(landmarks_mm)
        bias = (features.astype(np.float32) @ self.weights).reshape(*rays.shape[:3], 3)
        middle = landmarks_mm[:, int(np.argmin(np.abs(frames)))]
        stretch, start, mirrored = self._alike(middle, choices, rng)
        places = np.clip(start[:, None] + frames, 0, self.residuals.shape[1] - 1)
        drawn = self.residuals[stretch[:, None], places]
        drawn[mirrored] = BLAZEPOSE_33.mirrored(drawn[mirrored])
        strength = np.exp(rng.normal(0.0, 0.35, (batch, 1, 1, 1)))
        errors = bias + drawn * strength
        scale = _image_size(rays)[..., None, None]
        return rays + errors[..., :2] * scale, 1.0 / (1.0 + np.exp(-errors[..., 2]))

    def _alike(
        self, landmarks_mm: np.ndarray, choices: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For poses (batch, 33, 3): (batch,) stretches, frames of them, whether to mirror them."""
        size = (len(landmarks_mm), choices)
        stretch = rng.integers(len(self.residuals), size=size)
        start = rng.integers(self.residuals.shape[1], size=size)
        mirrored = rng.random(size) < 0.5
        best = np.zeros(len(landmarks_mm), np.int64)
        if choices > 1:
            either = np.stack(
                [_main_shape(landmarks_mm), _main_shape(BLAZEPOSE_33.mirrored(landmarks_mm))],
                axis=1,
            )
            wanted = np.take_along_axis(either, mirrored.astype(np.int64)[..., None], axis=1)
            best = np.square(self.shapes[stretch, start] - wanted).sum(axis=-1).argmin(axis=1)
        every = np.arange(len(best))
        return stretch[every, best], start[every, best], mirrored[every, best]


def pose_features(landmarks_mm: np.ndarray) -> np.ndarray:
    """(..., 100): one, and the landmarks about the mid-hip divided by the person's size."""
    unit = _unit_shape(landmarks_mm)
    flat = unit.reshape(*unit.shape[:-2], unit.shape[-2] * unit.shape[-1])
    return np.concatenate([np.ones((*flat.shape[:-1], 1)), flat], axis=-1)


def _unit_shape(landmarks_mm: np.ndarray) -> np.ndarray:
    """Landmarks about the mid-hip, divided by the rms distance of the main ones from it."""
    centred = landmarks_mm - BLAZEPOSE_33.middle(landmarks_mm, "hip")[..., None, :]
    squares = np.square(centred[..., MAIN_LANDMARKS, :]).sum(axis=-1)
    return centred / np.sqrt(squares.mean(axis=-1))[..., None, None]


def _main_shape(landmarks_mm: np.ndarray) -> np.ndarray:
    """(..., 36) float32: the main ones of `_unit_shape`."""
    main = _unit_shape(landmarks_mm)[..., MAIN_LANDMARKS, :].astype(np.float32)
    return main.reshape(*main.shape[:-2], -1)


def _image_size(rays: np.ndarray) -> np.ndarray:
    """(...): rms distance of the main landmarks (..., 33, 2) from their middle."""
    main = rays[..., MAIN_LANDMARKS, :]
    squares = np.square(main - main.mean(axis=-2, keepdims=True)).sum(axis=-1)
    return np.sqrt(squares.mean(axis=-1))


def _errors(landmarks_mm: np.ndarray, focal_px: np.ndarray, keypoints_px: np.ndarray) -> np.ndarray:
    """(C, F, 33, 3) errors of one model: image x, y, logit of the visibility."""
    from overpose.synthetic.detections import IMAGE_SIZE

    rays = landmarks_mm[..., :2] / landmarks_mm[..., 2:]
    found = (keypoints_px[..., :2] - IMAGE_SIZE / 2) / focal_px[:, None, None, None]
    image = (found - rays) / _image_size(rays)[..., None, None]
    visible = np.clip(keypoints_px[..., 2:], _LOGIT_LIMIT, 1 - _LOGIT_LIMIT)
    return np.concatenate([image, np.log(visible / (1 - visible))], axis=-1)
