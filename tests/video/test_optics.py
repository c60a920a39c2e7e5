"""The view of a video: what is known of its camera, in order, and keypoints without distortion."""

from pathlib import Path

import numpy as np
import pytest

from overpose.camera import Camera
from overpose.support.errors import UsageError
from overpose.video.optics import view_of
from overpose.video.options import PredictOptions
from overpose.video.posing import View


def test_focal_lengths_are_taken_in_order_and_guesses_marked() -> None:
    def of(options: PredictOptions, known_focal_px: float | None = None) -> View:
        return view_of(options, 640, 480, 25.0, known_focal_px=known_focal_px)

    assert of(PredictOptions(focal_px=900.0), 700.0) == View(640, 480, 25.0, 900.0)
    assert of(PredictOptions(fov_deg=90.0)).focal_px == pytest.approx(320.0)
    filed = of(PredictOptions(), 700.0)
    assert (filed.focal_px, filed.focal_is_estimated, filed.focal_px_std) == (700.0, False, 35.0)
    guessed = of(PredictOptions())
    assert (guessed.focal_px, guessed.focal_is_estimated) == (512.0, True)
    assert guessed.focal_px_std == pytest.approx(0.2 * 512)


def test_straight_keypoints_are_where_a_pinhole_sees_the_same_points() -> None:
    lens = Camera(
        np.array([500.0, 505.0]), np.array([330.0, 230.0]), np.eye(3), np.zeros(3), 640, 480,
        (0.2, -0.1, 0.002, 0.003), "opencv",
    )  # fmt: skip
    points = np.random.default_rng(0).uniform((-900, -700, 2500), (900, 700, 4000), (3, 5, 3))
    seen = np.concatenate([lens.project_camera(points), np.ones((3, 5, 1))], axis=-1)
    view = View(640, 480, 25.0, 500.0, lens=lens)
    straight = view.straight(seen)
    expected = 500.0 * points[..., :2] / points[..., 2:] + (320, 240)
    assert np.allclose(straight[..., :2], expected)
    assert (straight[..., 2] == 1).all()
    seen[0, 0, :2] = np.nan
    assert np.isnan(view.straight(seen)[0, 0, :2]).all()


def test_two_ways_to_say_the_focal_length_are_wrong_usage() -> None:
    for others in ({"focal_px": 900.0}, {"fov_deg": 60.0}):
        with pytest.raises(UsageError, match="expected one of them"):
            PredictOptions(camera=Path("calib.toml"), **others)
    with pytest.raises(UsageError, match="without camera"):
        PredictOptions(camera_name="cam_01")
