"""Damaged files for every reader: each gives `InputError` or a result, within the limits.

Every reader has processes of its own, one after the other: one that crashes loses nothing but
itself, and the file that it was reading is kept.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harden.ledger import Ledger
from harden.readers import READERS

MOST_CRASHES = 20
"""Processes that may end before their time, for each reader."""


def try_readers(place: Path, ledger: Ledger, names: list[str] | None, cpu_s: float) -> None:
    """Feed every reader for some time; one that had its time before is left out.

    Args:
        place: of the state; what was found goes into `findings/` there.
        ledger: of the readers that are done.
        names: of the readers; None: all.
        cpu_s: CPU seconds for each.
    """
    for reader in READERS:
        key = f"{reader.name}-{cpu_s:g}"
        if key in ledger.done or (names is not None and reader.name not in names):
            continue
        state = place / "work" / "fuzz" / reader.name
        state.mkdir(parents=True, exist_ok=True)
        findings = place / "findings" / reader.name
        crashes: list[str] = []
        spent, runs, engine = 0.0, 0, ""
        while spent < cpu_s and len(crashes) < MOST_CRASHES:
            (state / "state.json").unlink(missing_ok=True)
            words = [sys.executable, "-m", "harden.feeding", reader.name, str(state)]
            words += [str(findings), f"{cpu_s - spent:g}", str(len(crashes))]
            with (state / "stderr").open("wb") as said:
                done = subprocess.run(
                    words, stdout=subprocess.DEVNULL, stderr=said, env=_environment(), check=False
                )
            found = _state(state / "state.json")
            spent += max(1.0, found["cpu_s"])
            runs += found["runs"]
            engine = found["engine"]
            if found["over"]:
                break
            said = (state / "stderr").read_text(errors="replace")
            crashes.append(f"status {done.returncode}: {said.strip()[-300:]}")
            _keep(state, findings, reader.file, len(crashes))
        kept = [path.name for path in sorted(findings.iterdir())] if findings.exists() else []
        ledger.add({
            "key": key, "reader": reader.name, "engine": engine, "inputs": runs,
            "cpu_s": round(spent, 1), "problems": crashes + kept,
        })  # fmt: skip


def _keep(state: Path, findings: Path, file: str, number: int) -> None:
    """The file that a process was reading when it ended."""
    damaged = state / "input" / file
    if damaged.exists():
        findings.mkdir(parents=True, exist_ok=True)
        kept = findings / f"crash-{number}{damaged.suffix}"
        kept.write_bytes(damaged.read_bytes())


def _state(path: Path) -> dict[str, Any]:
    plain = {"cpu_s": 0.0, "runs": 0, "engine": "", "over": False}
    return plain | json.loads(path.read_text()) if path.exists() else plain


def _environment() -> dict[str, str]:
    tools = Path(__file__).parents[1]
    path = [str(tools.parent / "src"), str(tools), os.environ.get("PYTHONPATH", "")]
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return os.environ | one | {"PYTHONPATH": os.pathsep.join(filter(None, path))}
