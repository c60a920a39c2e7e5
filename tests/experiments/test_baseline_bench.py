"""What the compared systems cost, on next to nothing."""

from pathlib import Path

import pytest

from overpose.baselines.convolutions import ConvolutionsConfig
from overpose.baselines.structnet import StructNetConfig
from overpose.experiments.bench.baselines import bench_baselines


def test_every_number_is_measured():
    convolutions = ConvolutionsConfig(32, 28, (5, 3, 3), (4, 4, 4))
    structnet = StructNetConfig(convolutions, (8, 8), 16, 8, pose_hidden=8)
    found = bench_baselines(
        structnet, convolutions.image_encoder((16,)), 30, poses=(50, 100), samples=()
    )
    names = ["ours_ms_per_image"]
    for count in (50, 100):
        names += [f"structnet_embed_s_{count}", f"structnet_max_ms_per_image_{count}"]
    assert list(found) == names
    assert all(value > 0 for value in found.values())


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="Linux only")
def test_linkdes_memory_does_not_depend_on_the_samples():
    convolutions = ConvolutionsConfig(32, 28, (5, 3, 3), (4, 4, 4))
    found = bench_baselines(
        StructNetConfig(convolutions, (8, 8), 16, 8, pose_hidden=8),
        convolutions.image_encoder((16,)),
        30,
        poses=(),
        samples=(300, 8000),
    )
    few, many = found["linkde_memory_mib_300"], found["linkde_memory_mib_8000"]
    assert many < 1.1 * few  # keeping images and features of all would add 30 %
