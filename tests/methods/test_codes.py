"""Codes of poses: what they are fitted with, and that each learns bodies."""

from pathlib import Path

import numpy as np
import pytest
from standing_body import REST_MM
from tiny_dataset import random_bodies

from overpose.camera import Camera
from overpose.methods import CODES, load_model
from overpose.methods.codes.card import CodeContext, other_views
from overpose.networks.autoencoder import AutoencoderConfig
from overpose.networks.codes import reconstruct_poses
from overpose.networks.tokens import TokenCodeConfig
from overpose.support.errors import InputError
from overpose.training import AutoencoderStage, LoopConfig, Runtime, TokenStage

LOOP = LoopConfig(epochs=30, batch_size=32, learning_rate=3e-3)
CONFIGS = {
    "autoencoder": AutoencoderStage(AutoencoderConfig((100,)), LOOP),
    "tokens": TokenStage(TokenCodeConfig(tokens=12, entries=16, hidden=64), LOOP),
}


def rotations(count: int) -> np.ndarray:
    """Of cameras 5 m away all around, a little above the middle of a person."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    heights = np.linspace(1300, 1700, count)
    places = np.stack([5000 * np.cos(angles), 5000 * np.sin(angles), heights], axis=1)
    cameras = [Camera.look_at(place, (0, 0, 900), 1000, 1000, 1000) for place in places]
    return np.stack([camera.rotation for camera in cameras])


def seen(turns: np.ndarray) -> np.ndarray:
    """A body that stands upright in a world with z up, in the axes of cameras."""
    world_mm = REST_MM[:, [0, 2, 1]] * (1, 1, -1)  # from camera axes: y down becomes z up
    return np.einsum("nij,kj->nki", turns, world_mm - world_mm[0]).astype(np.float32)


def context(tmp_path: Path, poses_mm: np.ndarray, **given: object) -> CodeContext:
    return CodeContext(poses_mm, None, tmp_path, runtime=Runtime("cpu", 1), **given)  # pyright: ignore


def test_another_view_keeps_the_body_and_its_upright() -> None:
    turns = rotations(40)
    poses_mm = seen(turns)
    turned = other_views(poses_mm, turns, np.random.default_rng(0))
    assert turned.dtype == np.float32
    distances = [np.linalg.norm(p[:, :, None] - p[:, None], axis=-1) for p in (poses_mm, turned)]
    np.testing.assert_allclose(*distances, atol=0.1)
    # The cameras lean by less than 10 degrees, so heads stay above pelvises: y points down.
    assert (turned[:, 10, 1] < -0.95 * np.linalg.norm(turned[:, 10], axis=1)).all()


def test_views_are_all_around() -> None:
    turns = rotations(400)
    turned = other_views(seen(turns), turns, np.random.default_rng(0))
    hips = turned[:, 4] - turned[:, 1]
    angles = np.arctan2(hips[:, 2], hips[:, 0])
    counts = np.histogram(angles, bins=4, range=(-np.pi, np.pi))[0]
    assert counts.min() > 70


def test_random_views_come_after_the_training_poses_and_need_cameras(tmp_path: Path) -> None:
    turns = rotations(5)
    poses_mm = seen(turns)
    known = context(tmp_path, poses_mm, rotations=turns)
    learned = known.learned_mm(2)
    assert known.learned_mm(0) is poses_mm
    assert learned.shape == (15, 17, 3)
    np.testing.assert_array_equal(learned[:5], poses_mm)
    assert not np.allclose(learned[5:10], learned[10:])
    np.testing.assert_array_equal(learned, known.learned_mm(2))
    with pytest.raises(InputError, match="random_views: got 1"):
        context(tmp_path, poses_mm).learned_mm(1)


@pytest.mark.parametrize("name", list(CONFIGS))
def test_a_trained_code_comes_back_from_disk_and_reproduces_bodies(
    name: str, tmp_path: Path
) -> None:
    poses_mm = random_bodies(200)
    card = next(code for code in CODES if code.name == name)
    model = card.fit(CONFIGS[name], context(tmp_path, poses_mm))
    held_out = random_bodies(50, seed=1)
    rebuilt = reconstruct_poses(model, held_out)
    spread = np.linalg.norm(held_out - poses_mm.mean(axis=0), axis=-1).mean()
    assert np.linalg.norm(rebuilt - held_out, axis=-1).mean() < 0.6 * spread
    again = reconstruct_poses(load_model(tmp_path / "last"), held_out)
    np.testing.assert_array_equal(again, rebuilt)
