"""Nothing that lies in the current directory is run, whatever it is called."""

import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ("pip", "overpose", "multiprocessing", "numpy", "concurrent", "numba", "sitecustomize")
CONSOLE = Path(sys.executable).with_name("overpose")


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A directory of packages and modules, each of which leaves a file if it is imported."""
    directory = tmp_path / "planted"
    for name in NAMES:
        (directory / name).mkdir(parents=True)
        for file in (directory / name / "__init__.py", directory / f"{name}.py"):
            file.write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({str(file)!r} + '\\n')\n")
    cache = directory / "cache"
    (directory / ".numba_config.yaml").write_text(f"cache_dir: {cache}\n")
    return directory


def outcome(command: list[str], planted: Path) -> str:
    """What a command says that is run there, after it was seen that nothing of there ran."""
    done = subprocess.run(
        command, cwd=planted, capture_output=True, text=True, check=False, timeout=300
    )
    assert not (planted.parent / "ran").exists(), (planted.parent / "ran").read_text()
    assert not (planted / "cache").exists()
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("predict", "absent.mp4", "--out", "out"),
        ("view", "absent.npz"),
        ("export", "absent.npz", "--formats", "csv"),
        ("evaluate", "--data", "absent", "--models", "absent", "--out", "out"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_import_nothing_from_the_current_directory(
    arguments: tuple[str, ...], planted: Path
) -> None:
    said = outcome([str(CONSOLE), *arguments], planted)
    assert "overpose" in said
    assert "Traceback" not in said


def test_workers_import_nothing_from_the_current_directory(planted: Path, tmp_path: Path) -> None:
    script = tmp_path / "script" / "work.py"
    script.parent.mkdir()
    script.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from overpose.support.apart import read_apart\n"
        "from overpose.support.workers import do_jobs, in_fresh_process\n"
        "def make(negate):\n"
        "    return lambda job, check: -job\n"
        "if __name__ == '__main__':\n"
        "    print(sorted(do_jobs([1, 2, 3], make, None, 2)), in_fresh_process(abs, -4))\n"
        "    print(read_apart(os.fspath, Path('a')))\n"
    )
    assert outcome([sys.executable, str(script)], planted) == "[-3, -2, -1] 4\na\n"


def test_a_download_runs_no_pip_of_the_current_directory(planted: Path, tmp_path: Path) -> None:
    script = tmp_path / "script" / "get.py"
    script.parent.mkdir()
    script.write_text(
        "from pathlib import Path\n"
        "from overpose.support.asset_download import Wheel, _download\n"
        "from overpose.support.errors import InputError\n"
        "import os\n"
        "os.environ |= dict(PIP_NO_INDEX='1', PIP_FIND_LINKS='')\n"
        "try:\n"
        f"    _download(Wheel('no-such-package', '1', 1), Path({str(tmp_path)!r}))\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    assert "pip cannot download no-such-package==1" in outcome(
        [sys.executable, str(script)], planted
    )


def test_numba_takes_no_cached_code_from_a_directory_named_there(planted: Path) -> None:
    code = (
        "import sys; from overpose.app import main\n"
        "try: main(['--version'])\n"
        "finally:\n"
        "    import numba; print('cache', repr(numba.config.CACHE_DIR))"
    )
    assert "cache ''" in outcome([sys.executable, "-P", "-c", code], planted)
