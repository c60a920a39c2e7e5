"""What `overpose scale` measures: every unit's times, whoever is killed, and the command's work."""

from overpose.datasets.rendering.options import RenderConfig
from overpose.experiments.scale.calibration import calibrate
from overpose.experiments.scale.driver import measure_driver
from overpose.experiments.scale.measuring import measure_render

SHARDS = 12
IMAGES = RenderConfig(
    image_size=32, samples_per_shard=20, max_train=20 * SHARDS, max_val=0, max_test=0
)


def test_a_killed_worker_is_noted_and_its_unit_done_by_another() -> None:
    run = measure_render(IMAGES, 1, kills=1, seed=1)  # early
    done = [unit for unit in run.units if unit.ended_s is not None]
    assert sorted(unit.number for unit in done) == list(range(SHARDS))
    assert len(run.kills_s) == 1
    assert len({unit.worker for unit in run.units}) == 2
    assert all(unit.begun_s < (unit.ended_s or run.total_s) <= run.total_s for unit in run.units)
    known = calibrate(run)
    assert min(*known.ready_s, known.end_s, *known.unit_s) > 0


def test_the_commands_own_work_has_a_price() -> None:
    costs = measure_driver()
    assert costs.unit_s > 0
    assert costs.file_s > 0
    assert costs.of_unit(2, 10**9) > costs.of_unit(1, 0)
    assert costs.growth_s(4, noted=True) >= costs.growth_s(4, noted=False) >= 0
