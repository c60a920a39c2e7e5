"""Bodies that lifters learn from: proportions as published, and hips that turn where they say."""

import numpy as np
import pytest

from overpose.mocap.procedural_body import average_skeleton
from overpose.mocap.proportions import PUBLISHED, published_body, with_published_lengths
from overpose.skeleton import HUMAN36M
from overpose.studio.body import BodyModel, BodyShape, load_body, make_shape
from overpose.studio.fit import drawn_phenotypes
from overpose.support.errors import InputError
from overpose.synthetic.bodies import body_of_clip, published_shape, with_hip_centres


@pytest.fixture(scope="module")
def model() -> BodyModel:
    try:
        return load_body()
    except InputError as error:
        pytest.skip(f"needs the body asset: {error}")


def lengths_mm(shape: BodyShape) -> dict[str, float]:
    """What `PublishedBody` names, between the joints of a body at rest."""
    at = dict(zip(HUMAN36M.joint_names, shape.joint_points_mm, strict=True))

    def far(first: str, second: str) -> float:
        return float(np.linalg.norm(at[first] - at[second]))

    def middle(part: str) -> np.ndarray:
        return (at[f"left_{part}"] + at[f"right_{part}"]) / 2

    return {
        "thigh": far("left_hip", "left_knee"),
        "shank": far("left_knee", "left_ankle"),
        "upper_arm": far("left_shoulder", "left_elbow"),
        "forearm": far("left_elbow", "left_wrist"),
        "trunk": float(np.linalg.norm(middle("hip") - middle("shoulder"))),
        "hips": far("left_hip", "right_hip"),
        "shoulders": far("left_shoulder", "right_shoulder"),
    }


def test_bodies_have_published_proportions_and_differ(model: BodyModel) -> None:
    """To each other, within 5 % in the mean of some people: what the spread of five leaves open.
    Bodies that follow recorded skeletons are 20 % off at the hips."""
    ratios = []
    for number in range(5):
        found = lengths_mm(published_shape(model, 0, f"somebody {number}"))
        published = published_body(drawn_phenotypes(0, f"somebody {number}")["gender"])
        ratios.append([length / getattr(published, name) for name, length in found.items()])
    sizes = np.array(ratios)
    mean = (sizes / sizes.mean(axis=1, keepdims=True)).mean(axis=0)
    assert np.abs(mean - 1).max() < 0.05, dict(zip(found, mean.round(3), strict=True))
    assert (sizes.std(axis=0) / sizes.mean(axis=0) > 0.02).all()


def test_a_skeleton_gets_the_published_lengths() -> None:
    man = published_body(0.0)
    assert man == PUBLISHED["male"]
    skeleton = with_published_lengths(average_skeleton(), man, 1800.0)

    def long(*bones: str) -> float:
        return float(sum(skeleton.lengths_mm[skeleton.index(bone)] for bone in bones))

    assert long("lfemur") == pytest.approx(0.244 * 1800)
    assert long("rtibia") == pytest.approx(0.246 * 1800)
    assert long("lradius", "lwrist") == pytest.approx(0.1545 * 1800)
    offset = dict(zip(skeleton.names, skeleton.offsets_mm, strict=True))
    spine = offset["lowerback"] + offset["upperback"] + offset["thorax"]
    sides = [offset[f"{side}clavicle"] - offset[f"{side}hipjoint"] for side in "lr"]
    assert np.linalg.norm(spine + np.mean(sides, axis=0)) == pytest.approx(0.292 * 1800, rel=0.005)
    assert offset["lclavicle"][0] - offset["rclavicle"][0] == pytest.approx(0.226 * 1800)


def test_hips_move_without_the_skin(model: BodyModel) -> None:
    shape = make_shape(model, {})
    other = with_hip_centres(model, shape, 170.0, 12.0)
    assert lengths_mm(other)["hips"] == pytest.approx(170.0)
    assert np.array_equal(other.rest_mm, shape.rest_mm)
    hip = HUMAN36M.index("left_hip")
    assert (other.joint_points_mm - shape.joint_points_mm)[hip, 2] == pytest.approx(-12.0)
    thigh = model.bone("LeftUpLeg")
    assert np.array_equal(other.bone_heads_mm[thigh], other.joint_points_mm[hip])
    assert np.array_equal(other.bone_tails_mm[thigh], shape.bone_tails_mm[thigh])


def test_a_few_clips_in_a_row_share_a_body(model: BodyModel) -> None:
    first, second, later = (body_of_clip(3, "pool", number) for number in (0, 1, 5))
    assert first is second
    assert not np.array_equal(first.rest_mm, later.rest_mm)
