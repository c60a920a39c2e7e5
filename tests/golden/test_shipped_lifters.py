"""The shipped lifters and what becomes of their poses: what they gave, they always give."""

from pathlib import Path

import numpy as np
import pytest
from lifter_cases import CASES, FIELDS, KEYPOINTS, POSES, predicted

TOLERANCE = {"poses_mm": 0.1, "root_mm": 0.1, "keypoints_px": 0.01, "focal_px": 0.001}


@pytest.mark.parametrize("name", CASES)
def test_keypoints_give_the_poses_that_they_gave(name: str, tmp_path: Path) -> None:
    with np.load(KEYPOINTS, allow_pickle=False) as keypoints:
        track = predicted(name, keypoints[name], tmp_path)
    with np.load(POSES, allow_pickle=False) as stored:
        expected = {field: stored[f"{name}.{field}"] for field in FIELDS}
    for field in FIELDS:
        assert track[field].shape == expected[field].shape, field
        assert (np.isnan(track[field]) == np.isnan(expected[field])).all(), field
        apart = np.abs(track[field].astype(np.float64) - expected[field])
        assert np.nanmax(apart) <= TOLERANCE[field], field
