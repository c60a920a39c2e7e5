"""Run two commits on this machine and say whether they compute the same, to the last digit.

Each commit is checked out into a temporary worktree and runs, with this interpreter, the smoke
experiment and a small render. Then every number of the reports, every saved weight, and every byte
of the rendered datasets are compared. Times, memory, dates, commits and configurations are not, and
neither are names of directories: a file of weights is found again by what it holds.

    python tools/compare_commits.py f8fa25d main --keep runs/compare
    python tools/compare_commits.py f8fa25d --worktree --keep runs/compare

With --keep the finished run of a commit is used again: many comparisons with one commit cost one
run each. Exit status: 0 equal, 1 different, 2 a run that failed.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from compare_runs import compare_runs

COMMANDS = {
    "smoke": ("reproduce", "--preset", "smoke", "--out"),
    "render": (
        *("render", "--image-size", "64", "--max-train", "96", "--max-val", "24"),
        *("--max-test", "48", "--takes", "2", "--seed", "7", "--out"),
    ),
}
"""What each commit runs, by the directory its results go to, which is the last argument."""
PACKAGES = ("numpy", "scipy", "torch", "numba", "scikit-learn", "opencv-python-headless", "anny")
FINISHED = "finished.json"


def run_commands(tree: Path, out: Path) -> None:
    """Run `COMMANDS` with the source of `tree`, each into a directory of `out`."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["overpose"].split(":")
    source = tree / "src"
    program = (
        f"import sys, overpose; assert overpose.__file__.startswith({str(source)!r}), "
        f"overpose.__file__; from {module} import {function}; sys.exit({function}())"
    )
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONSAFEPATH": "1"}
    for name, arguments in COMMANDS.items():
        log = out / f"{name}.log"
        with log.open("wb") as file:
            done = subprocess.run(
                [sys.executable, "-c", program, *arguments, str(out / name)],
                cwd=out, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
        if done.returncode != 0:
            text = log.read_text(errors="replace")[-2000:]
            fail(
                f"overpose {' '.join(arguments)} ended with {done.returncode}:\n{text}\nlog: {log}"
            )


def results_of(commit: str | None, repository: Path, keep: Path) -> Path:
    """The directory of a commit's finished run, made now if `keep` has none from this machine.

    Args:
        commit: full hash, or None for the files in `repository` as they are, which run every time.
        repository: of both.
        keep: where runs lie, one directory a commit.
    """
    name = commit or f"worktree-{repository.name}"
    out, expected = keep / name, setting()
    finished = out / FINISHED
    if commit and finished.exists() and json.loads(finished.read_text()) == expected:
        print(f"{name}: finished before", flush=True)
        return out
    print(f"{name}: running", flush=True)
    running = keep / f"{name}.{os.getpid()}"  # others may run the same
    running.mkdir(parents=True)
    if commit is None:
        run_commands(repository, running)
    else:
        with checked_out(commit, repository) as tree:
            run_commands(tree, running)
    (running / FINISHED).write_text(json.dumps(expected, indent=2) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    running.rename(out)
    return out


@contextmanager
def checked_out(commit: str, repository: Path) -> Iterator[Path]:
    """A temporary worktree of a commit."""
    with tempfile.TemporaryDirectory(prefix="compare-") as temporary:
        tree = Path(temporary).resolve() / "tree"
        git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            git(repository, "worktree", "remove", "--force", str(tree))


def git(repository: Path, *arguments: str) -> str:
    """What git prints; ends the program if git fails."""
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        fail(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def fail(message: str) -> None:
    """Say why there is no comparison, and end with status 2."""
    print(message, file=sys.stderr)
    sys.exit(2)


def setting() -> dict[str, Any]:
    """What the last digits may depend on besides the source, as JSON gives it back."""
    processor = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        kept = [line for line in lines if line.startswith(("model name", "flags"))]
        processor = hashlib.sha256("\n".join(sorted(set(kept))).encode()).hexdigest()
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = {
        "processor": processor,
        "cores": cores,
        "python": platform.python_version(),
        "packages": versions,
    }
    return {"commands": json.loads(json.dumps(COMMANDS)), "machine": machine}


def main() -> None:
    """Parse the command line, run what is not there yet, print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commits", nargs="+", help="two commits, or one with --worktree")
    parser.add_argument(
        "--worktree", action="store_true", help="compare with the files here as they are"
    )
    parser.add_argument("--keep", type=Path, help="keep the runs here and use finished ones again")
    parser.add_argument(
        "--ignore", nargs="+", default=[], metavar="PATTERN",
        help="weight files that one of them need not have, such as '*/best/*'",
    )  # fmt: skip
    arguments = parser.parse_args()
    if len(arguments.commits) != (1 if arguments.worktree else 2):
        parser.error("expected two commits, or one and --worktree")
    repository = Path(git(Path.cwd(), "rev-parse", "--show-toplevel"))
    commits: list[str | None] = [
        git(repository, "rev-parse", "--verify", f"{name}^{{commit}}") for name in arguments.commits
    ]
    if arguments.worktree:
        commits.append(None)
    with tempfile.TemporaryDirectory(prefix="compare-runs-") as temporary:
        keep = (arguments.keep or Path(temporary)).resolve()
        first, second = (results_of(commit, repository, keep) for commit in commits)
        found = compare_runs(first, second, tuple(arguments.ignore))
    print("\n".join(found.lines))
    print("DIFFERENT" if found.differs else "equal")
    sys.exit(1 if found.differs else 0)


if __name__ == "__main__":
    main()
