"""A long video is lifted some windows at a time, to the same poses."""

import numpy as np
import pytest

from overpose.layouts import BLAZEPOSE_33
from overpose.video import lifting
from overpose.video.models import shipped_lifter


@pytest.mark.parametrize("kind", ["photo", "video"])
def test_the_poses_do_not_depend_on_how_many_are_lifted_at_once(monkeypatch, kind):
    rng = np.random.default_rng(0)
    person = rng.uniform((100, 50), (300, 450), (33, 2))
    drift = rng.normal(0, 2, (40, 33, 2)).cumsum(axis=0)
    keypoints = np.concatenate([person + drift, np.full((40, 33, 1), 0.9)], axis=-1)
    keypoints[7] = np.nan

    def lifted():
        return lifting.lift(
            shipped_lifter(kind), keypoints.astype(np.float32), BLAZEPOSE_33,
            focal_px=500.0, center_px=(200.0, 250.0), fps=25.0,
        ).poses_mm  # fmt: skip

    whole = lifted()
    monkeypatch.setattr(lifting, "_WINDOWS_AT_ONCE", 16)
    np.testing.assert_allclose(lifted(), whole, atol=0.05)
    assert np.isnan(whole[7]).all()
    assert np.isfinite(np.delete(whole, 7, axis=0)).all()
