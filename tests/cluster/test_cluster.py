"""`--ray`: the bytes of a local run, whatever dies meanwhile, and one line where it cannot be."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from scripted_people import FPS, HEIGHT, WIDTH, standing_px

from overpose.keypoints.keypoint_files import KeypointFile, write_keypoints
from overpose.layouts import BLAZEPOSE_33
from overpose.mocap.bvh import write_bvh
from overpose.mocap.procedural import procedural_motion

RENDER = (
    "--image-size=16", "--supersample=1", "--samples-per-shard=2", "--max-train=12",
    "--max-val=0", "--max-test=4",
)  # fmt: skip


def overpose(*arguments: object) -> subprocess.Popen[str]:
    """The command line, begun in a process of its own."""
    code = "from overpose.app import main; main()"
    given = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    return subprocess.Popen(given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and what it said of errors, or all that it said."""
    _, said = process.communicate(timeout=900)
    lines = [line for line in said.splitlines() if "overpose: error:" in line]
    return process.returncode, lines[0] if len(lines) == 1 else said


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of keypoints, which need no detector."""
    place = tmp_path_factory.mktemp("inputs")
    for number in range(6):
        points = np.full((1, 20, 33, 3), 0.9, np.float32)
        points[..., :2] = standing_px(150 + number, 120)
        settings = {"fps": FPS, "width": WIDTH, "height": HEIGHT}
        write_keypoints(place / f"k{number}.json", KeypointFile(BLAZEPOSE_33, points, **settings))
    return sorted(place.iterdir())


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a local run renders."""
    out = tmp_path_factory.mktemp("local") / "data"
    assert finished(overpose("render", *RENDER, "--out", out, "--processes", "1"))[0] == 0
    return out


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def processes_called(name: str, of: int | None = None) -> list[psutil.Process]:
    """Ray's processes of a name; those that a process of ours started."""
    every = psutil.Process(of).children(recursive=True) if of else psutil.process_iter()
    found = []
    for process in every:
        try:
            if name in " ".join([process.name(), *process.cmdline()[:1]]):
                found.append(process)
        except psutil.Error:
            continue
    return found


def open_to_others(process: subprocess.Popen[str]) -> set[str]:
    """Sockets of a process and its children that are not on loopback."""
    found = set()
    try:
        for each in [psutil.Process(process.pid), *processes_called("", process.pid)]:
            for socket in each.net_connections("inet"):
                ends = [end.ip for end in (socket.laddr, socket.raddr) if end]
                found |= {
                    ip for ip in ends if ip.removeprefix("::ffff:") not in ("127.0.0.1", "::1")
                }
    except psutil.Error:
        pass
    return found


def test_a_cluster_of_this_machine_predicts_the_same_bytes_on_loopback(
    inputs: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    given = ("predict", *inputs, bad, "--formats", "json", "bvh", "--out")
    status, line = finished(overpose(*given, tmp_path / "here"))
    assert status == 1
    running = overpose(*given, tmp_path / "there", "--ray", "local")
    others: set[str] = set()
    while running.poll() is None:
        others |= open_to_others(running)
        time.sleep(0.2)
    assert (1, line) == finished(running)
    assert "bad.json" in line
    record = tmp_path / "there" / "unfinished.json"
    assert "bad.json" in record.read_text()
    record.unlink()
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert len(contents(tmp_path / "here")) == 3 * len(inputs)
    assert others == set()


def test_workers_that_are_killed_have_their_units_done_again(dataset: Path, tmp_path: Path) -> None:
    running = overpose("render", *RENDER, "--out", tmp_path / "data", "--ray", "local")
    killed = 0
    draw = random.Random(0)
    while running.poll() is None:
        time.sleep(draw.uniform(0.5, 2.0))
        workers = processes_called("ray::do_task", running.pid)
        if workers and killed < 4:
            draw.choice(workers).kill()
            killed += 1
    printed, said = running.communicate(timeout=900)
    assert running.returncode == 0
    assert killed > 0
    assert contents(tmp_path / "data") == contents(dataset)
    assert printed.splitlines() == [f"16 samples: {tmp_path / 'data'}"]
    assert "raylet" not in said
    assert "\x1b" not in said


def test_the_detector_runs_on_renders_are_the_bytes_of_a_local_run(tmp_path: Path) -> None:
    place = tmp_path / "motion"
    place.mkdir()
    for subject in ("01", "02"):
        motion = procedural_motion("walking", subject, 1, 60)
        write_bvh(motion, place / f"{subject}_01.bvh")
    splits = {
        "train_subjects": ["01"], "test_subjects": ["02"],
        "actions": {"walking": {"train": ["01_01"], "test": ["02_01"]}},
    }  # fmt: skip
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    given = ("detect-renders", "--mocap", place, "--splits", tmp_path / "splits.json")
    given += ("--recipe", "trial", "--clips", "3", "--out")
    for out, where in (("here", ("--processes", "1")), ("there", ("--ray", "local"))):
        status, said = finished(overpose(*given, tmp_path / out, *where))
        assert status == 0, said
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    names = {f"clip_{number:05}.npz" for number in range(3)}
    assert set(contents(tmp_path / "here")) == {"detections.json", *names}


@pytest.mark.filterwarnings("ignore")  # Ray warns of itself
def test_an_estimator_travels_to_the_workers_of_ray_data() -> None:
    import pickle

    from overpose.video.estimator import PoseEstimator

    pytest.importorskip("pandas")
    import ray.data

    estimator = PoseEstimator.from_pretrained("full")
    picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    here = estimator.predict(picture)
    assert pickle.loads(pickle.dumps(estimator)).name == estimator.name

    def people(batch: dict) -> dict:
        return {"people": np.array([estimator.predict(each).people for each in batch["image"]])}

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    rows = ray.data.from_items([{"image": picture}] * 4).map_batches(people, batch_size=2).take(4)
    assert [row["people"] for row in rows] == [here.people] * 4
    ray.shutdown()
