"""Metrics: agreement with references written differently, invariances, masks, bad input."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from overpose import metrics
from overpose.skeleton import HUMAN36M, Skeleton
from overpose.support.errors import InputError

PAIRED: list[Callable] = [
    metrics.mpjpe,
    metrics.p_mpjpe,
    metrics.n_mpjpe,
    metrics.pck,
    metrics.auc,
    metrics.mpjve,
    metrics.limb_ratio_error,
]
PER_JOINT: list[Callable] = [
    metrics.mpjpe,
    metrics.p_mpjpe,
    metrics.n_mpjpe,
    metrics.pck,
    metrics.auc,
]
seeds = st.integers(0, 2**32 - 1)


def random_poses(
    seed: int = 0, shape: tuple[int, ...] = (12,), noise_mm: float = 80.0
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.normal(0.0, 300.0, (*shape, 17, 3))
    return target + rng.normal(0.0, noise_mm, target.shape), target


def joint_errors(predicted: np.ndarray, target: np.ndarray) -> list[float]:
    """Distances of every joint of every pose, one at a time."""
    return [
        math.dist(p, t)
        for p, t in zip(predicted.reshape(-1, 3), target.reshape(-1, 3), strict=True)
    ]


def kabsch_aligned(predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
    """One pose aligned through scipy's best proper rotation and a one-dimensional fit of scale."""
    moved = predicted - predicted.mean(0)
    wanted = target - target.mean(0)
    turned = Rotation.align_vectors(wanted, moved)[0].apply(moved)
    scale = np.linalg.lstsq(turned.reshape(-1, 1), wanted.reshape(-1), rcond=None)[0]
    return turned * scale + target.mean(0)


def limb_ratio_reference(predicted: np.ndarray, target: np.ndarray, limbs: list[str]) -> float:
    """One pose, pair by pair, limbs named by the joint they end in."""

    def length(pose: np.ndarray, name: str) -> float:
        joint = HUMAN36M.joint_names.index(name)
        return math.dist(pose[joint], pose[HUMAN36M.parents[joint]])

    return sum(
        abs(
            math.log(
                (length(predicted, a) / length(predicted, b))
                / (length(target, a) / length(target, b))
            )
        )
        for a, b in itertools.combinations(limbs, 2)
    )


def similarity(pose: np.ndarray, seed: int, mirror: bool = False) -> np.ndarray:
    rng = np.random.default_rng(seed)
    turn = Rotation.random(rng=rng).as_matrix() * (-1 if mirror else 1)
    return rng.uniform(0.2, 5.0) * pose @ turn.T + rng.normal(0.0, 1000.0, 3)


# What each measure is.


def test_mpjpe_is_the_mean_distance() -> None:
    predicted, target = random_poses()
    errors = joint_errors(predicted, target)
    assert metrics.mpjpe(predicted, target) == pytest.approx(sum(errors) / len(errors))


def test_p_mpjpe_agrees_with_scipys_rotation_alignment() -> None:
    predicted, target = random_poses(noise_mm=200.0)
    expected = [
        np.mean(joint_errors(kabsch_aligned(p, t), t))
        for p, t in zip(predicted, target, strict=True)
    ]
    np.testing.assert_allclose(metrics.p_mpjpe(predicted, target, per_pose=True), expected)


def test_p_mpjpe_agrees_with_scipys_procrustes_where_no_reflection_is_wanted() -> None:
    predicted, target = random_poses()
    expected = []
    for p, t in zip(predicted, target, strict=True):
        unit_target, aligned, _ = procrustes(t, p)
        size = np.linalg.norm(t - t.mean(0))
        expected.append(np.mean(joint_errors(aligned, unit_target)) * size)
    np.testing.assert_allclose(metrics.p_mpjpe(predicted, target, per_pose=True), expected)


