"""Synthetic bodies and small image sets for the training tests."""

import numpy as np
import pytest

from overpose.skeleton import HUMAN36M

REST_MM = {
    "right_hip": (-130, 0, 0), "right_knee": (0, 440, 0), "right_ankle": (0, 430, 0),
    "left_hip": (130, 0, 0), "left_knee": (0, 440, 0), "left_ankle": (0, 430, 0),
    "spine": (0, -230, 0), "neck": (0, -250, 0), "nose": (0, -90, -60), "head_top": (0, -110, 40),
    "left_shoulder": (150, 20, 0), "left_elbow": (0, 280, 0), "left_wrist": (0, 250, 0),
    "right_shoulder": (-150, 20, 0), "right_elbow": (0, 280, 0), "right_wrist": (0, 250, 0),
}  # fmt: skip


def rotations(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) rotation vectors to (..., 3, 3) matrices, by Rodrigues' formula."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None] + 1e-12
    x, y, z = np.moveaxis(vectors / angle[..., 0], -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def body_poses(count: int, seed: int) -> np.ndarray:
    """Poses (count, 17, 3) in mm of one body: fixed limb lengths, random joint rotations."""
    rng = np.random.default_rng(seed)
    joints = len(HUMAN36M)
    world = np.zeros((count, joints, 3, 3))
    turn = np.zeros((count, 3))
    turn[:, 1] = rng.uniform(-np.pi, np.pi, count)
    world[:, 0] = rotations(turn)
    poses = np.zeros((count, joints, 3))
    for joint in range(1, joints):
        parent = HUMAN36M.parents[joint]
        name = HUMAN36M.joint_names[joint]
        bent = 0.5 if name.endswith(("knee", "ankle", "elbow", "wrist")) else 0.1
        world[:, joint] = world[:, parent] @ rotations(rng.normal(0, bent, (count, 3)))
        offset = np.array(REST_MM[name], dtype=float)
        poses[:, joint] = poses[:, parent] + world[:, joint] @ offset
    return poses.astype(np.float32)


@pytest.fixture(scope="session")
def bodies() -> np.ndarray:
    return body_poses(4000, seed=1)


@pytest.fixture(scope="session")
def held_out_bodies() -> np.ndarray:
    return body_poses(300, seed=2)
