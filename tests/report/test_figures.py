"""Figures are written as PNG files of the promised size, whole or not at all."""

import cv2
import numpy as np
import pytest

from overpose.report.figures import draw_comparison, draw_errors
from overpose.report.rows import MEASURES, Row
from overpose.support.errors import InputError


def samples(count, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    poses_mm = rng.normal(0, 300, (count, 17, 3)).astype(np.float32)
    return images, poses_mm


def test_comparison_has_one_panel_a_row_and_column(tmp_path):
    images, poses_mm = samples(2)
    path = tmp_path / "figure.png"
    draw_comparison(path, images, poses_mm, {"direct": poses_mm, "finetuned": poses_mm + 10})
    assert cv2.imread(str(path)).shape == (2 * 270, 4 * 270, 3)


def test_the_same_pose_is_drawn_the_same_in_every_column(tmp_path):
    images, poses_mm = samples(1)
    path = tmp_path / "figure.png"
    draw_comparison(path, images, poses_mm, {"direct": poses_mm})
    picture = cv2.imread(str(path))[40:].astype(int)
    width = picture.shape[1]
    truth = picture[:, width // 3 : 2 * width // 3]
    predicted = picture[:, 2 * width // 3 :]
    ink = [np.count_nonzero((p < 200).any(axis=-1)) for p in (truth, predicted)]
    assert ink[0] > 100
    assert abs(ink[0] - ink[1]) < 0.05 * ink[0]


def test_different_numbers_of_samples_are_refused(tmp_path):
    images, poses_mm = samples(2)
    with pytest.raises(InputError, match="expected the same number"):
        draw_comparison(tmp_path / "f.png", images, poses_mm, {"direct": poses_mm[:1]})
    assert not (tmp_path / "f.png").exists()


def test_error_chart_is_drawn_with_failed_and_single_seed_rows(tmp_path):
    numbers = dict.fromkeys(MEASURES, 1.0)
    rows = [
        Row("direct", "walking", 0, **numbers),
        Row("direct", "mean", 0, **numbers),
        Row("latent", "mean", 0, error="no memory"),
    ]
    draw_errors(tmp_path / "errors.png", rows)
    assert cv2.imread(str(tmp_path / "errors.png")).shape == (525, 1350, 3)