def test_n_mpjpe_uses_the_least_squares_scale_about_the_root() -> None:
    predicted, target = random_poses(noise_mm=200.0)
    expected = []
    for p, t in zip(predicted - predicted[:, :1], target - target[:, :1], strict=True):
        scale = np.linalg.lstsq(p.reshape(-1, 1), t.reshape(-1), rcond=None)[0]
        expected.append(np.mean(joint_errors(scale * p, t)))
    np.testing.assert_allclose(metrics.n_mpjpe(predicted, target, per_pose=True), expected)


def test_pck_counts_joints_nearer_than_the_threshold() -> None:
    predicted, target = random_poses()
    errors = joint_errors(predicted, target)
    expected = sum(error < 120.0 for error in errors) / len(errors)
    assert 0.1 < expected < 0.9
    assert metrics.pck(predicted, target, threshold_mm=120.0) == pytest.approx(expected)


def test_pck_leaves_out_joints_exactly_at_the_threshold() -> None:
    target = np.zeros((2, 3))
    predicted = np.array([[150.0, 0.0, 0.0], [149.9, 0.0, 0.0]])
    assert metrics.pck(predicted, target) == 0.5


def test_auc_is_the_mean_of_pck_over_31_thresholds() -> None:
    predicted, target = random_poses(noise_mm=50.0)
    predicted[0, 0] = target[0, 0] + [30.0, 0.0, 0.0]
    errors = joint_errors(predicted, target)
    curve = [sum(error < 5 * step for error in errors) / len(errors) for step in range(31)]
    assert metrics.auc(predicted, target) == pytest.approx(sum(curve) / 31)


def test_mpjve_is_the_error_of_frame_differences() -> None:
    predicted, target = random_poses(shape=(2, 6))
    expected = [
        math.dist(
            predicted[clip, frame + 1, joint] - predicted[clip, frame, joint],
            target[clip, frame + 1, joint] - target[clip, frame, joint],
        )
        for clip, frame, joint in itertools.product(range(2), range(5), range(17))
    ]
    assert metrics.mpjve(predicted, target) == pytest.approx(sum(expected) / len(expected))


def test_limb_lengths_are_distances_from_parent_to_joint() -> None:
    pose = random_poses()[0][0]
    expected = [
        math.dist(pose[joint], pose[parent])
        for joint, parent in enumerate(HUMAN36M.parents)
        if parent >= 0
    ]
    np.testing.assert_allclose(metrics.limb_lengths(pose), expected)


def test_limb_length_std_is_the_mean_over_limbs_of_the_deviation_over_frames() -> None:
    clip = random_poses(shape=(9,))[0]
    deviations = np.std([metrics.limb_lengths(pose) for pose in clip], axis=0)
    np.testing.assert_allclose(metrics.limb_length_std(clip, per_limb=True), deviations)
    assert metrics.limb_length_std(clip) == pytest.approx(deviations.mean())


LOWER = ["right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"]
UPPER = [
    "spine", "neck", "nose", "head_top", "left_shoulder", "left_elbow", "left_wrist",
    "right_shoulder", "right_elbow", "right_wrist",
]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "limbs"), [("lower", LOWER), ("upper", UPPER), ("full", LOWER + UPPER)]
)
def test_limb_ratio_error_sums_log_ratios_over_pairs(part: str, limbs: list[str]) -> None:
    predicted, target = random_poses()
    expected = [limb_ratio_reference(p, t, limbs) for p, t in zip(predicted, target, strict=True)]
    per_pose = metrics.limb_ratio_error(predicted, target, part=part, per_pose=True)
    np.testing.assert_allclose(per_pose, expected)
    assert metrics.limb_ratio_error(predicted, target, part=part) == pytest.approx(
        np.mean(expected)
    )


def test_limb_measures_follow_the_skeleton_given() -> None:
    chain = Skeleton("chain", ("a", "b", "c"), (-1, 0, 1), lower_limbs=("b",))
    target = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    predicted = np.array([[0.0, 0, 0], [2, 0, 0], [2, 6, 0]])
    assert metrics.limb_lengths(predicted, skeleton=chain).tolist() == [2.0, 6.0]
    error = metrics.limb_ratio_error(predicted, target, skeleton=chain)
    assert error == pytest.approx(math.log(3))
    assert metrics.limb_ratio_error(predicted, target, skeleton=chain, part="lower") == 0.0


