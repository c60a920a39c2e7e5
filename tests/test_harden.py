"""The machine that breaks overpose, on one command and a few trials, and what it would see."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harden.commands import COMMANDS
from harden.faults import Fault, faults_of, in_turns, strace
from harden.kills import try_kills
from harden.ledger import Ledger, keep
from harden.summary import summary
from harden.trial import Bench, Budget, Ran

EXPORT = COMMANDS[0]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The command `export` with its reference result."""
    made = Bench(EXPORT, tmp_path_factory.mktemp("export"), allocations=True)
    made.make_reference()
    yield made
    made.end()


def failed(said: str, status: int | None = 1, survivors: int = 0) -> Ran:
    return Ran(status, said, 1.0, survivors)


def test_a_full_disk_leaves_nothing_half_written_and_loses_nothing(bench: Bench) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    fault = next(f for f in faults_of(bench) if f.call == "write" and f.number > 3)
    bench.fresh()
    log = bench.place / "fault.log"
    inject = f"inject={fault.call}:error=ENOSPC:when={fault.number}"
    ran = bench.run(strace(bench, log, "-e", inject))
    assert "INJECTED" in log.read_text()
    assert ran.status == 1
    assert "cannot be written" in ran.said
    assert "make room or give another directory" in ran.said
    assert bench.after_failure(ran) == []
    assert bench.again() == []


def test_faults_of_every_file_come_before_a_second_one_of_any() -> None:
    groups = ([3, 1, 2], [20, 10], [30])
    assert in_turns(groups, lambda number: str(number).encode()) == [1, 10, 30, 2, 20, 3]


def test_memory_that_runs_out_is_one_line(bench: Bench) -> None:
    bench.fresh()
    ran = bench.run(environment={"HARDEN_FAIL_AT": "40"})
    assert ran.said.startswith("overpose: error: memory ran out")
    assert bench.after_failure(ran) == []


def test_a_killed_command_is_tried_once_and_written_down(bench: Bench, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "kills")
    try_kills(bench, ledger, Budget(600), 1)
    try_kills(bench, Ledger(tmp_path, "kills"), Budget(600), 1)
    (record,) = ledger.records()
    assert record["problems"] == []
    assert record["hit"] == ["all"]
    assert summary(tmp_path)["kills"]["export"]["trials"] == 1


@pytest.mark.parametrize(
    ("ran", "seen"),
    [
        (failed("overpose: error: full"), None),
        (failed("Traceback (most recent call last):\nOSError: full"), "traceback"),
        (failed("overpose: error: a\noverpose: error: b"), "lines"),
        (failed("", status=-11), "status"),
        (failed("", status=None), "hang"),
        (failed("overpose: error: full", survivors=2), "survivors"),
        (failed("", status=0), "lost"),
    ],
)
def test_what_is_wrong_after_a_failure_is_seen(bench: Bench, ran: Ran, seen: str | None) -> None:
    bench.fresh()
    problems = bench.after_failure(ran)
    assert [problem.partition(":")[0] for problem in problems] == ([seen] if seen else [])


def test_half_a_file_and_litter_are_seen(bench: Bench) -> None:
    bench.fresh()
    bench.out.mkdir()
    (bench.out / "clip.csv").write_text("half")
    (bench.out / ".clip.csv.12345678.part").write_text("half")
    problems = bench.after_failure(failed("overpose: error: full"))
    assert [problem.partition(":")[0] for problem in problems] == ["half-written", "litter"]


def test_a_line_cut_short_is_no_result(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "faults")
    ledger.add({"key": "a", "problems": []})
    with (tmp_path / "faults.jsonl").open("a") as file:
        file.write('{"key": "b", "prob')
    again = Ledger(tmp_path, "faults")
    again.add({"key": "c", "problems": []})
    assert Ledger(tmp_path, "faults").done == {"a", "c"}


def test_another_machine_goes_on_with_the_trials_that_are_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "here", "faults")
    for key, problems in (("export-a", []), ("export-b", ["hang: no end"]), ("train-a", [])):
        ledger.add({
            "key": key, "command": key[:-2], "status": 1, "hit": ["a call"], "problems": problems
        })  # fmt: skip
    kept = tmp_path / "kept.jsonl"
    keep([ledger], kept)
    there = Ledger(tmp_path / "there", "faults", kept)
    assert there.done == {"export-a", "train-a"}
    assert summary(tmp_path / "there", kept) == summary(tmp_path / "here")
    there.add({
        "key": "export-b", "command": "export", "status": 1, "hit": ["a call"], "problems": []
    })  # fmt: skip
    assert summary(tmp_path / "there", kept)["problems"] == 0


def test_only_calls_about_results_fail(bench: Bench) -> None:
    log = bench.place / "calls-warm.log"
    before = log.read_text() if log.exists() else None
    place = bench.trial
    log.write_text(
        f"7 openat(AT_FDCWD</x>, \"/usr/a\", O_RDONLY) = 3\n"
        f"7 write(1<{place}/stdout>, \"\"..., 5) = 5\n"
        f"7 write(9<pipe:[1]>, \"\"..., 5) = 5\n"
        f"8 write(4<{place}/out/.a.part>, \"\"..., 5) = 5\n"
        f"7 write(4<{place}/out/.a.part>, \"\"..., 5 <unfinished ...>\n"
        f"7 <... write resumed>) = 5\n"
        f"7 rename(\"{place}/out/.a.part\", \"{place}/out/a\") = 0\n"
    )  # fmt: skip
    try:
        found = {(fault.call, fault.number) for fault in faults_of(bench)}
    finally:
        log.unlink() if before is None else log.write_text(before)
    assert found == {("write", 1), ("write", 3), ("rename", 1)}
    assert Fault("write", "EIO", 3).key == "write-EIO-3"
    assert bench.reference()["files"]
