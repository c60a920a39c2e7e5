"""BlazePose's geometry, with stand-ins for the networks."""

from pathlib import Path

import numpy as np
import pytest

from overpose.keypoints import blazepose
from overpose.keypoints.blazepose import BlazePose, Region, region_of_keypoints


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> BlazePose:
    """A detector that sees one person round anchor 1000, and a landmark model that says (x, y)."""

    def network(path: Path, *_: object, **options: object):
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
            raw[:, 3], raw[:, 4] = 1, -1  # logits of visibility and presence
            return {
                "Identity": raw.reshape(1, -1),
                "Identity_1": np.array([[0.9]], np.float32),
                "Identity_3": np.full((1, 64, 64, 39), -20, np.float32),
                "Identity_4": np.tile(np.array([0, -0.5, 0.1], np.float32), 39)[None],
            }

        return detect if path.name == "detector" else landmarks

    monkeypatch.setattr(blazepose, "network", network)
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


def sees_boxes(
    monkeypatch: pytest.MonkeyPatch, boxes: list[tuple[float, float, float, float, float]]
) -> BlazePose:
    """A detector that finds boxes: left, top, width, height in pixels of 224, and the score."""
    anchors = blazepose._anchors() * 224

    def network(path: Path, *_: object, **options: object):
        def detect(image: np.ndarray) -> dict[str, np.ndarray]:
            values = np.zeros((1, 2254, 12), np.float32)
            logits = np.full((1, 2254, 1), -9, np.float32)
            for number, (left, top, width, height, score) in enumerate(boxes):
                place = 100 * number + 7
                centre = (left + width / 2, top + height / 2)
                values[0, place, :2] = centre - anchors[place]
                values[0, place, 2:4] = width, height
                values[0, place, 4:6] = centre - anchors[place]  # the hips
                values[0, place, 6:8] = (left + width / 2, top) - anchors[place]  # above the head
                logits[0, place] = np.log(score / (1 - score))
            return {"Identity": values, "Identity_1": logits}

        return detect

    monkeypatch.setattr(blazepose, "network", network)
    return BlazePose(Path("detector"), Path("landmarks"))


@pytest.mark.parametrize(("overlap", "people"), [(0.0, 2), (0.25, 2), (0.35, 1), (0.9, 1)])
def test_boxes_that_share_three_tenths_of_their_union_are_one_person(
    monkeypatch: pytest.MonkeyPatch, overlap: float, people: int
) -> None:
    """Two boxes of 60 px, one above the other: they share s x 60 of (2 - s) x 60 x 60."""
    shared = 60 * 2 * overlap / (1 + overlap)
    boxes = [(80.0, 40.0, 60.0, 60.0, 0.7), (80.0, 40.0 + 60.0 - shared, 60.0, 60.0, 0.9)]
    found = sees_boxes(monkeypatch, boxes).detect(np.zeros((224, 224, 3), np.uint8))
    assert len(found) == people
    assert [region.score for region in found] == pytest.approx([0.9, 0.7][:people])
    assert (found[0].x, found[0].y) == pytest.approx((110, 40 + 60 - shared + 30), abs=1e-3)


def test_a_box_within_a_surer_one_that_is_much_larger_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A child before an adult: the union counts, not the smaller box."""
    boxes = [(20.0, 20.0, 180.0, 180.0, 0.9), (60.0, 100.0, 60.0, 60.0, 0.8)]
    assert len(sees_boxes(monkeypatch, boxes).detect(np.zeros((224, 224, 3), np.uint8))) == 2


def test_detections_below_one_half_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [(20.0, 20.0, 50.0, 50.0, 0.52), (120.0, 120.0, 50.0, 50.0, 0.48)]
    (found,) = sees_boxes(monkeypatch, boxes).detect(np.zeros((224, 224, 3), np.uint8))
    assert (found.x, found.y) == pytest.approx((45, 45), abs=1e-3)


@pytest.mark.parametrize(("width", "height"), [(448, 224), (224, 448), (300, 300)])
def test_places_in_the_padded_square_are_places_in_the_image(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    """The middle of the square is the middle of the image, whichever side is padded."""
    engine = sees_boxes(monkeypatch, [(82.0, 92.0, 60.0, 40.0, 0.9)])
    (found,) = engine.detect(np.zeros((height, width, 3), np.uint8))
    assert (found.x, found.y) == pytest.approx((width / 2, height / 2), abs=1e-3)
    assert found.size == pytest.approx(2.5 * 20 * max(width, height) / 224, rel=1e-4)


def test_the_detector_gets_the_whole_image_between_minus_one_and_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def network(path: Path, *_: object, **options: object):
        def detect(image: np.ndarray) -> dict[str, np.ndarray]:
            seen.append(image[0])
            scores = np.full((1, 2254, 1), -9, np.float32)
            return {"Identity": np.zeros((1, 2254, 12), np.float32), "Identity_1": scores}

        return detect

    monkeypatch.setattr(blazepose, "network", network)
    image = np.zeros((112, 224, 3), np.uint8)
    image[:, 112:] = (255, 128, 0)
    assert BlazePose(Path("detector"), Path("landmarks")).detect(image) == []
    (square,) = seen
    assert np.allclose(square[60:164, 116:], (1.0, 0.004, -1.0), atol=0.01)
    assert (square[60:164, :108] == -1).all()
    assert (square[:52] == -1).all()  # padding above and below
    assert (square[172:] == -1).all()


def test_the_landmark_model_sees_the_person_upright_in_the_region(
    engine: BlazePose, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody lies with the head to the right: the bright half of the region comes on top."""
    image = np.zeros((300, 300, 3), np.uint8)
    image[:, 150:] = 255
    seen = []
    inner = engine._landmarks
    monkeypatch.setattr(
        engine, "_landmarks", lambda values: seen.append(values[0]) or inner(values)
    )
    engine.landmarks(image, Region(150.0, 150.0, 128.0, np.pi / 2))
    assert (seen[0][:120] == 1).all()
    assert (seen[0][136:] == 0).all()


