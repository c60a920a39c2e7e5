"""The comparison of two commits' runs: strict in numbers, tolerant of names and places."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

import compare_commits
from compare_runs import compare_runs

ROW = {"method": "direct", "action": "mean", "seed": 0, "mpjpe_mm": 100.1, "train_s": 3.0}


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs that differ in nothing."""
    first, second = tmp_path / "first", tmp_path / "second"
    for place in ("smoke/dataset", "render"):
        (first / place).mkdir(parents=True)
        (first / place / "images-00000.shard").write_bytes(bytes(range(256)))
        table = pa.table({"pose_mm": [[1.0, float("nan")], [2.0, 3.0]], "split": ["a", None]})
        pq.write_table(table, first / place / "samples.parquet")
    write_rows(first, [ROW, ROW | {"method": "latent", "mpjpe_mm": None}])
    for number, stage in enumerate(("direct", "latent")):
        (first / "smoke" / "seed0" / stage).mkdir(parents=True)
        tensors = {
            "head.weight": np.arange(6, dtype=np.float32).reshape(2, 3) + number,
            "head.bias": np.zeros(2, np.float32),
            "code_scale": np.array(0.5, np.float32),
        }
        save_file(tensors, first / "smoke" / "seed0" / stage / "weights.safetensors")
    shutil.copytree(first, second)
    return first, second


def write_rows(run: Path, rows: list[dict[str, Any]], **header: Any) -> None:
    (run / "smoke" / "report.json").write_text(json.dumps({**header, "rows": rows}))


def weights(run: Path, stage: str = "direct") -> Path:
    return run / "smoke" / "seed0" / stage / "weights.safetensors"


def differing(runs: tuple[Path, Path], **options: Any) -> list[str]:
    found = compare_runs(*runs, **options)
    lines = [line for line in found.lines if "DIFFERS" in line]
    assert found.differs == bool(lines)
    return lines


def test_the_same_run_is_equal(runs: tuple[Path, Path]) -> None:
    assert differing(runs) == []


def test_times_dates_and_the_order_of_rows_do_not_matter(runs: tuple[Path, Path]) -> None:
    rows = [ROW | {"method": "latent", "mpjpe_mm": None}, ROW | {"train_s": 9.0}]
    write_rows(runs[1], rows, date="tomorrow")
    assert differing(runs) == []


@pytest.mark.parametrize("value", [float(np.nextafter(100.1, 101)), None])
def test_the_last_digit_of_a_row_matters(runs: tuple[Path, Path], value: float | None) -> None:
    write_rows(runs[1], [ROW | {"mpjpe_mm": value}, ROW | {"method": "latent", "mpjpe_mm": None}])
    (line,) = differing(runs)
    assert line.startswith("report.json: DIFFERS: 1 numbers")


def test_a_lost_row_is_a_difference(runs: tuple[Path, Path]) -> None:
    write_rows(runs[1], [ROW])
    (line,) = differing(runs)
    assert "are gone" in line


def test_weights_may_move_and_their_tensors_have_other_names(runs: tuple[Path, Path]) -> None:
    path = weights(runs[1])
    tensors = {f"predictor.{name}": tensor for name, tensor in load_file(path).items()}
    place = runs[1] / "smoke" / "models" / "direct-0"
    place.mkdir(parents=True)
    save_file(tensors, place / "model.safetensors")
    path.unlink()
    assert differing(runs) == []


def test_the_last_bit_of_a_weight_matters(runs: tuple[Path, Path]) -> None:
    tensors = load_file(weights(runs[1]))
    tensors["head.weight"][1, 2] = np.nextafter(np.float32(5), np.float32(6))
    tensors["code_scale"][...] = np.nextafter(np.float32(0.5), np.float32(1))
    save_file(tensors, weights(runs[1]))
    (line,) = differing(runs)
    assert line == (
        "weights seed0/direct/weights.safetensors: DIFFERS: 2 of 3 tensors, at most by 4.77e-07"
    )


def test_a_stage_with_the_weights_of_another_is_a_difference(runs: tuple[Path, Path]) -> None:
    tensors = load_file(weights(runs[1], "latent"))
    save_file(tensors, weights(runs[1], "direct"))
    assert len(differing(runs)) == 1


def test_weights_that_are_gone_differ_unless_they_are_ignored(runs: tuple[Path, Path]) -> None:
    weights(runs[1], "latent").unlink()
    assert len(differing(runs)) == 1
    assert differing(runs, ignored=("*/latent/*",)) == []


def test_one_byte_of_a_shard_matters(runs: tuple[Path, Path]) -> None:
    shard = runs[1] / "render" / "images-00000.shard"
    shard.write_bytes(bytes([3, *range(1, 256)]))
    (line,) = differing(runs)
    assert "1 of 256 bytes, at most by 3" in line


def test_one_value_of_a_column_matters(runs: tuple[Path, Path]) -> None:
    path = runs[1] / "render" / "samples.parquet"
    table = pa.table({"pose_mm": [[1.0, float("nan")], [2.0, 3.5]], "split": ["a", None]})
    pq.write_table(table, path)
    (line,) = differing(runs)
    assert line == "render samples.parquet pose_mm: DIFFERS: at most by 0.5"


def test_a_finished_run_of_this_machine_is_used_again(tmp_path: Path) -> None:
    kept = tmp_path / "abc"
    kept.mkdir()
    (kept / "finished.json").write_text(json.dumps(compare_commits.setting()))
    assert compare_commits.results_of("abc", tmp_path / "no repository", tmp_path) == kept
    (kept / "finished.json").write_text("{}")
    with pytest.raises(SystemExit):
        compare_commits.results_of("abc", tmp_path / "no repository", tmp_path)
