"""The measurements of training run and give what `overpose bench` prints."""

from overpose.experiments.bench.training import bench_training
from overpose.networks.image_encoder import ImageEncoderConfig


def test_bench_gives_positive_numbers_under_the_names_of_the_budgets() -> None:
    tiny = [ImageEncoderConfig(size + 2, size, (3,), (2,), (8,)) for size in (54,)]
    measured = bench_training(tiny, rounds=1, steps=1)
    names = {
        f"{name}_{size}"
        for name in ("train_images_per_s", "times_plain_loop", "loader_speed_ratio")
        for size in (54,)
    }
    assert measured.keys() == {"contractive_step_ratio", *names}
    assert min(measured.values()) > 0
