"""People cut out of images as the image networks were trained to see them."""

import numpy as np
import pytest
from standing_body import REST_MM

from overpose.boxes import paper_box
from overpose.camera import Camera
from overpose.keypoints.people import Person
from overpose.video.image_poses import poses_from_image

SIZE = 64


class Watcher:
    """An image model that keeps what it is shown."""

    image_size = SIZE

    def __init__(self) -> None:
        self.seen = np.empty((0, SIZE, SIZE, 3), np.uint8)

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.seen = images
        return np.arange(len(images) * 51, dtype=np.float32).reshape(-1, 17, 3)


CAMERA = Camera(
    focal_px=np.array([1000.0, 1000.0]),
    center_px=np.array([400.0, 300.0]),
    rotation=np.eye(3),
    translation_mm=np.zeros(3),
    width=800,
    height=600,
)


def coordinates(width: int = 800, height: int = 600) -> np.ndarray:
    """An image whose red is the column and whose green the row, in parts of 255."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.round(np.arange(width) / width * 255)
    image[..., 1] = np.round(np.arange(height) / height * 255)[:, None]
    return image


def cut_from(crop: np.ndarray) -> np.ndarray:
    """(left, top, right, bottom), pixels of `coordinates`, of a crop of it."""
    inner = crop[2:-2, 2:-2].astype(np.float64) / 255
    x, y = inner[..., 0].mean(axis=0) * 800, inner[..., 1].mean(axis=1) * 600
    steps = np.arange(2, SIZE - 2) + 0.5
    (a, b), (c, d) = np.polyfit(steps, x, 1), np.polyfit(steps, y, 1)
    return np.array([b, d, a * SIZE + b, c * SIZE + d])


def standing_at(*place_mm: float) -> np.ndarray:
    return REST_MM + np.array(place_mm)


def person(joints_mm: np.ndarray) -> Person:
    points = CAMERA.project(joints_mm)
    keypoints = np.column_stack([points, np.ones(len(points))]).astype(np.float32)
    return Person(1, keypoints)


@pytest.mark.parametrize("place", [(0, 0, 4000), (0, 500, 3500), (-300, 200, 5500)])
def test_a_person_is_cut_out_as_in_the_training_images(place: tuple[int, int, int]) -> None:
    """The margin included: from the 2D joints alone, nearly the box that training takes."""
    joints = standing_at(*place)
    model = Watcher()
    poses_from_image(model, coordinates(), [person(joints)])
    left, top, side = paper_box(joints, CAMERA)
    found = cut_from(model.seen[0])
    wanted = np.array([left, top, left + side, top + side])
    assert np.abs(found - wanted).max() < 0.05 * side
    assert found[2] - found[0] == pytest.approx(side, rel=0.06)


def test_a_small_person_is_cut_out_to_a_fraction_of_a_pixel() -> None:
    image = np.zeros((50, 80, 3), np.uint8)
    image[..., 0], image[..., 1] = 3 * np.arange(80), 5 * np.arange(50)[:, None]
    corners = np.array([[30.0, 20.0, 1.0], [38.0, 36.0, 1.0]], np.float32)
    model = Watcher()
    poses_from_image(model, image, [Person(1, corners)])
    middle = model.seen[0].astype(np.float64).mean(axis=(0, 1))[:2] / (3, 5) + 0.5
    assert middle == pytest.approx((34.0, 28.0), abs=0.1)


def test_missing_keypoints_do_not_count_and_nobody_gives_no_poses() -> None:
    whole = person(standing_at(0, 0, 4000))
    holes = Person(2, np.concatenate([whole.keypoints_px, np.full((3, 3), np.nan, np.float32)]))
    model = Watcher()
    poses = poses_from_image(model, coordinates(), [whole, holes])
    assert np.array_equal(model.seen[0], model.seen[1])
    assert poses.shape == (2, 17, 3)
    assert poses_from_image(model, coordinates(), []).shape == (0, 17, 3)


def test_beyond_the_border_the_image_is_continued() -> None:
    """Not with black: training images show no black there either."""
    bright = np.full((600, 800, 3), 200, np.uint8)
    model = Watcher()
    poses_from_image(model, bright, [person(standing_at(-1500, 0, 4000))])
    assert (model.seen == 200).all()
