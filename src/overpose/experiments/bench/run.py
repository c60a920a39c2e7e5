"""The speed budgets, measured on this machine: ratios and rates, never asserted in tests."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, thread_time

import numpy as np

from overpose.baselines.structnet import StructNetConfig
from overpose.boxes import paper_box
from overpose.experiments.bench.baselines import bench_baselines
from overpose.experiments.bench.predict import bench_predict
from overpose.experiments.bench.training import bench_training
from overpose.experiments.presets import CPU, PAPER
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.report.header import report_header
from overpose.studio.body import load_body
from overpose.studio.cameras import place_cameras
from overpose.studio.fit import fit_body
from overpose.studio.frame import render_frame, render_person
from overpose.studio.outfit import dress, pose_outfit, random_materials, random_style
from overpose.studio.retarget import retarget
from overpose.studio.scene import random_scene
from overpose.support.assets import download_asset
from overpose.support.files import require_writable, write_json
from overpose.support.seeding import random_stream

IMAGE_SIZE = 128
SUPERSAMPLE = 2


def bench(
    parts: Sequence[str] = ("studio", "training"),
    out: Path | None = None,
    *,
    video: Path | None = None,
    mediapipe_python: Path | None = None,
    overwrite: bool = False,
) -> dict[str, object]:
    """Measure the named parts, print a line for each number, write them to `out` if given.

    Args:
        parts: some of "studio", "training", "predict", "baselines".
        out: where to write the numbers, JSON.
        video: the clip for "predict"; the demo's if None.
        mediapipe_python: see `video.bench`.
        overwrite: whether to replace an earlier file.

    Raises:
        InputError: `out` exists and `overwrite` is false, an asset is missing, or a file cannot be
            read.
    """
    if out is not None:
        require_writable(out, overwrite=overwrite)
    measure: dict[str, Callable[[], dict[str, float]]] = {
        "studio": bench_studio,
        "training": lambda: bench_training(
            [preset.methods["direct"].image.encoder for preset in (CPU, PAPER)]
        ),
        "baselines": lambda: bench_baselines(
            StructNetConfig(), PAPER.methods["direct"].image.encoder, 2000
        ),
        "predict": lambda: bench_predict(
            video or download_asset("demo_clip"), mediapipe_python=mediapipe_python
        ),
    }
    results: dict[str, object] = {**report_header()}
    print(results["machine"])
    for part in parts:
        numbers = measure[part]()
        results[part] = numbers
        for name, value in numbers.items():
            print(f"{part} {name}: {value:.3g}")
    if out is not None:
        write_json(out, results)
    return results


def bench_studio(*, repeats: int = 15) -> dict[str, float]:
    """Images per second of one core at 128x128 with 2x2 supersampling, on six dressed bodies.

    Returns:
        `body_and_shading_images_per_s`: pose, rasterise, shade, with shadows (budget: 250);
        `frame_images_per_s`: with shadow, surroundings and sensor too; and the same two from wall
        time instead of the thread's own time, which other work on the machine slows down.
    """
    frames = [_example(action) for action in PROCEDURAL_ACTIONS]
    body = [first for first, _ in frames]
    whole = [second for _, second in frames]
    for call in (*body, *whole):  # compile, load caches
        call()
    body_s, body_wall_s = _time(body, repeats)
    whole_s, whole_wall_s = _time(whole, repeats)
    return {
        "body_and_shading_images_per_s": 1 / body_s,
        "frame_images_per_s": 1 / whole_s,
        "body_and_shading_images_per_s_wall": 1 / body_wall_s,
        "frame_images_per_s_wall": 1 / whole_wall_s,
    }


def _time(calls: Sequence[Callable[[], object]], repeats: int) -> tuple[float, float]:
    """Median seconds of a call: of this thread's processor time, and of wall time."""
    thread, wall = [], []
    for _ in range(repeats):
        for call in calls:
            wall_start, thread_start = perf_counter(), thread_time()
            call()
            thread.append(thread_time() - thread_start)
            wall.append(perf_counter() - wall_start)
    return median(thread), median(wall)


def _example(action: str) -> tuple[Callable[[], object], Callable[[], object]]:
    """One frame of an action to draw: the body alone, and the whole picture."""
    model = load_body()
    motion = procedural_motion(action, "bench", 0, 50)
    shape = fit_body(model, motion.skeleton, 0, action)
    bones = retarget(motion, model, shape)
    rng = random_stream(0, "bench", action)
    outfit = dress(model, shape, random_style(shape, rng), random_materials(shape, rng, rng))
    joints = bones.joints_world_mm[25].astype(np.float64)
    camera = place_cameras(rng, joints[0, :2], count=1)[0]
    left, top, side = paper_box(joints, camera)
    crop = camera.crop(left, top, side, side).resize(IMAGE_SIZE, IMAGE_SIZE)
    scene = random_scene(rng, area_mm=np.stack([joints[:, :2].min(0), joints[:, :2].max(0)]))

    def body_alone() -> object:
        world = pose_outfit(outfit, bones.transforms[25])
        return render_person(world, outfit, scene, crop, SUPERSAMPLE)

    def whole_picture() -> object:
        world = pose_outfit(outfit, bones.transforms[25])
        return render_frame(world, outfit, scene, crop, rng, SUPERSAMPLE)

    return body_alone, whole_picture
