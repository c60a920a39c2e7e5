"""Stick people who walk through a picture, seen from the side, as COCO keypoints."""

import numpy as np

FPS = 30.0


def walker(
    middle_px: np.ndarray, *, height_px: float = 200.0, phase: float = 0.0, stride_hz: float = 0.9
) -> np.ndarray:
    """(frames, 17, 3) keypoints of a person whose hips are at `middle_px` (frames, 2)."""
    time = np.arange(len(middle_px)) / FPS
    turn = 2 * np.pi * (stride_hz * time + phase)
    swing = 0.16 * np.sin(turn)
    zero = np.zeros_like(time)
    bob = 0.01 * np.cos(2 * turn)
    places = [(0.05, -0.42), (0.06, -0.44), (0.04, -0.44), (0.0, -0.43), (-0.01, -0.43)]
    body = [np.stack([zero + x, bob + y], axis=-1) for x, y in places]
    ends = [
        (0.02, -0.30), (-0.02, -0.30), (swing * -0.6, -0.13), (swing * 0.6, -0.13),
        (swing * -1.2 + 0.03, 0.02), (swing * 1.2 + 0.03, 0.02), (0.01, 0.0), (-0.01, 0.0),
        (swing * 0.7, 0.24), (swing * -0.7, 0.24), (swing * 1.3 - 0.02, 0.47),
        (swing * -1.3 - 0.02, 0.47),
    ]  # fmt: skip
    body += [np.stack([zero + x, bob + y], axis=-1) for x, y in ends]
    points = middle_px[:, None] + height_px * np.stack(body, axis=1)
    return np.concatenate([points, np.full((*points.shape[:2], 1), 0.9)], axis=-1)


def path(start: tuple[float, float], end: tuple[float, float], frames: int) -> np.ndarray:
    """(frames, 2) straight from start to end."""
    share = np.linspace(0, 1, frames)[:, None]
    return (1 - share) * np.array(start) + share * np.array(end)


def noisy(people: list[np.ndarray], seed: int, px: float = 2.0) -> list[np.ndarray]:
    """The same (frames, 17, 3) with normal noise on x and y."""
    rng = np.random.default_rng(seed)
    result = [person.copy() for person in people]
    for person in result:
        person[..., :2] += rng.normal(0, px, person[..., :2].shape)
    return result
