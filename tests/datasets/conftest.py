"""Small made-up datasets for the tests of writing and reading."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from human36m_miniature import write_miniature

from overpose.camera import Camera
from overpose.datasets.layout import Sample
from overpose.datasets.writer import begin_dataset, finish_dataset, write_shard

SIZE = 16


def make_sample(number: int, *, with_mask: bool = True) -> Sample:
    """A sample whose every value follows from its number."""
    rng = np.random.default_rng(number)
    image = np.full((SIZE, SIZE, 3), rng.integers(0, 255, 3), dtype=np.uint8)
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    mask[number % SIZE] = 255
    camera = Camera.look_at(
        rng.uniform(2000, 4000, 3), np.zeros(3), 1145.0 + number, width=1000, height=1002
    )
    box = (100.0 + number, 120.25, 400.0)
    scale = SIZE / box[2]
    crop = Camera(
        focal_px=camera.focal_px * scale,
        center_px=(camera.center_px - box[:2]) * scale,
        rotation=camera.rotation,
        translation_mm=camera.translation_mm,
        width=SIZE,
        height=SIZE,
    )
    keypoints = np.concatenate([rng.uniform(0, SIZE, (17, 2)), rng.integers(0, 2, (17, 1))], axis=1)
    return Sample(
        jpeg=cv2.imencode(".jpg", image[..., ::-1])[1].tobytes(),
        mask_png=cv2.imencode(".png", mask)[1].tobytes() if with_mask else None,
        subject=f"{number % 3:02d}",
        action=("walking", "dance")[number % 2],
        trial=f"{number % 3:02d}_{number % 5:02d}",
        split=("train", "val", "test")[number % 3],
        camera_number=number % 4,
        frame=10 * number,
        take=number // 8,
        pose_mm=rng.normal(0, 300, (17, 3)).astype(np.float32),
        root_mm=rng.normal(0, 300, 3).astype(np.float32),
        keypoints_px=keypoints.astype(np.float32),
        box_px=box,
        camera=camera,
        crop=crop,
    )


@pytest.fixture
def sample_of() -> Callable[..., Sample]:
    return make_sample


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes `shards` shards of four samples and gives the directory."""

    def write(shards: int = 3, name: str = "dataset", *, with_mask: bool = True) -> Path:
        directory = tmp_path / name
        missing = begin_dataset(directory, {"seed": 0}, shards, overwrite=False)
        for shard in missing:
            numbers = range(4 * shard, 4 * shard + 4)
            write_shard(directory, shard, [make_sample(n, with_mask=with_mask) for n in numbers])
        finish_dataset(
            directory, shards, name="made-up", image_size=SIZE, provenance={"licence": "none"}
        )
        return directory

    return write


@pytest.fixture(scope="module")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Human3.6M in its official layout, next to nothing of it."""
    return write_miniature(tmp_path_factory.mktemp("human36m"))


@pytest.fixture
def copy(miniature: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(miniature, tmp_path / "copy"))
