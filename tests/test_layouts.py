"""Keypoint layouts and the mapping between them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overpose.layouts import (
    BLAZEPOSE_33,
    BODY_25,
    COCO_17,
    COCO_18,
    HALPE_26,
    HUMAN36M_17,
    LAYOUTS,
    WHOLEBODY_133,
    KeypointLayout,
    canonical_name,
    converted,
    house_keypoints,
    layout_of,
)
from overpose.skeleton import HUMAN36M, side_and_part
from overpose.support.errors import InputError


def random_keypoints(layout: KeypointLayout, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((4, 3, len(layout), 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("layout", "count"), list(zip(LAYOUTS, (33, 17, 25, 17, 26, 18, 23), strict=True))
)
def test_layouts_have_their_number_of_names_and_are_found_by_them(layout, count):
    assert len(layout) == count
    assert layout_of(layout.names) is layout
    assert layout_of(layout.name) is layout


@pytest.mark.parametrize("layout", LAYOUTS)
def test_mirroring_twice_changes_nothing_and_swaps_every_side(layout):
    np.testing.assert_array_equal(layout.mirror[layout.mirror], np.arange(len(layout)))
    for name, source in zip(layout.names, layout.mirror, strict=True):
        sided = "left" in name.split("_") or "right" in name.split("_")
        assert (layout.names[source] != name) == sided


def test_the_mirror_of_the_house_layout_is_that_of_the_skeleton():
    np.testing.assert_array_equal(HUMAN36M_17.mirror, HUMAN36M.mirror)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_the_mirror_a_left_point_is_the_right_one_with_x_negated(layout):
    points = random_keypoints(layout)
    seen = layout.mirrored(points)
    for one, other in (("left_knee", "right_knee"), ("right_knee", "left_knee")):
        expected = points[..., layout.index(other), :] * np.float32([-1, 1, 1])
        np.testing.assert_array_equal(seen[..., layout.index(one), :], expected)
    np.testing.assert_array_equal(layout.mirrored(seen), points)


def test_pelvis_and_mid_hip_are_found_by_either_name():
    assert BODY_25.find("pelvis") == BODY_25.find("mid_hip") == BODY_25.index("mid_hip")
    assert HUMAN36M_17.find("mid_hip") == HUMAN36M_17.find("pelvis") == 0
    assert COCO_17.find("pelvis") is None


def test_the_middle_of_a_part_lies_between_its_sides():
    points = random_keypoints(COCO_17)
    left, right = (points[..., COCO_17.index(f"{side}_hip"), :] for side in ("left", "right"))
    np.testing.assert_allclose(COCO_17.middle(points, "hip"), (left + right) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("left_knee", ("left", "knee")),
        ("mouth_right", ("right", "mouth")),
        ("right_foot_index", ("right", "foot_index")),
        ("head_top", ("middle", "head_top")),
        ("upright", ("middle", "upright")),
    ],
)
def test_a_name_says_its_side_and_part(name, expected):
    assert side_and_part(name) == expected


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("LShoulder", "left_shoulder"),
        ("Left Shoulder", "left_shoulder"),
        ("l_shoulder", "left_shoulder"),
        ("shoulder-left", "left_shoulder"),
        ("leftShoulder", "left_shoulder"),
        ("LEFT_EYE_INNER", "left_eye_inner"),
        ("MouthRight", "mouth_right"),
        ("RBigToe", "right_foot_index"),
        ("LSmallToe", "left_small_toe"),
        ("MidHip", "mid_hip"),
        ("Nose", "nose"),
    ],
)
def test_usual_spellings_are_understood(given_name, expected):
    assert canonical_name(given_name) == expected


@pytest.mark.parametrize("layout", LAYOUTS)
def test_own_names_are_canonical(layout):
    assert tuple(map(canonical_name, layout.names)) == layout.names


@pytest.mark.parametrize(
    ("count", "layout"),
    [
        (33, BLAZEPOSE_33),
        (25, BODY_25),
        (17, COCO_17),
        (26, HALPE_26),
        (18, COCO_18),
        (133, WHOLEBODY_133),
        (136, HALPE_26),
    ],
)
def test_a_number_of_keypoints_means_the_usual_layout(count, layout):
    assert layout_of(count) is layout


@given(seed=st.integers(0, 1000), layout=st.sampled_from(LAYOUTS))
@settings(max_examples=20, deadline=None)
def test_joints_that_both_have_are_taken_over_by_name(seed, layout):
    keypoints = random_keypoints(layout, seed)
    found = house_keypoints(keypoints, layout)
    assert found.shape == (4, 3, 17, 3)
    assert found.dtype == np.float32
    for name in set(layout.names) & set(HUMAN36M.joint_names):
        np.testing.assert_array_equal(
            found[..., HUMAN36M.index(name), :], keypoints[..., layout.index(name), :]
        )


@pytest.mark.parametrize("layout", [BLAZEPOSE_33, COCO_17])
def test_pelvis_and_neck_are_middles_with_the_lower_score(layout):
    keypoints = random_keypoints(layout)
    found = house_keypoints(keypoints, layout)
    for joint, part in (("pelvis", "hip"), ("neck", "shoulder")):
        left = keypoints[..., layout.index(f"left_{part}"), :]
        right = keypoints[..., layout.index(f"right_{part}"), :]
        middle = found[..., HUMAN36M.index(joint), :]
        np.testing.assert_allclose(middle[..., :2], (left + right)[..., :2] / 2, rtol=1e-6)
        np.testing.assert_array_equal(middle[..., 2], np.minimum(left, right)[..., 2])


def test_body_25_gives_its_own_pelvis_and_neck():
    keypoints = random_keypoints(BODY_25)
    found = house_keypoints(keypoints, BODY_25)
    for joint, own in (("pelvis", "mid_hip"), ("neck", "neck")):
        np.testing.assert_array_equal(
            found[..., HUMAN36M.index(joint), :], keypoints[..., BODY_25.index(own), :]
        )


def test_what_a_layout_lacks_is_missing_with_score_zero():
    found = house_keypoints(random_keypoints(COCO_17), COCO_17)
    absent = found[..., HUMAN36M.indices(["spine", "head_top"]), :]
    assert np.isnan(absent[..., :2]).all()
    assert (absent[..., 2] == 0).all()


def test_a_middle_with_one_side_missing_is_missing():
    keypoints = random_keypoints(COCO_17)
    keypoints[0, 0, COCO_17.index("left_hip")] = (np.nan, np.nan, 0)
    pelvis = house_keypoints(keypoints, COCO_17)[..., HUMAN36M.index("pelvis"), :]
    assert np.isnan(pelvis[0, 0, :2]).all()
    assert pelvis[0, 0, 2] == 0
    assert np.isfinite(pelvis[1:]).all()


@pytest.mark.parametrize("wanted", LAYOUTS)
def test_conversion_to_itself_changes_nothing(wanted):
    keypoints = random_keypoints(wanted)
    np.testing.assert_array_equal(converted(keypoints, wanted, wanted), keypoints)


def test_blazepose_survives_the_way_to_coco_only_where_coco_has_it():
    keypoints = random_keypoints(BLAZEPOSE_33)
    back = converted(converted(keypoints, BLAZEPOSE_33, COCO_17), COCO_17, BLAZEPOSE_33)
    kept = [name in COCO_17 for name in BLAZEPOSE_33.names]
    np.testing.assert_array_equal(back[..., kept, :], keypoints[..., kept, :])
    assert np.isnan(back[..., ~np.array(kept), 0]).all()


def test_names_in_another_order_make_a_layout_of_their_own():
    layout = layout_of(["RShoulder", "LShoulder"])
    assert layout.names == ("right_shoulder", "left_shoulder")
    np.testing.assert_array_equal(layout.mirror, [1, 0])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("coco-19", "got 'coco-19', expected one of blazepose-33"),
        (19, "got 19 of them without names"),
        (["nose", "tail"], "unknown name 'tail'"),
        (["nose", "Nose"], "names repeat: nose"),
    ],
)
def test_unknown_layouts_are_refused(value, message):
    with pytest.raises(InputError, match=message):
        layout_of(value)


def test_wrong_shapes_and_names_are_refused():
    with pytest.raises(InputError, match=r"got shape \(4, 3, 17, 3\), expected \(\.\.\., 33, 3\)"):
        house_keypoints(random_keypoints(COCO_17), BLAZEPOSE_33)
    with pytest.raises(InputError, match="no 'tail'"):
        COCO_17.index("tail")