def test_half_as_large_every_pixel_of_a_crop_is_the_mean_of_four(
    engine: BlazePose, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    seen = []
    inner = engine._landmarks
    monkeypatch.setattr(
        engine, "_landmarks", lambda values: seen.append(values[0]) or inner(values)
    )
    engine.landmarks(image, Region(300.0, 310.0, 512.0, 0.0))
    part = image[310 - 256 : 310 + 256, 300 - 256 : 300 + 256].astype(np.float64)
    means = part.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))
    assert np.abs(seen[0] * 255 - means).max() <= 1.5


@pytest.mark.parametrize(("height", "width"), [(200, 400), (1080, 1920), (900, 500), (300, 300)])
def test_tiles_are_squares_of_two_sizes_that_cover_the_image(height: int, width: int) -> None:
    tiles = np.array(blazepose._tiles(height, width, blazepose._TILES))
    shorter = min(height, width)
    assert set(tiles[:, 2].tolist()) <= {shorter, 0.6 * shorter}
    assert tiles[:, :2].min() >= 0
    assert (tiles[:, 0] + tiles[:, 2]).max() <= width + 1e-6
    assert (tiles[:, 1] + tiles[:, 2]).max() <= height + 1e-6
    small = tiles[tiles[:, 2] < shorter]
    covered = np.zeros((height, width), bool)
    for x, y, size in small:
        covered[round(y) : round(y + size), round(x) : round(x + size)] = True
    assert covered.all()
    for axis in (0, 1):  # so that somebody at a border is whole in one of them
        assert np.diff(np.unique(small[:, axis])).max() <= 0.6 * small[0, 2] + 1e-6


def test_the_next_region_is_round_the_circle_that_the_model_drew(engine: BlazePose) -> None:
    """The 34th point is the mid-hip, the 35th on the circle around the person."""
    region = Region(300.0, 200.0, 256.0, 0.0)
    found = engine.landmarks(np.zeros((480, 640, 3), np.uint8), region).region
    step = np.array([6, 5])  # from each point to the next
    hips = np.array([300 - 128, 200 - 128]) + 33 * step
    assert (found.x, found.y) == pytest.approx(tuple(hips), abs=1e-3)
    assert found.size == pytest.approx(2.5 * np.linalg.norm(step), rel=1e-4)
    assert found.angle_rad == pytest.approx(np.arctan2(6, -5))
    assert found.score == pytest.approx(0.9)


def test_tiles_find_people_that_are_small_in_the_image(engine: BlazePose) -> None:
    assert len(engine.detect(np.zeros((200, 400, 3), np.uint8), tiles=True)) > 1


def small_people(
    monkeypatch: pytest.MonkeyPatch, score: float = 0.8, size: tuple[int, int] = (800, 1000)
) -> tuple[BlazePose, np.ndarray]:
    """A detector that sees somebody of half a window's height in the middle of each window."""
    boxes = [(90.0, 60.0, 44.0, 50.0, score)]
    return sees_boxes(monkeypatch, boxes), np.zeros((*size, 3), np.uint8)


def test_smaller_parts_show_people_who_fit_into_them(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, image = small_people(monkeypatch)
    found = engine.detect_small(image, [])
    assert len(found) >= 15
    sizes = {round(each.size, 3) for each in found}
    assert sizes <= {round(2.5 * 25 / 224 * side, 3) for side in (240.0, 320.0)}


def test_of_the_smaller_parts_only_who_is_sure_and_apart_from_others_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, image = small_people(monkeypatch, 0.52)
    assert engine.detect_small(image, []) == []
    engine, image = small_people(monkeypatch)
    everywhere = engine.detect_small(image, [])
    near = Region(400.0, 400.0, 500.0, 0.0)  # within a circle of 200 px
    apart = engine.detect_small(image, [near])
    assert apart == [r for r in everywhere if np.hypot(r.x - 400, r.y - 400) >= 200]
    assert 0 < len(apart) < len(everywhere)


def test_a_small_image_has_no_smaller_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, image = small_people(monkeypatch, size=(360, 480))
    assert engine.detect_small(image, []) == []


def test_landmarks_go_back_through_the_region(engine: BlazePose) -> None:
    region = Region(300.0, 200.0, 128.0, 0.0)
    found = engine.landmarks(np.zeros((480, 640, 3), np.uint8), region)
    assert found.keypoints_px[2, :2] == pytest.approx((300 - 64 + 6, 200 - 64 + 5))
    assert found.keypoints_px[2, 2] == pytest.approx(1 / (1 + np.exp(-1)))
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
