"""The speed of prediction: end to end, by part, beside MediaPipe's own pipeline, and its memory.

MediaPipe pins an old numpy, so it runs in an environment of its own, by its Python:
`python -m venv ENV; ENV/bin/pip install mediapipe==0.10.21`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from overpose.keypoints.blazepose import BlazePose, Complexity, Landmarks, Region
from overpose.keypoints.people import BlazePoseFinder
from overpose.layouts import BLAZEPOSE_33
from overpose.media.video import open_media
from overpose.media.writer import writing_video
from overpose.metrics import mpjpe
from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.support.workers import available_processes
from overpose.video.estimator import PoseEstimator
from overpose.video.models import shipped_lifter
from overpose.video.optics import view_of
from overpose.video.options import PredictOptions
from overpose.video.posing import lifted

REPEATS = 3
MEMORY_CLIPS_S = (10, 100)
_REPEATED_FRAMES = 300
_WAITING = 4
_MEDIAPIPE = """
import json, sys, time
import cv2, mediapipe
path, complexity = sys.argv[1], int(sys.argv[2])
with mediapipe.solutions.pose.Pose(model_complexity=complexity) as pose:
    capture = cv2.VideoCapture(path)
    began, frames, found = None, 0, 0
    while True:
        done, image = capture.read()
        if not done:
            break
        result = pose.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        found += result.pose_landmarks is not None
        if began is None:
            began = time.perf_counter()  # the first frame loads the models
        else:
            frames += 1
