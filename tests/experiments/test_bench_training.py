"""The measurements of training run and give what `overpose bench` prints."""

from overpose.experiments.bench.training import bench_training
from overpose.networks.image_encoder import ImageEncoderConfig


def test_bench_gives_positive_numbers_under_the_names_of_the_budgets() -> None:
    tiny = ImageEncoderConfig(16, 14, (3,), (2,), (8,))
    measured = bench_training(tiny, rounds=1, steps=1)
    names = {"contractive_step_ratio", "loader_speed_ratio", "train_images_per_s"}
    assert measured.keys() == names
    assert min(measured.values()) > 0