# Invariances.


@pytest.mark.parametrize("measure", PAIRED)
def test_equal_poses_have_the_perfect_score(measure: Callable) -> None:
    _, target = random_poses()
    perfect = {metrics.pck: 1.0, metrics.auc: 30 / 31}.get(measure, 0.0)
    assert measure(target, target.copy()) == pytest.approx(perfect, abs=1e-9)


@given(seed=seeds)
def test_p_mpjpe_ignores_how_the_prediction_is_moved_turned_and_scaled(seed: int) -> None:
    predicted, target = random_poses(seed, (1,))
    moved = similarity(predicted, seed)
    assert metrics.p_mpjpe(moved, target) == pytest.approx(metrics.p_mpjpe(predicted, target))


@given(seed=seeds)
def test_p_mpjpe_of_a_moved_turned_and_scaled_target_is_zero(seed: int) -> None:
    _, target = random_poses(seed, (3,))
    assert metrics.p_mpjpe(similarity(target, seed), target) == pytest.approx(0.0, abs=1e-7)


@given(seed=seeds)
def test_p_mpjpe_does_not_remove_a_reflection(seed: int) -> None:
    _, target = random_poses(seed, (3,))
    mirrored = similarity(target, seed, mirror=True)
    assert metrics.p_mpjpe(mirrored, target) > 50.0


@given(seed=seeds, scale=st.floats(0.05, 20.0))
def test_n_mpjpe_ignores_scale_and_place_but_not_turning(seed: int, scale: float) -> None:
    predicted, target = random_poses(seed, (2,))
    expected = metrics.n_mpjpe(predicted, target)
    assert metrics.n_mpjpe(scale * predicted + 321.0, target - 5.0) == pytest.approx(expected)
    turned = target @ Rotation.from_euler("z", 90, degrees=True).as_matrix()
    assert metrics.n_mpjpe(turned, target) > 50.0


@given(seed=seeds)
def test_limb_ratio_error_ignores_scale_place_turning_and_reflection(seed: int) -> None:
    predicted, target = random_poses(seed, (2,))
    expected = metrics.limb_ratio_error(predicted, target)
    moved = similarity(predicted, seed, mirror=seed % 2 == 0)
    assert metrics.limb_ratio_error(moved, target) == pytest.approx(expected)


def test_limb_ratio_error_is_the_same_with_prediction_and_target_swapped() -> None:
    predicted, target = random_poses()
    assert metrics.limb_ratio_error(predicted, target) == pytest.approx(
        metrics.limb_ratio_error(target, predicted)
    )


def test_limb_length_std_is_zero_for_a_rigid_body_that_moves() -> None:
    pose = random_poses()[0][0]
    clip = np.stack(
        [pose @ Rotation.random(rng=np.random.default_rng(i)).as_matrix() + i for i in range(8)]
    )
    assert metrics.limb_length_std(clip) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    "measure", [metrics.mpjpe, metrics.p_mpjpe, metrics.n_mpjpe, metrics.mpjve]
)
def test_errors_are_in_the_unit_of_the_input(measure: Callable) -> None:
    predicted, target = random_poses()
    assert measure(predicted / 1000, target / 1000) == pytest.approx(
        measure(predicted, target) / 1000
    )


@pytest.mark.parametrize("measure", PAIRED)
def test_leading_dimensions_do_not_change_the_mean(measure: Callable) -> None:
    if measure is metrics.mpjve:
        predicted, target = random_poses(shape=(3, 2, 4))
        flat = (-1, 4, 17, 3)
    else:
        predicted, target = random_poses(shape=(3, 4))
        flat = (-1, 17, 3)
    folded = measure(predicted.reshape(flat), target.reshape(flat))
    assert isinstance(folded, float)
    assert measure(predicted, target) == pytest.approx(folded)


