"""Tiny datasets in the real format, made without the studio."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from standing_body import REST_MM

from overpose.camera import Camera
from overpose.datasets.layout import Sample
from overpose.datasets.writer import begin_dataset, finish_dataset, write_shard
from overpose.skeleton import HUMAN36M


def random_bodies(count: int, seed: int = 0) -> np.ndarray:
    """Bodies of REST_MM's limb lengths up to a common scale, limbs turned at random, (n, 17, 3)."""
    rng = np.random.default_rng(seed)
    poses_mm = np.zeros((count, 17, 3))
    for joint, parent in enumerate(HUMAN36M.parents):
        if parent < 0:
            continue
        limb = REST_MM[joint] - REST_MM[parent]
        turned = limb / np.linalg.norm(limb) + rng.normal(0, 0.25, (count, 3))
        turned *= np.linalg.norm(limb) / np.linalg.norm(turned, axis=1, keepdims=True)
        poses_mm[:, joint] = poses_mm[:, parent] + turned
    return (poses_mm * rng.uniform(0.9, 1.1, (count, 1, 1))).astype(np.float32)


def drawn(pose_mm: np.ndarray, size: int) -> np.ndarray:
    """A line drawing of the pose, (size, size, 3) uint8 RGB."""
    image = np.full((size, size, 3), 90, dtype=np.uint8)
    points = (pose_mm[:, :2] / 2000 + 0.5) * size
    for parent, joint in HUMAN36M.limbs:
        ends = [tuple(int(v) for v in points[i]) for i in (parent, joint)]
        cv2.line(image, ends[0], ends[1], (230, 120 + 6 * int(joint), 40), 2)
    return image


def mask_png(image: np.ndarray) -> bytes:
    """A PNG of what is drawn on the grey ground."""
    person = np.abs(image.astype(int) - 90).max(axis=-1) > 5
    return cv2.imencode(".png", person.astype(np.uint8) * 255)[1].tobytes()


def write_tiny_dataset(
    path: Path,
    *,
    size: int = 32,
    per_group: int = 8,
    actions: tuple[str, ...] = ("walking", "running"),
    subjects: dict[str, tuple[str, ...]] | None = None,
    masks: bool = False,
) -> Path:
    """A complete dataset with `per_group` samples for each split's subject and action; the masks
    are the drawn lines."""
    subjects = subjects or {"train": ("01", "02", "03"), "test": ("08", "09")}
    rest = np.array([0.0, 0.0, 4000.0])
    samples = []
    for split, names in subjects.items():
        for subject in names:
            for action in actions:
                seed = sum(f"{subject}{action}".encode())
                for frame, pose_mm in enumerate(random_bodies(per_group, seed)):
                    camera = Camera(
                        focal_px=np.array([2.0 * size, 2.0 * size]),
                        center_px=np.array([size / 2, size / 2]),
                        rotation=np.eye(3),
                        translation_mm=np.zeros(3),
                        width=size,
                        height=size,
                    )
                    keypoints = np.concatenate(
                        [camera.project_camera(pose_mm + rest), np.ones((17, 1))], axis=1
                    )
                    bgr = cv2.cvtColor(drawn(pose_mm, size), cv2.COLOR_RGB2BGR)
                    samples.append(
                        Sample(
                            jpeg=cv2.imencode(".jpg", bgr)[1].tobytes(),
                            mask_png=mask_png(drawn(pose_mm, size)) if masks else None,
                            subject=subject,
                            action=action,
                            trial=f"{subject}_{action}",
                            split=split,
                            camera_number=0,
                            frame=frame,
                            take=0,
                            pose_mm=pose_mm,
                            root_mm=rest,
                            keypoints_px=keypoints,
                            box_px=(0.0, 0.0, float(size)),
                            camera=camera,
                            crop=camera,
                        )
                    )
    plan = {"size": size, "per_group": per_group, "actions": list(actions)}
    if begin_dataset(path, plan, 1, overwrite=False):
        write_shard(path, 0, samples)
    finish_dataset(path, 1, name="tiny", image_size=size, provenance={"source": "drawn lines"})
    return path


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Networks this small lose more by threads than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_dataset() -> Callable[..., Path]:
    """The function that writes a tiny dataset; see `write_tiny_dataset`."""
    return write_tiny_dataset


@pytest.fixture
def bodies() -> Callable[..., np.ndarray]:
    """The function that makes random bodies; see `random_bodies`."""
    return random_bodies
