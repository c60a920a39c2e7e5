"""What was done of a part: known after a kill at any moment, noted as fast as ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from overpose.support import records
from overpose.support.errors import InputError
from overpose.support.records import JOURNAL_UNITS, Record
from overpose.support.shards import Shard

UNITS = [f"clip{number}" for number in range(3 * JOURNAL_UNITS)]
PLAN = {"command": "predict", "units": UNITS}


def begun(place: Path, plan: dict[str, Any] = PLAN, *, overwrite: bool = False) -> Record:
    shard = Shard(0, 1)
    return Record.begun(shard.record_in(place), shard, plan, overwrite=overwrite)


def done(record: Record, *units: str) -> None:
    for unit in units:
        path = record.path.parent / f"{unit}.npz"
        path.write_text(unit)
        record.add(unit, [path])


def names(place: Path) -> set[str]:
    return {path.name for path in place.iterdir() if path.suffix == ".json"}


@pytest.mark.parametrize("count", [1, JOURNAL_UNITS, 2 * JOURNAL_UNITS + 3])
def test_what_was_noted_is_known_after_a_kill(tmp_path: Path, count: int) -> None:
    record = begun(tmp_path)
    record.write()
    done(record, *UNITS[:count])
    record.fail(UNITS[count], "no video")
    for found in (begun(tmp_path), Record.read(record.path)):
        assert found.missing == UNITS[count:]
        assert found.done == record.done
        assert found.failed == {UNITS[count]: "no video"}


def test_who_goes_on_notes_the_rest(tmp_path: Path) -> None:
    for first in range(0, 30, 10):  # killed twice
        record = begun(tmp_path)
        record.write()
        assert record.missing == UNITS[first:]
        done(record, *UNITS[first : first + 10])
    assert begun(tmp_path).missing == UNITS[30:]


def test_a_unit_that_failed_may_be_done_later_and_the_other_way_round(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.write()
    record.fail("clip0", "no video")
    done(record, "clip0", "clip1")
    record.fail("clip1", "gone")
    found = begun(tmp_path)
    assert (list(found.done), found.failed) == (["clip0"], {"clip1": "gone"})
    found.write()
    again = begun(tmp_path)
    assert (list(again.done), again.failed) == (["clip0"], {"clip1": "gone"})


def test_in_the_end_there_is_one_file_with_all_units_in_order(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.write()
    done(record, *reversed(UNITS))
    assert len(names(tmp_path)) > 1
    record.write()
    assert names(tmp_path) == {"shard-0-of-1.json"}
    value = json.loads(record.path.read_text())
    assert [entry["unit"] for entry in value["done"]] == UNITS
    assert value["format_version"] == 1  # as before there were journals


def test_noting_a_unit_writes_no_more_after_thousands_than_in_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = records.write_json
    monkeypatch.setattr(
        records, "write_json",
        lambda path, value: (write(path, value), written.append(path.stat().st_size)),
    )  # fmt: skip
    most = []
    for place, units in ((tmp_path / "few", 100), (tmp_path / "many", 10_000)):
        place.mkdir()
        record = begun(place, {"command": "predict", "units": [f"{n:06}" for n in range(units)]})
        for unit in record.units:
            record.note(unit, [])
        record.write()
        written.clear()
        for unit in record.units[-100:]:
            record.add(unit, [])
        most.append(max(written))
    assert most[0] == most[1]


def test_journals_of_work_that_was_replaced_do_not_count(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.write()
    done(record, "clip0")
    other = begun(tmp_path, {**PLAN, "html": True}, overwrite=True)
    records.write_json(other.path, json.loads(other.path.read_text()) | {"plan": other.plan})
    assert begun(tmp_path, other.plan).missing == UNITS  # killed before the journals went
    other.write()
    assert names(tmp_path) == {"shard-0-of-1.json"}


@pytest.mark.parametrize("text", ['{"of"', "[]", "{}", '{"of": "HERE", "noted": [3]}'])
def test_a_damaged_journal_is_one_line_that_names_it(tmp_path: Path, text: str) -> None:
    record = begun(tmp_path)
    record.write()
    done(record, "clip0")
    journal = tmp_path / "shard-0-of-1.0000.json"
    identity = json.loads(journal.read_text())["of"]
    journal.write_text(text.replace("HERE", identity))
    with pytest.raises(InputError, match=r"shard-0-of-1\.0000\.json"):
        Record.read(record.path)
