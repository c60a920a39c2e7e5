"""The paper's box rule, crops, and the visibility of joints."""

import cv2
import numpy as np
import pytest

from overpose.boxes import BOX_RADIUS_MM, LIMB_RADIUS_MM, cut_out, joint_visibility, paper_box
from overpose.camera import Camera
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError


def camera(width: int = 1000, height: int = 1000) -> Camera:
    """Looks along the world's z from its origin, focal length 1000 px."""
    return Camera(
        focal_px=np.array([1000.0, 1000.0]),
        center_px=np.array([width / 2, height / 2]),
        rotation=np.eye(3),
        translation_mm=np.zeros(3),
        width=width,
        height=height,
    )


def all_joints_at(x: float, y: float, z: float) -> np.ndarray:
    return np.tile([x, y, z], (17, 1)).astype(np.float64)


def test_radii_are_the_papers():
    named = dict(zip(HUMAN36M.joint_names, BOX_RADIUS_MM, strict=True))
    assert {name: r for name, r in named.items() if r != 115} == {
        "nose": 140, "head_top": 140, "spine": 260, "neck": 260,
    }  # fmt: skip


def test_the_box_of_coinciding_joints_is_that_of_the_largest_sphere():
    """Radius 260 at 4 m: +-260 at depth 4000 is +-65 px; the diagonals, +-184, are inside."""
    assert paper_box(all_joints_at(0, 0, 4000), camera()) == (435, 435, 130)


def test_the_rectangle_is_rounded_outwards():
    """At 3.9 m the sphere of 260 mm reaches 66.7 px to every side: 433.3 to 566.7."""
    assert paper_box(all_joints_at(0, 0, 3900), camera()) == (433, 433, 134)


def test_the_diagonal_points_lie_at_the_root_of_a_half_along_each_axis():
    """From far away along (1, -1, 0) tilted by atan(sqrt(2)), one of them is at its full distance,
    sqrt(3 / 2) of the radius, up in the picture; the axes' ends reach sqrt(2 / 3) there."""
    far_mm, focal_px = 1e7, 1e7
    towards = np.array([1.0, 1.0, -2.0]) / np.sqrt(6)
    view = Camera.look_at(far_mm * towards, (0, 0, 0), focal_px, 4000, 4000)
    _, _, side = paper_box(np.zeros((17, 3)), view)
    assert side == pytest.approx(2 * 260 * np.sqrt(3 / 2), abs=2)


def test_the_shorter_side_is_enlarged_about_the_middle():
    joints = all_joints_at(0, 0, 4000)
    joints[HUMAN36M.index("head_top")] = [0, -1200, 4000]  # top: -(1200 + 140) / 4 = -335 px
    left, top, side = paper_box(joints, camera())
    assert (top, side) == (165, 400)
    assert left == 300


def test_the_rectangle_is_clipped_before_it_is_made_square():
    """Left of the image is cut at 0; the height of 130 px wins and the square leaves the image."""
    left, top, side = paper_box(all_joints_at(-2000, 0, 4000), camera())
    width = 65  # 500 px to the left of the middle, half of the sphere is outside
    assert (top, side) == (435, 130)
    assert left in ((width - 130) // 2, (width - 130) // 2 + 1)


def test_every_joint_of_a_person_in_view_is_inside_the_box():
    rng = np.random.default_rng(4)
    view = Camera.look_at([4500, 600, 1500], [0, 0, 900], 1145.0, 1000, 1000)
    for _ in range(20):
        joints = rng.normal([0, 0, 900], [200, 200, 350], size=(17, 3))
        left, top, side = paper_box(joints, view)
        inside = view.crop(left, top, side, side).project(joints)
        assert (inside >= 0).all()
        assert (inside <= side).all()


@pytest.mark.parametrize("place", [(-9000, 0, 4000), (0, 9000, 4000), (0, 0, -4000)])
def test_a_person_outside_the_image_is_refused(place):
    with pytest.raises(InputError, match="outside"):
        paper_box(all_joints_at(*place), camera())


def test_bad_joints_are_refused():
    with pytest.raises(InputError, match="NaN"):
        paper_box(np.full((17, 3), np.nan), camera())
    with pytest.raises(InputError, match="shape"):
        paper_box(np.zeros((16, 3)), camera())


def test_a_joint_hides_behind_what_is_further_in_front_than_its_own_limb():
    joints = all_joints_at(0, 0, 4000)
    depth = np.full((1000, 1000), np.inf, np.float32)
    assert joint_visibility(joints, depth, camera()).all()
    depth[500, 500] = 4000 - 100
    visible = joint_visibility(joints, depth, camera())
    np.testing.assert_array_equal(visible, LIMB_RADIUS_MM > 100)
    assert visible.any()
    assert not visible.all()


def test_a_joint_outside_the_image_or_behind_the_camera_is_not_visible():
    joints = all_joints_at(0, 0, 4000)
    joints[0], joints[1], joints[2] = [2100, 0, 4000], [0, -2100, 4000], [0, 0, -10]
    visible = joint_visibility(joints, np.full((1000, 1000), np.inf, np.float32), camera())
    np.testing.assert_array_equal(visible, np.arange(17) > 2)


def test_a_depth_of_another_size_is_refused():
    with pytest.raises(InputError, match="shape"):
        joint_visibility(all_joints_at(0, 0, 4000), np.zeros((10, 10), np.float32), camera())


def test_a_square_of_whole_pixels_is_cut_out_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(cut_out(image, (7, 5, 16), 16), image[5:21, 7:23])
    means = image[5:21, 7:23].reshape(8, 2, 8, 2, 3).mean(axis=(1, 3))
    assert np.abs(cut_out(image, (7, 5, 16), 8) - means).max() <= 0.5


@pytest.mark.parametrize(("border", "outside"), [(cv2.BORDER_REPLICATE, 200), (0, 0)])
def test_beyond_its_border_an_image_goes_on_and_a_mask_ends(border: int, outside: int) -> None:
    cut = cut_out(np.full((10, 12, 3), 200, np.uint8), (-4, -2, 8), 8, border)
    assert (cut[2:, 4:] == 200).all()
    assert (cut[:2] == outside).all()
    assert (cut[:, :4] == outside).all()


def test_a_square_larger_than_any_image_between_still_gives_a_crop() -> None:
    image = np.full((10, 12), 200, np.uint8)
    assert (cut_out(image, (-50_000.0, -50_000.0, 100_000.0), 8) == 200).all()