@pytest.mark.parametrize("measure", PAIRED)
def test_the_mean_of_the_per_pose_values_is_the_measure(measure: Callable) -> None:
    predicted, target = random_poses(shape=(3, 4))
    values = measure(predicted, target, per_pose=True)
    assert values.shape == ((3, 3) if measure is metrics.mpjve else (3, 4))
    assert values.mean() == pytest.approx(measure(predicted, target))


@pytest.mark.parametrize("measure", PAIRED)
def test_single_precision_gives_the_same_to_rounding(measure: Callable) -> None:
    predicted, target = random_poses()
    single = measure(predicted.astype(np.float32), target.astype(np.float32))
    assert single == pytest.approx(measure(predicted, target), rel=1e-4)


def test_align_similarity_lands_on_the_target_it_was_made_from() -> None:
    _, target = random_poses()
    moved = np.stack([similarity(pose, seed) for seed, pose in enumerate(target)])
    np.testing.assert_allclose(metrics.align_similarity(moved, target), target, atol=1e-7)


# Masks.


@pytest.mark.parametrize("measure", [*PER_JOINT, metrics.limb_ratio_error])
def test_masked_poses_do_not_count_and_may_be_nan(measure: Callable) -> None:
    predicted, target = random_poses()
    mask = np.arange(12) % 3 != 0
    expected = measure(predicted[mask], target[mask])
    assert measure(predicted, target, mask=mask) == pytest.approx(expected)
    predicted[~mask], target[0] = np.nan, np.inf
    assert measure(predicted, target, mask=mask) == pytest.approx(expected)


@pytest.mark.parametrize("measure", PER_JOINT)
def test_masked_joints_are_left_out_of_the_mean_and_all_counted_joints_weigh_the_same(
    measure: Callable,
) -> None:
    predicted, target = random_poses()
    mask = np.random.default_rng(1).random((12, 17)) < 0.7
    if measure is metrics.p_mpjpe:
        aligned = np.stack([kabsch_aligned(p, t) for p, t in zip(predicted, target, strict=True)])
        expected = np.mean(joint_errors(aligned[mask], target[mask]))
    elif measure is metrics.n_mpjpe:
        p, t = predicted - predicted[:, :1], target - target[:, :1]
        scale = (p * t).sum((1, 2)) / (p * p).sum((1, 2))
        expected = np.mean(joint_errors((scale[:, None, None] * p)[mask], t[mask]))
    else:
        expected = measure(predicted[mask][:, None], target[mask][:, None])
    assert measure(predicted, target, mask=mask) == pytest.approx(expected)


@pytest.mark.parametrize("measure", PER_JOINT)
def test_unlabelled_joints_are_as_if_the_skeleton_lacked_them(measure: Callable) -> None:
    predicted, target = random_poses()
    kept = [0, *range(3, 15)]
    mask = np.zeros((12, 17), dtype=bool)
    mask[:, kept] = True
    expected = measure(predicted[:, kept], target[:, kept], per_pose=True)
    target[~mask] = np.nan
    np.testing.assert_allclose(measure(predicted, target, mask=mask, per_pose=True), expected)


@pytest.mark.parametrize("measure", [*PER_JOINT, metrics.limb_ratio_error])
def test_a_pose_without_anything_counted_is_nan_and_so_is_a_mean_of_nothing(
    measure: Callable,
) -> None:
    predicted, target = random_poses()
    mask = np.arange(12) != 4
    values = measure(predicted, target, mask=mask, per_pose=True)
    np.testing.assert_array_equal(np.isnan(values), ~mask)
    assert math.isnan(measure(predicted, target, mask=np.zeros(12, dtype=bool)))
    assert math.isnan(measure(predicted[:0], target[:0]))


