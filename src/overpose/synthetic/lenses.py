"""What cameras people are filmed with, and from how far: phones, webcams, lenses.

How the picture is taken belongs to `batches`, for keypoints, and to `detections`, for renders.
"""

from dataclasses import dataclass

import numpy as np

FRAME_MM = (24.0, 36.0)
"""Sides of the picture that focal lengths in 35 mm terms are for."""
PERSON_MM = 1700.0


@dataclass(frozen=True)
class Lens:
    """A kind of camera.

    Attributes:
        name: what it is called.
        share: how many people are filmed with it.
        focal_mm: shortest and longest focal length, in 35 mm terms; log-uniform between them.
    """

    name: str
    share: float
    focal_mm: tuple[float, float]


LENSES = (
    Lens("phone", 0.5, (24.0, 31.0)),
    Lens("webcam", 0.2, (21.6, 37.5)),  # 90 to 60 degrees across the diagonal
    Lens("lens", 0.3, (28.0, 85.0)),
)


@dataclass(frozen=True)
class Shots:
    """How people are filmed.

    Attributes:
        lenses: with what.
        fill: least and largest share of the picture's height that a standing person would take;
            pictures are upright half of the time.
        distance_m: nearest and farthest that a camera stands, whatever the lens.
    """

    lenses: tuple[Lens, ...] = LENSES
    fill: tuple[float, float] = (0.25, 1.1)
    distance_m: tuple[float, float] = (1.3, 14.0)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Focal lengths in 35 mm terms and distances in mm, each (count,)."""
        shares = np.array([lens.share for lens in self.lenses])
        which = rng.choice(len(shares), count, p=shares / shares.sum())
        low, high = np.log([lens.focal_mm for lens in self.lenses])[which].T
        focal = np.exp(rng.uniform(low, high))
        sides = np.where(rng.random(count) < 0.5, *FRAME_MM)
        least, most = np.log(self.fill)
        fill = np.exp(rng.uniform(least, most, count))
        distance = focal * PERSON_MM / (sides * fill)
        return focal, np.clip(distance, *(1000.0 * np.array(self.distance_m)))
