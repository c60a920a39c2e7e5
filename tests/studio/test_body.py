"""The body: shapes, skinning and joints against plain references and by their symmetries."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.skeleton import HUMAN36M
from overpose.studio.body import (
    BodyModel,
    load_body,
    make_shape,
    pose_joints,
    shape_coefficients,
)
from overpose.studio.body_checks import body_problems
from overpose.studio.skinning import pose_body, skin
from overpose.support.assets import ASSETS, write_arrays
from overpose.support.errors import InputError


def random_transforms(bones: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rotations = Rotation.random(bones, random_state=rng).as_matrix()
    return np.concatenate([rotations, rng.normal(0, 500, (bones, 3, 1))], axis=2).astype(np.float32)


def test_skinning_is_the_weighted_mean_of_what_the_bones_do() -> None:
    rng = np.random.default_rng(1)
    rest = rng.normal(0, 400, (50, 3)).astype(np.float32)
    indices = rng.integers(0, 7, (50, 4)).astype(np.uint8)
    weights = rng.dirichlet(np.ones(4), 50).astype(np.float32)
    transforms = random_transforms(7)
    expected = np.zeros((50, 3))
    for vertex in range(50):
        for bone, weight in zip(indices[vertex], weights[vertex], strict=True):
            moved = transforms[bone, :, :3].astype(float) @ rest[vertex] + transforms[bone, :, 3]
            expected[vertex] += weight * moved
    np.testing.assert_allclose(skin(rest, indices, weights, transforms), expected, atol=2e-2)


def test_vertices_are_template_plus_weighted_shapes(body: BodyModel) -> None:
    phenotypes = {"gender": 0.3, "age": 0.8, "weight": 0.7, "muscle": 0.2, "height": 0.6}
    changes = {"upper_leg": 0.4, "hips": -0.7}
    coefficients = shape_coefficients(body, phenotypes, changes)
    shapes = body.shape_steps * body.shape_step_mm[:, None, None]
    expected = body.template_mm + np.einsum("k,kvc->vc", coefficients, shapes)
    shape = make_shape(body, phenotypes, changes)
    shift = shape.rest_mm[0] - expected[0]
    np.testing.assert_allclose(shape.rest_mm, expected + shift, atol=5e-2)
    np.testing.assert_allclose(shift[:2], 0.0, atol=1e-2)


@pytest.mark.parametrize("gender", [0.0, 0.35, 1.0])
def test_corner_weights_of_each_kind_of_shape_sum_to_one(body: BodyModel, gender: float) -> None:
    rng = np.random.default_rng(3)
    values = {name: float(rng.random()) for name in ("muscle", "weight", "height", "proportions")}
    coefficients = shape_coefficients(body, {**values, "gender": gender, "age": 0.75}, {})
    labels = [str(label) for label in body.shape_labels]
    kinds = {
        "universal": [len(label.split("-")) == 4 for label in labels],
        "height": [label.endswith("height") for label in labels],
        "proportions": [label.endswith("proportions") for label in labels],
        "ancestry": [label.startswith(("african", "asian", "caucasian")) for label in labels],
    }
    for kind, chosen in kinds.items():
        assert coefficients[chosen].sum() == pytest.approx(1.0), kind


def test_a_taller_phenotype_and_a_larger_scale_make_a_taller_body(body: BodyModel) -> None:
    def height(**asked: float) -> float:
        scale = asked.pop("scale", 1.0)
        return float(np.ptp(make_shape(body, asked, scale=scale).rest_mm[:13000, 2]))

    assert 1000 < height(height=0.2) < height(height=0.5) < height(height=0.8) < 2500
    assert height(scale=1.1) == pytest.approx(1.1 * height(), rel=1e-4)


def test_the_body_stands_on_the_ground_with_left_at_plus_x(body: BodyModel) -> None:
    shape = make_shape(body, {})
    joints = shape.joint_points_mm
    skin_vertices = np.unique(body.faces[body.group_faces("body")])
    assert shape.rest_mm[skin_vertices, 2].min() == pytest.approx(0.0, abs=1e-3)
    assert joints[HUMAN36M.index("left_hip"), 0] > 50
    assert joints[HUMAN36M.index("nose"), 1] < joints[HUMAN36M.index("head_top"), 1] - 5
    heights = joints[
        HUMAN36M.indices(["left_ankle", "left_knee", "left_hip", "neck", "head_top"]), 2
    ]
    assert (np.diff(heights) > 50).all()


def test_joints_are_symmetric(body: BodyModel) -> None:
    joints = make_shape(body, {"gender": 0.2, "weight": 0.7}).joint_points_mm
    np.testing.assert_allclose(joints[HUMAN36M.mirror] * [-1, 1, 1], joints, atol=0.5)


def test_identity_transforms_leave_the_body_at_rest(body: BodyModel) -> None:
    shape = make_shape(body, {})
    identity = np.tile(np.eye(3, 4, dtype=np.float32), (len(body.bone_names), 1, 1))
    vertices, joints = pose_body(body, shape, identity)
    np.testing.assert_allclose(vertices, shape.rest_mm, atol=1e-3)
    np.testing.assert_allclose(joints, shape.joint_points_mm, atol=1e-3)


def test_one_rigid_transform_of_all_bones_moves_everything_rigidly(body: BodyModel) -> None:
    shape = make_shape(body, {})
    transform = random_transforms(1)[0]
    vertices, joints = pose_body(body, shape, np.tile(transform, (len(body.bone_names), 1, 1)))
    turn, shift = transform[:, :3], transform[:, 3]
    np.testing.assert_allclose(vertices, shape.rest_mm @ turn.T + shift, atol=0.05)
    np.testing.assert_allclose(joints, shape.joint_points_mm @ turn.T + shift, atol=0.05)


def test_joints_of_many_frames_equal_those_of_each(body: BodyModel) -> None:
    shape = make_shape(body, {})
    frames = np.stack([random_transforms(len(body.bone_names), seed) for seed in range(3)])
    together = pose_joints(body, shape, frames)
    for frame, transforms in enumerate(frames):
        np.testing.assert_array_equal(together[frame], pose_body(body, shape, transforms)[1])


def test_the_top_of_the_head_lies_on_the_posed_skin(body: BodyModel) -> None:
    shape = make_shape(body, {})
    vertices, joints = pose_body(body, shape, random_transforms(len(body.bone_names)))
    top = vertices[body.face_landmarks["head_top"]]
    assert np.linalg.norm(top - joints[HUMAN36M.index("head_top")]) < 1.0


def test_the_nose_has_a_place_in_the_head_and_keeps_its_distance_from_the_neck(
    body: BodyModel,
) -> None:
    """However the head nods, turns and tilts about its pivot; the tip of the nose does not."""
    shape = make_shape(body, {})
    head, nose = body.bone("Head"), HUMAN36M.index("nose")
    pivot, tip = shape.bone_heads_mm[head], shape.rest_mm[body.face_landmarks["nose"]]
    turns = Rotation.from_rotvec(
        np.radians([[0, 0, 0], [40, 0, 0], [-40, 0, 0], [0, 0, 60], [0, 30, 0]])
    ).as_matrix()
    transforms = np.tile(np.eye(3, 4), (len(turns), len(body.bone_names), 1, 1))
    transforms[:, head, :, :3] = turns
    transforms[:, head, :, 3] = pivot - turns @ pivot
    joints = pose_joints(body, shape, transforms)
    in_head = np.einsum("fji,fj->fi", turns, joints[:, nose] - pivot)
    np.testing.assert_allclose(in_head, np.tile(in_head[:1], (len(turns), 1)), atol=0.01)
    neck = joints[:, HUMAN36M.index("neck")]
    tips = pivot + turns @ (tip - pivot)
    away, tip_away = (np.linalg.norm(place - neck, axis=1) for place in (joints[:, nose], tips))
    assert np.ptp(away) < 0.45 * np.ptp(tip_away)
    assert in_head[0, 1] == pytest.approx(0.25 * (tip - pivot)[1], abs=0.5)


@pytest.mark.parametrize(
    "phenotypes",
    [{"gender": 1.5}, {"age": 0.2}, {"weight": float("nan")}, {"mood": 0.5},
     dict.fromkeys(("african", "asian", "caucasian"), 0.0)],
)  # fmt: skip
def test_impossible_phenotypes_are_refused(body: BodyModel, phenotypes: dict[str, float]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(phenotypes))}"):
        make_shape(body, phenotypes)


def test_impossible_changes_and_scales_are_refused(body: BodyModel) -> None:
    with pytest.raises(InputError, match="tail"):
        make_shape(body, {}, {"tail": 1.0})
    with pytest.raises(InputError, match="scale"):
        make_shape(body, {}, scale=0.0)


@pytest.mark.parametrize(
    "transforms",
    [np.zeros((31, 4, 4), np.float32), np.zeros((30, 3, 4), np.float32), np.zeros((31, 3, 4), int)],
)
def test_transforms_of_wrong_shape_or_kind_are_refused(
    body: BodyModel, transforms: np.ndarray
) -> None:
    with pytest.raises(InputError, match="transforms"):
        pose_body(body, make_shape(body, {}), transforms)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"ears"}, "array 'ears' is missing"), ({"tail_mm"}, "array 'tail_mm' is unknown")],
)
def test_a_body_file_with_other_arrays_is_to_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: set[str], message: str
) -> None:
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path))
    names = {field.name for field in fields(BodyModel)} ^ change
    path = tmp_path / ASSETS["body"].name
    write_arrays(path, {name: np.zeros(1) for name in names}, ASSETS["body"].format_version)
    with pytest.raises(InputError, match=rf"{path}: {message}.*delete it"):
        load_body.__wrapped__()


def _outside(name: str, value: float) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = arrays[name].copy()
        arrays[name].flat[-1] = value

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (_outside("faces", 1_000_000), "faces holds"),
        (_outside("faces", -1), "faces holds"),
        (_outside("face_texture", 1_000_000), "face_texture holds"),
        (_outside("face_group", 200), "face_group holds"),
        (_outside("weight_indices", 200), "weight_indices holds"),
        (_outside("base_mesh_index", -5), "base_mesh_index holds"),
        (_outside("bone_parents", 30), "bone_parents"),
        (_outside("bone_parents", -1), "bone_parents"),
        (_outside("weights", 0.9), "weights"),
        (_outside("weights", np.nan), "weights"),
        (_outside("template_mm", np.inf), "template_mm"),
        (_outside("bone_names", "Tail"), "bone_names"),
        (_outside("shape_labels", "Tail"), "shape_labels"),
        (lambda arrays: arrays.update(lips=arrays["lips"][:-1]), "lips has shape"),
        (lambda arrays: arrays.update(faces=arrays["faces"].astype(np.int64)), "faces is int64"),
        (lambda arrays: arrays.update(weights=arrays["weights"][:, :3]), "weights has shape"),
        (lambda arrays: arrays.update(faces=arrays["faces"][:0]), "faces has shape"),
    ],
)
def test_a_body_in_the_cache_that_was_changed_is_not_used(
    change: Callable[[dict[str, np.ndarray]], None], match: str, body: BodyModel
) -> None:
    arrays = {field.name: np.asarray(getattr(body, field.name)) for field in fields(body)}
    assert list(body_problems(arrays)) == []
    change(arrays)
    assert match in next(body_problems(arrays), "")


def test_a_changed_body_is_one_line_that_names_its_file(
    body: BodyModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = {field.name: np.asarray(getattr(body, field.name)) for field in fields(body)}
    _outside("faces", 99_999)(arrays)
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path))
    path = tmp_path / ASSETS["body"].name
    write_arrays(path, arrays, ASSETS["body"].format_version)  # with a digest that is right
    with pytest.raises(InputError, match=rf"{path.name}: faces holds .*delete it") as error:
        load_body.__wrapped__()
    assert "\n" not in str(error.value)
