"""The orchestrator: the same bytes whatever the processes, interruptions and order."""

import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from overpose.camera import Camera
from overpose.datasets.layout import Sample
from overpose.datasets.rendering import render
from overpose.datasets.rendering.jobs import Renderer, ShardJob
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.rendering.plan import Trial
from overpose.datasets.store import open_dataset
from overpose.experiments.merge import merge
from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.seeding import random_stream
from overpose.support.shards import Shard
from overpose.support.workers import do_jobs

CONFIG = RenderConfig(image_size=8, supersample=1, samples_per_shard=10, max_val=5)
TRIALS = [
    Trial("01", "walking", "01_01", "train"),
    Trial("02", "dance", "02_01", "train"),
    Trial("03", "walking", "03_01", "test"),
]


@dataclasses.dataclass(frozen=True)
class Standing:
    """Motions of a single bone, somewhere on the floor."""

    x_mm: float = 0.0

    def motion(self, trial: str) -> Motion:
        skeleton = BoneSkeleton(("root",), (-1,), np.zeros((1, 3)))
        root_mm = np.tile([self.x_mm, 0.0, 0.0], (12, 1))
        return Motion(skeleton, np.tile(np.eye(3), (12, 1, 1, 1)), root_mm, 25.0)


def make_quick(config: RenderConfig, stop_at: Callable[[int], None] | None = None) -> Renderer:
    """A renderer that needs no body: an image of one random colour for every sample."""

    def draw(sequence: Any, place: int) -> Sample:
        frame, camera = sequence.frames[place], sequence.cameras[place]
        rng = random_stream(config.seed, sequence.trial, sequence.take, frame, camera)
        size = config.image_size
        image = np.full((size, size, 3), rng.integers(0, 255, 3), dtype=np.uint8)
        seen = Camera.look_at(rng.uniform(3000, 5000, 3), np.zeros(3), 1000.0, 1000, 1000)
        return Sample(
            jpeg=cv2.imencode(".jpg", image)[1].tobytes(),
            mask_png=None,
            subject=sequence.subject,
            action=sequence.action,
            trial=sequence.trial,
            split=sequence.split,
            camera_number=camera,
            frame=frame,
            take=sequence.take,
            pose_mm=rng.normal(size=(17, 3)),
            root_mm=rng.normal(size=3),
            keypoints_px=rng.uniform(size=(17, 3)),
            box_px=(0.0, 0.0, 1000.0),
            camera=seen,
            crop=seen.resize(size, size),
        )

    def quick(job: ShardJob, check: Callable[[], None]) -> list[Sample]:
        if stop_at is not None:
            stop_at(job.number)
        samples = []
        for piece in job.pieces:
            for place in range(piece.start, piece.stop):
                check()
                samples.append(draw(piece.sequence, place))
        return samples

    return quick


def raise_at(number: int, error: BaseException) -> Callable[[RenderConfig], Renderer]:
    def stop_at(job: int) -> None:
        if job == number:
            raise error

    return partial(make_quick, stop_at=stop_at)


def make_failing(config: RenderConfig) -> Renderer:
    return raise_at(2, InputError("trial 02_01: nobody there"))(config)


def make_killed(config: RenderConfig) -> Renderer:
    def stop_at(job: int) -> None:
        if job == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    return make_quick(config, stop_at)


def make_endless(config: RenderConfig) -> Renderer:
    def endless(job: ShardJob, check: Callable[[], None]) -> list[Sample]:
        if job.number == 0:
            return make_quick(config)(job, check)
        if job.number == 2:
            # The other process is busy with shard 1 for ever, so this one has written shard 0.
            print("wrote shard 0", flush=True)
        while True:
            check()

    return endless


def rendered(
    out: Path,
    *,
    config: RenderConfig = CONFIG,
    motions: Standing = Standing(),
    processes: int = 1,
    overwrite: bool = False,
    make_renderer: Callable[[RenderConfig], Renderer] = make_quick,
) -> Path:
    wanted = render.Rendering(TRIALS, motions, config, "quick", {"licence": "none"}, make_renderer)
    render.render_dataset(wanted, Output(out, overwrite), processes).close()
    return out


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_the_number_of_processes_does_not_change_a_byte(tmp_path: Path) -> None:
    one = rendered(tmp_path / "one", processes=1)
    assert contents(rendered(tmp_path / "two", processes=2)) == contents(one)
    with open_dataset(one, verify=True) as dataset:
        assert set(dataset.splits.tolist()) == {"train", "val", "test"}
        assert (dataset.splits == "val").sum() == 5
        assert dataset.info.plan["seed"] == 0
        assert dataset.info.provenance == {"licence": "none"}


