"""BlazePose's geometry, with stand-ins for the networks."""

from pathlib import Path

import numpy as np
import pytest

from overpose.keypoints.engines import blazepose
from overpose.keypoints.engines.blazepose import BlazePose, Region, region_of_keypoints


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> BlazePose:
    """A detector that sees one person round anchor 1000, and a landmark model that says (x, y)."""

    def network(path: Path, threads: int):
        def detect(image: np.ndarray) -> dict[str, np.ndarray]:
            assert image.shape == (1, 224, 224, 3)
            boxes = np.zeros((1, 2254, 12), np.float32)
            boxes[..., 2:4] = 60  # width and height
            boxes[..., 7] = -50  # the circle's point is above the hips
            scores = np.full((1, 2254, 1), -9, np.float32)
            scores[0, [1000, 1001], 0] = (3, 2)
            return {"Identity": boxes, "Identity_1": scores}

        def landmarks(image: np.ndarray) -> dict[str, np.ndarray]:
            assert image.shape == (1, 256, 256, 3)
            raw = np.zeros((39, 5), np.float32)
            raw[:, 0], raw[:, 1] = np.arange(39) * 6, np.arange(39) * 5
            return {
                "Identity": raw.reshape(1, -1),
                "Identity_1": np.array([[0.9]], np.float32),
                "Identity_3": np.full((1, 64, 64, 39), -20, np.float32),
                "Identity_4": np.tile(np.array([0, -0.5, 0.1], np.float32), 39)[None],
            }

        return detect if path.name == "detector" else landmarks

    monkeypatch.setattr(blazepose, "_network", network)
    return BlazePose(Path("detector"), Path("landmarks"))


def test_there_are_2254_anchors_in_the_unit_square() -> None:
    anchors = blazepose._anchors()
    assert anchors.shape == (2254, 2)
    assert anchors[0] == pytest.approx((0.5 / 28, 0.5 / 28))
    assert anchors.min() > 0
    assert anchors.max() < 1


def test_a_region_maps_its_unit_square_onto_the_image() -> None:
    upright = Region(100.0, 50.0, 40.0, 0.0).to_image()
    assert upright @ (0, 0, 1) == pytest.approx((80, 30))
    assert upright @ (1, 1, 1) == pytest.approx((120, 70))
    turned = Region(100.0, 50.0, 40.0, np.pi / 2).to_image()  # the person lies, head to the right
    assert turned @ (0.5, 0, 1) == pytest.approx((120, 50))


def test_overlapping_detections_become_one_region_that_points_up(engine: BlazePose) -> None:
    regions = engine.detect(np.zeros((200, 400, 3), np.uint8))
    assert len(regions) == 1
    anchor = blazepose._anchors()[1000]
    assert (regions[0].x, regions[0].y) == pytest.approx((anchor[0] * 400, anchor[1] * 400 - 100))
    assert regions[0].angle_rad == pytest.approx(0)
    assert regions[0].size == pytest.approx(2.5 * 50 / 224 * 400)


def test_tiles_find_people_that_are_small_in_the_image(engine: BlazePose) -> None:
    assert len(engine.detect(np.zeros((200, 400, 3), np.uint8), tiles=True)) > 1


def test_landmarks_go_back_through_the_region(engine: BlazePose) -> None:
    region = Region(300.0, 200.0, 128.0, 0.0)
    found = engine.landmarks(np.zeros((480, 640, 3), np.uint8), region)
    assert found.keypoints_px[2, :2] == pytest.approx((300 - 64 + 6, 200 - 64 + 5))
    assert found.keypoints_px[2, 2] == pytest.approx(0.5)
    assert found.presence == pytest.approx(0.9)
    lying = Region(300.0, 200.0, 128.0, np.pi / 2)
    turned = engine.landmarks(np.zeros((480, 640, 3), np.uint8), lying)
    assert turned.world_mm[0] == pytest.approx((500, 0, 100), abs=1e-3)
    assert found.world_mm[0] == pytest.approx((0, -500, 100), abs=1e-3)


def test_landmarks_move_to_the_mass_of_their_heatmap() -> None:
    heatmaps = np.full((64, 64, 33), -20.0)
    heatmaps[30, 33] = 5.0
    points = np.full((33, 2), 32.5 / 64)
    refined = blazepose._refine(points, heatmaps)
    assert np.allclose(refined, (33 / 64, 30 / 64), atol=1e-6)
    assert np.array_equal(blazepose._refine(points, np.full((64, 64, 33), -20.0)), points)


def test_known_keypoints_give_a_region_round_them() -> None:
    keypoints = np.full((33, 3), np.nan)
    keypoints[[23, 24]] = (100, 200, 1)
    keypoints[[11, 12]] = (100, 120, 1)
    keypoints[0] = (100, 90, 1)
    region = region_of_keypoints(keypoints)
    assert region is not None
    assert (region.x, region.y, region.angle_rad) == pytest.approx((100, 200, 0))
    assert region.size == pytest.approx(2.5 * 110)
    keypoints[23] = np.nan
    assert region_of_keypoints(keypoints) is None
