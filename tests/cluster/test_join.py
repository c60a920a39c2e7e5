"""`--ray HOST:PORT`: a cluster of several machines, played by processes of this one."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from scripted_people import FPS, HEIGHT, WIDTH, standing_px

from overpose.keypoints.keypoint_files import KeypointFile, write_keypoints
from overpose.layouts import BLAZEPOSE_33

PORT = 6399
HEAD, OTHERS = "127.0.0.2", "127.0.0.3"  # to Ray, 127.0.0.1 is no address of a machine
ADDRESS = f"{HEAD}:{PORT}"
UNITS = 12
VERSIONS = (  # ray reads its settings when it is imported, here before the command sets them
    "import os; os.environ['RAY_AUTH_MODE'] = 'token'\n"
    "import ray._private.utils as utils; utils.compute_version_info"
)
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_AUTH_TOKEN": "of-the-test",
}  # fmt: skip


class Machines:
    """A head without a CPU, and machines that join it."""

    def __init__(self) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="overpose-", dir="/tmp"))  # names of sockets
        here = ("--node-ip-address", HEAD, "--port", PORT, "--temp-dir", self.place)
        self.start("head", "--head", "--include-dashboard=false", "--num-cpus", 0, *here)

    def start(self, name: str, *given: object) -> None:
        """Start one; given `--address`, it joins."""
        options = ["--node-name", name, *map(str, given)]
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--disable-usage-stats"]
        done = subprocess.run(
            [*ray, "--object-store-memory=100000000", *options],
            env=os.environ | SETTINGS | {"RAY_AUTH_MODE": "token"},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def join(self, name: str) -> None:
        self.start(name, "--address", ADDRESS, "--node-ip-address", OTHERS, "--num-cpus", 1)

    def kill(self, *said: str) -> None:
        """Kill the processes whose command lines say all of this."""
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or [])
            if str(self.place) in line and all(word in line for word in said):
                process.kill()

    def end(self) -> None:
        self.kill()
        shutil.rmtree(self.place, ignore_errors=True)


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    found = Machines()
    yield found
    found.end()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of keypoints, which need no detector."""
    place = tmp_path_factory.mktemp("inputs")
    for number in range(UNITS):
        points = np.full((1, 150, 33, 3), 0.9, np.float32)
        points[..., :2] = standing_px(150 + number, 120)
        settings = {"fps": FPS, "width": WIDTH, "height": HEIGHT}
        write_keypoints(
            place / f"k{number:02}.json", KeypointFile(BLAZEPOSE_33, points, **settings)
        )
    return sorted(place.iterdir())


@pytest.fixture(scope="module")
def here(inputs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run without a cluster writes."""
    out = tmp_path_factory.mktemp("here")
    running = joined(inputs, out, ray=())
    running.communicate()
    assert running.returncode == 0
    return out


def joined(
    inputs: list[Path], out: Path, *, before: str = "", ray: tuple[str, ...] = ("--ray", ADDRESS)
) -> subprocess.Popen[str]:
    """The command, begun in a process of its own; `before` is run there first."""
    code = f"{before}\nfrom overpose.app import main; main()"
    given = ["predict", *map(str, inputs), "--out", str(out), *ray]
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, *given],
        env=os.environ | SETTINGS, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def refused(process: subprocess.Popen[str]) -> str:
    """The line of a command that ends with status 1 and says nothing else, but of its inputs."""
    _, said = process.communicate(timeout=60)
    lines = [line for line in said.splitlines() if not line.startswith(("predict: ", "k"))]
    assert process.returncode == 1
    assert len(lines) == 1, said
    return lines[0]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def begun(running: subprocess.Popen[str], out: Path) -> None:
    """Wait until some units are done."""
    while len(list(out.glob("*.npz"))) < 2:
        assert running.poll() is None, running.communicate()
        time.sleep(0.1)


def test_a_cluster_without_a_free_cpu_is_refused(
    machines: Machines, inputs: list[Path], tmp_path: Path
) -> None:
    hurried = "import overpose.support.connecting as c; c.PATIENCE_S = 2.0"
    line = refused(joined(inputs, tmp_path / "out", before=hurried))
    assert f"no free CPU at {ADDRESS}" in line


@pytest.mark.parametrize(
    ("before", "named"),
    [
        (f"{VERSIONS} = lambda: ('2.0.1', '3.11.7')", "Ray: 2.0.1"),
        (f"{VERSIONS} = lambda: ('2.60.0', '3.9.9')", "Python: 3.9.9"),
        ("import os; os.environ['RAY_AUTH_TOKEN'] = 'of-somebody-else'", "RAY_AUTH_TOKEN"),
    ],
)
def test_a_cluster_of_others_is_refused(
    before: str, named: str, machines: Machines, inputs: list[Path], tmp_path: Path
) -> None:
    line = refused(joined(inputs, tmp_path / "out", before=before))
    assert named in line
    assert ADDRESS in line


def test_other_versions_of_overpose_and_a_machine_that_dies(
    machines: Machines, inputs: list[Path], here: Path, tmp_path: Path
) -> None:
    machines.join("first")
    machines.join("second")
    other = "import overpose.support.on_cluster as c; c.VERSION = '0.0.1'"
    line = refused(joined(inputs[:1], tmp_path / "out", before=other))
    assert "has overpose" in line
    assert "this one 0.0.1" in line
    out = tmp_path / "there"
    running = joined(inputs, out)
    begun(running, out)
    machines.kill("raylet", "second")
    _, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert contents(out) == contents(here)


def test_after_the_death_of_the_head_the_same_command_goes_on(
    machines: Machines, inputs: list[Path], here: Path, tmp_path: Path
) -> None:
    machines.join("spare")
    out = tmp_path / "there"
    running = joined(inputs, out)
    begun(running, out)
    machines.kill()
    line = refused(running)
    assert "is gone" in line
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("*.npz")}
    assert 0 < len(kept) < UNITS
    machines.end()
    machines.__init__()
    machines.join("third")
    again = joined(inputs, out)
    _, said = again.communicate(timeout=60)
    assert again.returncode == 0, said
    assert contents(out) == contents(here)
    assert {name: (out / name).stat().st_mtime_ns for name in kept} == kept
