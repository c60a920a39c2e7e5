"""PoseNormalization: units in and out."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overpose.networks.normalization import PoseNormalization, root_relative
from overpose.support.errors import InputError


def random_poses(count: int, seed: int, spread_mm: float = 200.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, spread_mm, (count, 17, 3)) + 50).astype(np.float32)


@given(seed=st.integers(0, 2**32 - 1), spread_mm=st.floats(1, 1000))
def test_to_mm_undoes_to_normalised(seed: int, spread_mm: float) -> None:
    poses_mm = random_poses(8, seed, spread_mm)
    normalization = PoseNormalization.fit(poses_mm)
    normalised = normalization.to_normalised(torch.from_numpy(poses_mm))
    assert normalised.shape == (8, 51)
    np.testing.assert_allclose(
        normalization.to_mm(normalised), poses_mm, atol=2e-6 * spread_mm + 1e-4
    )


def test_normalised_training_poses_have_mean_zero_and_root_mean_square_one() -> None:
    poses_mm = random_poses(500, 3)
    normalised = PoseNormalization.fit(poses_mm).to_normalised(torch.from_numpy(poses_mm))
    assert normalised.mean(0).abs().max() < 1e-5
    assert normalised.square().mean().sqrt() == pytest.approx(1, abs=1e-5)


def test_isotropic_noise_in_mm_stays_isotropic() -> None:
    normalization = PoseNormalization.fit(random_poses(100, 4))
    zero = normalization.to_normalised(torch.zeros(51, 17, 3))
    shift = torch.eye(51).view(51, 17, 3) * 40
    moved = normalization.to_normalised(shift) - zero
    torch.testing.assert_close(moved, torch.eye(51) * normalization.noise_from_mm(40.0))


def test_lambda_in_mm_units_weighs_the_same_in_network_units() -> None:
    normalization = PoseNormalization.fit(random_poses(100, 5))
    a, b = torch.from_numpy(random_poses(2, 6))
    jacobian = 37.0
    in_mm = (a - b).square().sum() + 0.1 * jacobian
    error = (normalization.to_normalised(a) - normalization.to_normalised(b)).square().sum()
    in_network = error + normalization.contraction_from_mm(0.1) * jacobian
    torch.testing.assert_close(in_network * normalization.scale_mm**2, in_mm)


def test_root_relative_puts_the_first_joint_at_the_origin_exactly() -> None:
    moved = root_relative(torch.from_numpy(random_poses(5, 7)))
    assert torch.equal(moved[:, 0], torch.zeros(5, 3))


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("poses", "said"),
    [
        (np.zeros((4, 16, 3), np.float32), "shape"),
        (np.zeros((4, 17, 3), np.int64), "dtype"),
        (np.zeros((0, 17, 3), np.float32), "no poses"),
        (np.full((4, 17, 3), np.nan, np.float32), "NaN"),
        (np.ones((4, 17, 3), np.float32), "same pose"),
        ([[0.0]], "list"),
    ],
)
def test_poses_that_cannot_be_normalised_are_refused(poses: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        PoseNormalization.fit(poses)  # type: ignore[arg-type]