def test_mpjve_counts_a_difference_when_both_frames_count() -> None:
    predicted, target = random_poses(shape=(6,))
    mask = np.array([True, True, False, True, True, True])
    values = metrics.mpjve(predicted, target, per_pose=True)
    assert isinstance(values, np.ndarray)
    predicted[2] = np.nan
    expected = values[[0, 3, 4]].mean()
    assert metrics.mpjve(predicted, target, mask=mask) == pytest.approx(expected)


def test_a_joint_mask_drops_poses_from_limb_ratio_error_only_where_the_part_needs_the_joint() -> (
    None
):
    predicted, target = random_poses()
    mask = np.ones((12, 17), dtype=bool)
    mask[3, HUMAN36M.index("left_wrist")] = False
    target[3, HUMAN36M.index("left_wrist")] = np.nan
    lower = metrics.limb_ratio_error(predicted, target, part="lower", mask=mask, per_pose=True)
    upper = metrics.limb_ratio_error(predicted, target, part="upper", mask=mask, per_pose=True)
    assert np.isfinite(lower).all()
    assert np.flatnonzero(np.isnan(upper)).tolist() == [3]


def test_limb_length_std_leaves_out_masked_frames_and_joints() -> None:
    clip = random_poses(shape=(9,))[0]
    expected = metrics.limb_length_std(clip[2:])
    mask = np.arange(9) >= 2
    clip[:2] = np.nan
    assert metrics.limb_length_std(clip, mask=mask) == pytest.approx(expected)
    joints = np.repeat(mask[:, None], 17, axis=1)
    joints[:, HUMAN36M.index("nose")] = False
    deviations = metrics.limb_length_std(clip, mask=joints, per_limb=True)
    ends = [HUMAN36M.joint_names[joint] for joint in HUMAN36M.limbs[np.isnan(deviations), 1]]
    assert ends == ["nose", "head_top"]


# Degenerate poses.


def test_a_prediction_collapsed_to_a_point_aligns_to_the_centroid() -> None:
    _, target = random_poses()
    collapsed = np.full_like(target, 0.1)
    expected = np.linalg.norm(target - target.mean(1, keepdims=True), axis=-1).mean()
    assert metrics.p_mpjpe(collapsed, target) == pytest.approx(expected)


def test_a_prediction_collapsed_to_a_point_has_the_targets_size_as_n_mpjpe() -> None:
    _, target = random_poses()
    expected = np.linalg.norm(target - target[:, :1], axis=-1).mean()
    assert metrics.n_mpjpe(np.full_like(target, 0.1), target) == pytest.approx(expected)


@pytest.mark.parametrize("measure", [metrics.p_mpjpe, metrics.n_mpjpe])
def test_a_target_collapsed_to_a_point_is_reached_by_scaling_to_zero(measure: Callable) -> None:
    predicted, _ = random_poses()
    assert measure(predicted, np.full_like(predicted, 7.0)) == pytest.approx(0.0, abs=1e-9)


def test_p_mpjpe_aligns_poses_that_lie_in_a_line() -> None:
    line = np.linspace(0, 1, 17)[:, None] * np.array([100.0, 200.0, -50.0])
    assert metrics.p_mpjpe(similarity(line, 0), line) == pytest.approx(0.0, abs=1e-9)


def test_a_limb_of_length_zero_makes_the_limb_ratio_error_nan_unless_masked() -> None:
    predicted, target = random_poses()
    predicted[5, HUMAN36M.index("left_wrist")] = predicted[5, HUMAN36M.index("left_elbow")]
    values = metrics.limb_ratio_error(predicted, target, per_pose=True)
    assert np.flatnonzero(np.isnan(values)).tolist() == [5]
    assert math.isnan(float(metrics.limb_ratio_error(predicted, target)))
    mask = np.arange(12) != 5
    assert math.isfinite(float(metrics.limb_ratio_error(predicted, target, mask=mask)))