print(json.dumps({"frames_per_s": frames / (time.perf_counter() - began), "found": found}))
"""
_COMPLEXITY = {"full": 1, "heavy": 2}
_MEMORY = """
import sys
from pathlib import Path
from overpose.keypoints.blazepose import BlazePose
from overpose.video.estimator import PoseEstimator
PoseEstimator.from_pretrained("full").predict(Path(sys.argv[1]))
lines = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
"""


def bench_predict(
    video: Path, *, keypoints: Complexity = "full", mediapipe_python: Path | None = None
) -> dict[str, float]:
    """Frames per second of prediction on a clip, and milliseconds a frame of its parts.

    One person is kept, which is all that MediaPipe's pipeline finds. Both pipelines run
    alternately, from the file to the poses in memory, ours also with `--every auto` and, if it is
    installed, with networks computed by OpenVINO; the median of `REPEATS` runs counts.

    Args:
        video: the clip.
        keypoints: "full" or "heavy".
        mediapipe_python: the Python of an environment with mediapipe 0.10.21.

    Returns:
        rates, times, and peak memory in MiB for a clip of 10 s and of 100 s. The ceiling is the
        rate of decoding and landmarks alone; `every_auto_error_mm` and `openvino_error_mm` the mean
        distance of joints from those with landmarks on every frame by LiteRT, about the pelvis.

    Raises:
        InputError: the clip cannot be read, or that Python has no mediapipe.
    """
    estimator = PoseEstimator.from_pretrained(keypoints)
    one = PredictOptions(people=1)
    ways = {"": (estimator, one), "every_auto_": (estimator, replace(one, every="auto"))}
    if find_spec("openvino"):
        ways["openvino_"] = PoseEstimator.from_pretrained(f"{keypoints}-openvino"), one
    tracks = {way: by.predict(video, options) for way, (by, options) in ways.items()}  # loads
    track = tracks[""]
    rates: dict[str, list[float]] = {way: [] for way in ways}
    cpu_s: dict[str, list[float]] = {way: [] for way in ways}
    theirs = []
    for _ in range(REPEATS):
        for way, (by, options) in ways.items():
            began, used = time.perf_counter(), time.process_time()
            by.predict(video, options)
            rates[way].append(track.frames / (time.perf_counter() - began))
            cpu_s[way].append(time.process_time() - used)
        if mediapipe_python is not None:
            theirs.append(_mediapipe(mediapipe_python, video, _COMPLEXITY[keypoints]))
    numbers = {"frames": float(track.frames)}
    if theirs:
        numbers["mediapipe_frames_per_s"] = median(theirs)
    for way, ours in rates.items():
        numbers[f"{way}frames_per_s"] = median(ours)
        numbers[f"{way}cpu_ms_per_frame"] = 1000 * median(cpu_s[way]) / track.frames
        if theirs:
            ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
            numbers[f"{way}times_mediapipe"] = median(ratios)
        if way and (error_mm := _distance_mm(tracks[way], track)) is not None:
            numbers[f"{way}error_mm"] = error_mm
    numbers |= _parts(video, keypoints)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        track.save(Path(directory) / "track.npz")
    numbers["write_ms_per_frame"] = 1000 * (time.perf_counter() - began) / track.frames
    for seconds, mib in _memory(video).items():
        numbers[f"memory_mib_{seconds}_s"] = mib
    return numbers


def _distance_mm(track: PoseTrack, other: PoseTrack) -> float | None:
    """Mean distance of the joints of the first person of two tracks, about the pelvis; None where
    nobody is in both."""
    if not track.people or not other.people:
        return None
    seen = np.isfinite(track.poses_mm[0] + other.poses_mm[0]).all(axis=(1, 2))
    if not seen.any():
        return None
    return float(mpjpe(track.poses_mm[0][seen], other.poses_mm[0][seen]))


def _parts(video: Path, keypoints: Complexity) -> dict[str, float]:
    """Each part by itself, with nothing beside it."""
    with open_media(video) as media:
        began = time.perf_counter()
        for _ in media:
            pass
        decode_s = time.perf_counter() - began
        info = media.info
    with open_media(video) as media:
        images = [frame.image for frame in media]
    view = view_of(PredictOptions(), info.width, info.height, info.fps)
    engine = BlazePose.from_assets(keypoints, threads=available_processes())
    some = images[:60]
    detect_s = _seconds(lambda: [engine.detect(image, tiles=False) for image in some])
    regions = [engine.detect(image, tiles=False) for image in some]
    there = [(image, found[0]) for image, found in zip(some, regions, strict=True) if found]
    landmarks_s = _seconds(lambda: [engine.landmarks(image, region) for image, region in there])
    finder = BlazePoseFinder(engine, info.fps)
    people = [finder.find(image, frame) for frame, image in enumerate(images)]
    first = [found[0].keypoints_px if found else np.full((33, 3), np.nan) for found in people]
    points = np.stack(first).astype(np.float32)
    lifters = [shipped_lifter("photo"), shipped_lifter("video")]
    lifted(lifters, points, BLAZEPOSE_33, view)
    lift_s = _seconds(lambda: lifted(lifters, points, BLAZEPOSE_33, view))
    return {
        "ceiling_frames_per_s": _ceiling(video, engine, there[0][1]) if there else 0.0,
        "decode_ms_per_frame": 1000 * decode_s / len(images),
        "detect_ms_per_call": 1000 * detect_s / len(some),
        "landmarks_ms_per_person": 1000 * landmarks_s / max(1, len(there)),
        "lift_ms_per_frame": 1000 * lift_s / len(images),
    }


def _ceiling(video: Path, engine: BlazePose, region: Region) -> float:
    """Frames a second of decoding, and of one person's landmarks in each frame, side by side, with
    nothing else: nobody is followed, nothing is lifted."""
    waiting: deque[Future[Landmarks]] = deque()
    frames, began = 0, time.perf_counter()
    with open_media(video) as media:
        for frame in media:
            waiting.append(engine.begin(partial(engine.landmarks, frame.pixels, region)))
            frames += 1
            if len(waiting) > _WAITING:
                waiting.popleft().result()
        for each in waiting:
            each.result()
    return frames / (time.perf_counter() - began)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _mediapipe(python: Path, video: Path, complexity: int) -> float:
    done = subprocess.run(
        [str(python), "-c", _MEDIAPIPE, str(video), str(complexity)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(
            f"{python}: MediaPipe does not run there ({reason}); make an environment with "
            "pip install mediapipe==0.10.21 and give its Python"
        )
    return float(json.loads(done.stdout.strip().splitlines()[-1])["frames_per_s"])


def _memory(video: Path) -> dict[int, float]:
    """Peak memory, MiB, of predictions of a short and of a long clip, each in a process; nothing
    where the system does not say (other than Linux)."""
    found = {}
    if not Path("/proc/self/status").is_file():
        return found
    for seconds in MEMORY_CLIPS_S:
        with _repeated(video, seconds) as clip:
            done = subprocess.run(
                [sys.executable, "-c", _MEMORY, str(clip)],
                capture_output=True,
                text=True,
                check=True,
            )
        found[seconds] = float(done.stdout.strip().splitlines()[-1])
    return found


@contextmanager
def _repeated(video: Path, seconds: int) -> Iterator[Path]:
    """A video of that length, half as large: the clip's beginning forwards and backwards in turn,
    so that nobody jumps and becomes somebody new."""
    with tempfile.TemporaryDirectory() as directory:
        with open_media(video) as media:
            info = media.info
            size = info.width // 2, info.height // 2
            images = [
                cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
                for frame in islice(media, _REPEATED_FRAMES)
            ]
        path = Path(directory) / "clip.mp4"
        to_and_fro = cycle([*images, *images[-2:0:-1]])
        with writing_video(path, info.fps, *size) as out:
            for image in islice(to_and_fro, round(seconds * info.fps)):
                out.write(image)
        yield path
