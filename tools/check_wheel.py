"""Build the wheel, install it into an empty environment, and see that it does what is promised.

    python tools/check_wheel.py

Without any extra it must stay below 700 MB and without torch, predict the demo clip, show and
export the result, and say in one line what a command of an extra lacks. Needs a network, or pip's
own cache and settings, and nothing that is installed here. How long a photo takes is only printed:
it depends on what else the machine does.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("pyproject.toml", "README.md", "LICENSE")
LIMIT_MB = 700
ABSENT = ("torch", "numba", "matplotlib", "pyarrow", "jaxtyping", "anny")
"""Packages that must not be there: extras bring them."""
PHOTOS = 3
"""How often a photo is timed; the first time fills caches."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="overpose-wheel-") as name:
        directory = Path(name)
        python = _installed(directory)
        packages = sorted(python.parents[1].glob("lib/python3*/site-packages")) or [
            python.parents[1] / "Lib" / "site-packages"  # Windows
        ]
        _require_absent(packages[0])
        _require_demo(python, directory)
        _require_advice(python, directory)
        _time_photo(python, packages[0], directory)


def _installed(directory: Path) -> Path:
    """Python of an environment in which nothing but the wheel is installed."""
    began = time.monotonic()
    pip = ("-m", "pip", "--disable-pip-version-check")
    source = directory / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in SOURCES:  # not built in place: `build` would keep modules that have since moved
        shutil.copy(ROOT / name, source)
    _run([sys.executable, *pip, "wheel", "--quiet", "--no-deps", "-w", str(directory), str(source)])
    wheel = next(directory.glob("overpose-*.whl"))
    print(f"wheel: {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB", flush=True)
    place = directory / "env"
    venv.create(place, with_pip=True)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    constraints = ROOT / "constraints.txt"
    _run([str(python), *pip, "install", "--quiet", "-c", str(constraints), str(wheel)])
    size_mb = sum(path.lstat().st_size for path in place.rglob("*") if path.is_file()) / 1e6
    print(f"installed: {size_mb:.0f} MB in {time.monotonic() - began:.0f} s", flush=True)
    _require(size_mb <= LIMIT_MB, f"the environment has {size_mb:.0f} MB, more than {LIMIT_MB}")
    return python


def _require_absent(packages: Path) -> None:
    there = [name for name in ABSENT if (packages / name).exists()]
    _require(not there, f"installed without having been asked for: {', '.join(there)}")


def _require_demo(python: Path, directory: Path) -> None:
    """Every command of the light install, on the clip of the demo."""
    began = time.monotonic()
    out = directory / "demo"
    _overpose(python, "demo", "--out", out)
    track = out / "demo.npz"
    _overpose(python, "export", track, "--out", directory / "exported")
    _overpose(python, "view", track, "--html", directory / "exported" / "demo.html")
    made = sorted(path.name for path in [*out.iterdir(), *(directory / "exported").iterdir()])
    for end in (".npz", ".bvh", "_overlay.mp4", ".html", ".json", ".csv", ".c3d", ".trc"):
        _require(any(name.endswith(end) for name in made), f"no {end} among {', '.join(made)}")
    code = "import overpose, sys; t = overpose.PoseTrack.load(sys.argv[1]); print(t.seen.sum())"
    seen = int(_run([str(python), "-c", code, str(track)]).stdout)
    _require(seen > 100, f"{track.name}: {seen} poses, expected somebody to be seen all along")
    took_s = time.monotonic() - began
    print(f"demo, export, view: {took_s:.0f} s, downloads included; {seen} poses", flush=True)


def _require_advice(python: Path, directory: Path) -> None:
    """What a command says whose extra is missing."""
    arguments = ("train", "--data", directory, "--out", directory / "models")
    done = _overpose(python, *arguments, status=1)
    expected = "overpose: error: overpose train needs pyarrow: pip install 'overpose[train]'\n"
    _require(done.stderr == expected, f"got {done.stderr!r}, expected {expected!r}")


def _time_photo(python: Path, packages: Path, directory: Path) -> None:
    """Seconds from the start of the command to the end of a photo, each engine."""
    photo = directory / "photo.png"
    code = (
        "import sys; from PIL import Image; from overpose.media.video import open_media\n"
        "frames = iter(open_media(sys.argv[1])); frame = [next(frames) for _ in range(60)][-1]\n"
        "Image.fromarray(frame.image).save(sys.argv[2])"
    )
    clip = _overpose(python, "assets", "--list").stdout.split("demo_clip: ")[1].split(" (")[0]
    _run([str(python), "-c", code, clip, str(photo)])
    for engine in ("auto", "full"):
        took_s = []
        for _ in range(PHOTOS):
            began = time.monotonic()
            out = directory / "photo"
            _overpose(python, "predict", photo, "--keypoints", engine, "--out", out, "--overwrite")
            took_s.append(time.monotonic() - began)
        print(f"photo, {engine}: {min(took_s):.2f} s at best of {PHOTOS}", flush=True)


def _overpose(
    python: Path, *arguments: str | Path, status: int = 0
) -> subprocess.CompletedProcess[str]:
    return _run([str(python.parent / "overpose"), *map(str, arguments)], status)


def _run(command: Sequence[str], status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody would who knows nothing of this checkout."""
    environment = {name: value for name, value in os.environ.items() if "PYTHON" not in name}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=tempfile.gettempdir()
    )
    _require(done.returncode == status, f"{' '.join(command)}: {done.returncode}\n{done.stderr}")
    return done


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"check_wheel: {otherwise}")


if __name__ == "__main__":
    main()
