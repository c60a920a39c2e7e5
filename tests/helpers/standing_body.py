"""A body that stands, for tests that need poses of a person."""

import numpy as np

REST_MM = np.array(
    [
        (0, 0, 0),
        (-130, 10, 0), (-130, 440, 0), (-130, 860, 20),
        (130, 10, 0), (130, 440, 0), (130, 860, 20),
        (0, -230, 10), (0, -480, 20), (0, -590, -40), (0, -700, 0),
        (170, -450, 20), (190, -170, 40), (200, 80, 0),
        (-170, -450, 20), (-190, -170, 40), (-200, 80, 0),
    ],
    dtype=np.float64,
)  # fmt: skip
"""A standing body facing the camera, (17, 3) mm, camera axes, root-relative."""