def test_limb_lengths_are_nan_where_a_joint_is() -> None:
    poses, _ = random_poses()
    poses[2, HUMAN36M.index("nose"), 1] = np.nan
    missing = HUMAN36M.limbs[np.isnan(metrics.limb_lengths(poses)[2]), 1]
    assert [HUMAN36M.joint_names[joint] for joint in missing] == ["nose", "head_top"]


# Bad input.


@pytest.mark.parametrize("measure", PAIRED)
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("which", [0, 1])
def test_values_that_count_and_are_not_finite_are_refused(
    measure: Callable, value: float, which: int
) -> None:
    pair = random_poses()
    pair[which][3, 5, 1] = value
    with pytest.raises(InputError, match=r"\[3, 5\].*mask"):
        measure(*pair)


@pytest.mark.wrong_types
@pytest.mark.parametrize("measure", [*PAIRED, metrics.align_similarity])
@pytest.mark.parametrize(
    ("predicted", "target"),
    [
        (np.zeros((4, 17, 3)), np.zeros((5, 17, 3))),
        (np.zeros((4, 17, 3)), np.zeros((17, 3))),
        (np.zeros((4, 17, 2)), np.zeros((4, 17, 2))),
        (np.zeros(3), np.zeros(3)),
        (np.zeros((4, 17, 3), dtype=int), np.zeros((4, 17, 3))),
        (np.zeros((4, 17, 3)), np.zeros((4, 17, 3), dtype=object)),
        (np.zeros((4, 17, 3)).tolist(), np.zeros((4, 17, 3))),
        (None, np.zeros((4, 17, 3))),
    ],
)
def test_poses_of_the_wrong_kind_are_refused(
    measure: Callable, predicted: object, target: object
) -> None:
    with pytest.raises(InputError, match="expected"):
        measure(predicted, target)


@pytest.mark.wrong_types
@pytest.mark.parametrize("measure", PAIRED)
@pytest.mark.parametrize(
    "mask", [np.ones(12), np.ones(5, dtype=bool), np.ones((12, 16), dtype=bool), [True] * 12]
)
def test_masks_of_the_wrong_kind_are_refused(measure: Callable, mask: object) -> None:
    with pytest.raises(InputError, match="mask: got"):
        measure(*random_poses(), mask=mask)


@pytest.mark.wrong_types
@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan, "150"])
def test_pck_refuses_thresholds_that_are_not_positive_numbers(threshold: object) -> None:
    with pytest.raises(InputError, match="threshold_mm"):
        metrics.pck(*random_poses(), threshold_mm=threshold)  # pyright: ignore[reportArgumentType]


def test_mpjve_refuses_a_single_frame() -> None:
    with pytest.raises(InputError, match="at least 2"):
        metrics.mpjve(*random_poses(shape=(1,)))


def test_limb_ratio_error_refuses_an_unknown_part() -> None:
    with pytest.raises(InputError, match="lower, upper, full"):
        metrics.limb_ratio_error(*random_poses(), part="left")


@pytest.mark.wrong_types
@pytest.mark.parametrize("poses", [np.zeros((4, 16, 3)), np.zeros((17, 3), dtype=int), "pose"])
@pytest.mark.parametrize("measure", [metrics.limb_lengths, metrics.limb_length_std])
def test_limb_measures_refuse_poses_of_another_skeleton_or_type(
    measure: Callable, poses: object
) -> None:
    with pytest.raises(InputError, match="poses"):
        measure(poses)


def test_limb_length_std_refuses_nan_that_counts() -> None:
    clip = random_poses(shape=(9,))[0]
    clip[4, 2] = np.nan
    with pytest.raises(InputError, match=r"\[4, 2\]"):
        metrics.limb_length_std(clip)


def test_n_mpjpe_refuses_a_pose_that_counts_without_its_root() -> None:
    predicted, target = random_poses()
    mask = np.ones((12, 17), dtype=bool)
    mask[2, 0] = False
    target[2, 0] = np.nan
    with pytest.raises(InputError, match="root"):
        metrics.n_mpjpe(predicted, target, mask=mask)
