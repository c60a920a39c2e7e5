"""report.json: what is written is read back, and what does not fit the contract is refused."""

import dataclasses
import json
import math
import subprocess

import pytest

from overpose.methods import INPUTS
from overpose.report.header import code_commit
from overpose.report.rows import (
    FINISHINGS,
    MEASURES,
    Report,
    Row,
    new_report,
    parse_row,
    read_report,
    summarize,
    write_report,
)
from overpose.support.errors import InputError


def make_row(method="direct", action="mean", seed=0, value=1.0, **changes):
    numbers = dict.fromkeys(MEASURES, value) | changes
    return Row(method, action, seed, **numbers)


@pytest.fixture
def report():
    return new_report("protocol", "dataset", [make_row(seed=0), make_row(seed=1)])


def test_a_written_report_reads_back_equal(tmp_path, report):
    write_report(tmp_path / "report.json", report)
    assert read_report(tmp_path / "report.json") == report


def test_the_file_has_exactly_the_fields_of_the_contract(tmp_path, report):
    write_report(tmp_path / "report.json", report)
    value = json.loads((tmp_path / "report.json").read_text())
    assert list(value) == ["protocol", "dataset", "commit", "machine", "date", "rows"]
    assert list(value["rows"][0]) == [
        "method",
        "action",
        "seed",
        "mpjpe_mm",
        "p_mpjpe_mm",
        "limb_ratio_lower",
        "limb_ratio_upper",
        "limb_ratio_full",
        "train_s",
        "predict_ms_per_image",
        "inputs",
        "finishing",
        "privileged",
    ]


def test_a_failed_row_keeps_its_reason_and_no_numbers(tmp_path):
    failed = Row("direct", "mean", 0, error="out of memory")
    path = tmp_path / "report.json"
    write_report(path, Report("p", "d", "c", "m", "t", (failed,)))
    assert read_report(path).rows == (failed,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mpjpe_mm": "66"}, "mpjpe_mm is '66', expected a number"),
        ({"mpjpe_mm": None}, "mpjpe_mm is None, expected a number"),
        ({"mpjpe_mm": -1.0}, "expected a number not below 0"),
        ({"mpjpe_mm": math.nan}, "mpjpe_mm is nan"),
        ({"seed": 0.5}, "seed is 0.5, expected an integer"),
        ({"seed": True}, "seed is True, expected an integer"),
        ({"method": ""}, "method is '', expected a non-empty string"),
        ({"inputs": "mask"}, "inputs is 'mask', expected image or masked_image"),
        ({"finishing": "all"}, "finishing is 'all', expected none or common"),
        ({"privileged": 1}, "privileged is 1, expected true or false"),
        ({"surprise": 1}, "unknown surprise"),
    ],
)
def test_a_row_with_a_wrong_field_is_refused_by_name(change, message):
    with pytest.raises(InputError, match=message):
        parse_row(make_row().to_json() | change)


def test_a_row_without_a_field_is_refused_by_name():
    value = make_row().to_json()
    del value["train_s"]
    with pytest.raises(InputError, match="no train_s"):
        parse_row(value)


@pytest.mark.parametrize(
    ("method", "inputs", "privileged"),
    [
        ("direct", "image", False),
        ("linkde", "masked_image", False),
        ("structnet_avg_apf", "image", True),
        ("toy", "image", False),
    ],
)
def test_a_row_from_before_there_were_blocks_has_what_was_then_true(method, inputs, privileged):
    value = make_row(method).to_json()
    for name in ("inputs", "finishing", "privileged"):
        del value[name]
    row = parse_row(value)
    assert (row.inputs, row.finishing, row.privileged) == (inputs, "none", privileged)


def test_a_method_may_have_a_row_in_every_block(tmp_path):
    path = tmp_path / "report.json"
    rows = [make_row(inputs=i, finishing=f) for f in FINISHINGS for i in INPUTS]
    write_report(path, Report("p", "d", "c", "m", "t", tuple(rows)))
    assert read_report(path).rows == tuple(rows)


def test_an_error_in_a_file_names_the_file_and_the_row(tmp_path, report):
    path = tmp_path / "report.json"
    write_report(path, report)
    value = json.loads(path.read_text())
    value["rows"][1]["mpjpe_mm"] = "x"
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match=r"report\.json: rows\[1\]: mpjpe_mm"):
        read_report(path)


def test_the_same_method_action_and_seed_twice_is_refused(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, Report("p", "d", "c", "m", "t", (make_row(), make_row(value=2.0))))
    with pytest.raises(InputError, match="appear twice"):
        read_report(path)


@pytest.mark.parametrize("change", [{"rows": {}}, {"commit": 3}, {"extra": 1}])
def test_a_report_with_a_wrong_field_is_refused(tmp_path, report, change):
    path = tmp_path / "report.json"
    write_report(path, report)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=next(iter(change))):
        read_report(path)


def test_seeds_are_merged_to_mean_and_sample_deviation():
    merged = summarize([make_row(seed=s, value=v) for s, v in enumerate((1.0, 2.0, 6.0))])
    summary = merged["direct", "mean"]
    assert summary.mean["mpjpe_mm"] == pytest.approx(3.0)
    assert summary.std["mpjpe_mm"] == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert summary.seeds == (0, 1, 2)


def test_one_seed_has_no_deviation():
    assert math.isnan(summarize([make_row()])["direct", "mean"].std["mpjpe_mm"])


def test_a_failed_seed_does_not_change_the_mean_of_the_others():
    rows = [make_row(seed=0, value=4.0), Row("direct", "mean", 1, error="killed")]
    summary = summarize(rows)["direct", "mean"]
    assert summary.mean["mpjpe_mm"] == 4.0
    assert summary.seeds == (0,)


def test_the_commit_is_the_checkouts_own_or_says_unknown():
    commit = code_commit()
    if commit.startswith("unknown"):
        return
    bare = commit.removesuffix("-modified")
    kind = subprocess.run(
        ["git", "cat-file", "-t", bare], capture_output=True, text=True, check=True
    )
    assert kind.stdout.strip() == "commit"


def test_rows_are_values():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_row().mpjpe_mm = 3.0  # pyright: ignore