def test_another_seed_gives_other_images(tmp_path: Path) -> None:
    one = contents(rendered(tmp_path / "one"))
    two = contents(rendered(tmp_path / "two", config=dataclasses.replace(CONFIG, seed=1)))
    assert one["images-00000.shard"] != two["images-00000.shard"]


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_rendering_taken_up_after_an_interruption_is_the_uninterrupted_one(
    tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        rendered(tmp_path / "again", make_renderer=raise_at(4, error))
    left = set(contents(tmp_path / "again"))
    assert {"unfinished.json", "images-00003.shard", "part-00003.json"} <= left
    assert "images-00004.shard" not in left
    assert "dataset.json" not in left
    whole = contents(rendered(tmp_path / "whole"))
    again = contents(rendered(tmp_path / "again", make_renderer=raise_at(3, error)))
    assert again == whole, "and no finished shard is rendered twice"


def test_a_finished_dataset_is_not_rendered_again(tmp_path: Path) -> None:
    before = contents(rendered(tmp_path / "d"))
    rendered(tmp_path / "d", make_renderer=raise_at(0, AssertionError("rendered again")))
    assert contents(tmp_path / "d") == before


def test_another_configuration_in_the_same_place_is_refused_or_overwrites(tmp_path: Path) -> None:
    rendered(tmp_path / "d")
    other = dataclasses.replace(CONFIG, takes=2)
    with pytest.raises(InputError, match="takes: 1 there, 2 now"):
        rendered(tmp_path / "d", config=other)
    rendered(tmp_path / "d", config=other, overwrite=True)
    fresh = rendered(tmp_path / "fresh", config=other)
    assert contents(tmp_path / "d") == contents(fresh)


def test_an_error_in_another_process_arrives_as_it_is_and_can_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="02_01: nobody there"):
        rendered(tmp_path / "d", processes=2, make_renderer=make_failing)
    assert not multiprocessing.active_children()
    whole = rendered(tmp_path / "whole")
    assert contents(rendered(tmp_path / "d")) == contents(whole)


def test_a_killed_process_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"killed while it worked .* run again to resume"):
        rendered(tmp_path / "d", processes=2, make_renderer=make_killed)
    whole = rendered(tmp_path / "whole")
    assert contents(rendered(tmp_path / "d")) == contents(whole)


SCRIPT = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in background
sys.path.insert(0, sys.argv[1])
import test_render
if __name__ == "__main__":
    make = getattr(test_render, sys.argv[3])
    test_render.rendered(Path(sys.argv[2]), processes=2, make_renderer=make)
"""


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_rendering_leaves_no_process_and_its_finished_shards(
    tmp_path: Path, blow: signal.Signals
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    out = tmp_path / "d"
    parent = subprocess.Popen(
        [sys.executable, str(script), str(Path(__file__).parent), str(out), "make_endless"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"wrote shard 0\n"
        if blow == signal.SIGINT:
            os.killpg(parent.pid, blow)  # as a terminal does: every process gets it
        else:
            parent.kill()
        try:
            parent.communicate(timeout=60)  # ends when the last process that could write has ended
        except subprocess.TimeoutExpired:
            os.killpg(parent.pid, signal.SIGKILL)
            raise
    assert (out / "part-00000.json").is_file()
    assert contents(rendered(out)) == contents(rendered(tmp_path / "whole"))


def test_nothing_to_render_is_refused(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, max_train=0, max_val=0, max_test=0)
    with pytest.raises(InputError, match="nothing to render"):
        rendered(tmp_path / "d", config=config)


@pytest.mark.parametrize(
    "options",
    [
        {"image_size": 0}, {"supersample": 0}, {"cameras": 0}, {"takes": 0}, {"fps": 0.0},
        {"fps": float("nan")}, {"sequence_s": 0.0}, {"jpeg_quality": (90, 80)},
        {"jpeg_quality": (0, 80)},
        {"max_train": -1}, {"samples_per_shard": 0}, {"bodies": "camera"},
    ],
)  # fmt: skip
@pytest.mark.wrong_types
def test_a_configuration_out_of_range_names_the_option(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        RenderConfig(**options)


def test_a_plan_names_backgrounds_by_their_content_and_not_their_place(tmp_path: Path) -> None:
    plans = []
    for place, content in (("here", b"1"), ("there", b"1"), ("elsewhere", b"22")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "photo.jpg").write_bytes(content)
        config = dataclasses.replace(CONFIG, backgrounds=tmp_path / place)
        plans.append(json.dumps(render.describe_plan([], config, Standing())))
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]


def test_other_motion_in_the_same_place_is_refused(tmp_path: Path) -> None:
    rendered(tmp_path / "d")
    with pytest.raises(InputError, match="motions_sha256"):
        rendered(tmp_path / "d", motions=Standing(x_mm=1.0))


def test_what_another_studio_rendered_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered(tmp_path / "d")
    monkeypatch.setattr(render, "STUDIO_VERSION", render.STUDIO_VERSION + 1)
    with pytest.raises(InputError, match="studio"):
        rendered(tmp_path / "d")


def test_less_than_one_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="processes: got 0, expected at least 1"):
        rendered(tmp_path / "d", processes=0)
    with pytest.raises(InputError, match="at least 1"):
        list(do_jobs([], list, 0, 0))


def test_parts_put_together_are_the_dataset_of_one_run(tmp_path: Path) -> None:
    wanted = render.Rendering(TRIALS, Standing(), CONFIG, "quick", {"licence": "none"}, make_quick)
    for number in range(3):
        render.render_part(wanted, Shard(number, 3), Output(tmp_path / str(number % 2)), 1)
    merge([tmp_path / "0", tmp_path / "1"], tmp_path / "whole")
    assert contents(tmp_path / "whole") == contents(rendered(tmp_path / "one"))
    open_dataset(tmp_path / "whole", verify=True).close()


def test_a_part_that_is_made_again_is_left_as_it_is(tmp_path: Path) -> None:
    wanted = render.Rendering(TRIALS, Standing(), CONFIG, "quick", {}, make_quick)
    count = render.render_part(wanted, Shard(1, 3), Output(tmp_path), 1)
    before = contents(tmp_path)
    refusing = dataclasses.replace(wanted, make_renderer=raise_at(1, AssertionError()))
    assert render.render_part(refusing, Shard(1, 3), Output(tmp_path), 1) == count
    assert contents(tmp_path) == before
