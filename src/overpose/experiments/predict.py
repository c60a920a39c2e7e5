"""What `overpose predict` does: inputs to files, all of them or a part, here or on a cluster.

What is done with an input belongs to `prediction`.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from overpose.experiments.prediction import (
    Outputs,
    Predicted,
    Prediction,
    is_quick,
    make_predictor,
    make_quiet_predictor,
    may_hold,
    write_track,
)
from overpose.keypoints.engines import AUTO, Engine
from overpose.layouts import layout_of
from overpose.media.folder import is_frame_folder
from overpose.media.webcam import open_webcam
from overpose.support.cluster import Cluster, require_one_way
from overpose.support.digests import sha256_of_file, sha256_of_parts
from overpose.support.errors import InputError
from overpose.support.progress import progress_bar, say
from overpose.support.records import Record
from overpose.support.shards import Shard
from overpose.support.version import VERSION
from overpose.support.workers import available_processes, do_units, number_of_processes
from overpose.video.camera_files.colmap import COLMAP
from overpose.video.estimator import PoseEstimator
from overpose.video.options import PredictOptions


def predict(
    inputs: Sequence[Path],
    outputs: Outputs,
    options: PredictOptions,
    *,
    keypoints: Engine | Path = AUTO,
    model: Path | None = None,
    layout: str | None = None,
    webcam: str | None = None,
    seconds: float | None = None,
    fps: float | None = None,
    shard: Shard | None = None,
    stream: str | None = None,
    cluster: Cluster | None = None,
    processes: int | None = None,
) -> Iterator[Path]:
    """`predict_files`, `predict_webcam` or `stream_people`, from what the command line gives.

    Args:
        keypoints: an engine, or a file.
        webcam: the number of a camera, or a video file in its place.
        stream: `osc://HOST:PORT`: send the people there as they move, and write nothing.

    Raises:
        InputError: there are inputs and a webcam, or neither; or as in those.
    """
    if isinstance(keypoints, Path) and not keypoints.exists():
        raise InputError(f"keypoints: got {keypoints}, expected an engine or a file that exists")
    if (webcam is None) == (not inputs):
        got = "neither" if webcam is None else "both"
        raise InputError(f"predict: got {got}, expected photos or videos, or --webcam and a number")
    if stream is not None and webcam is None:
        if len(inputs) > 1:
            raise InputError(f"stream: got {len(inputs)} videos, expected one or --webcam")
        webcam = os.fspath(inputs[0].absolute())
    if webcam is None:
        if seconds is not None:
            raise InputError("seconds: got it without --webcam; cut the video instead")
        asked = Prediction(outputs, options, keypoints, model, layout, fps)
        return predict_files(inputs, asked, shard=shard, cluster=cluster, processes=processes)
    for_files = {"shard": shard, "ray": cluster, "processes": processes}
    if got := [name for name, value in for_files.items() if value is not None]:
        raise InputError(f"{got[0]}: got it with --webcam or --stream, expected files")
    if isinstance(keypoints, Path):
        raise InputError(f"keypoints: got the file {keypoints} for a webcam, expected an engine")
    device = int(webcam) if webcam.isdecimal() else Path(webcam)
    if stream is not None:
        from overpose.experiments.streaming import stream_people

        if outputs.formats or outputs.overlay or outputs.html:
            raise InputError(
                "stream: nothing is written meanwhile; leave --formats, --overlay, --html and "
                "--report out"
            )
        stream_people(device, stream, options, seconds=seconds, keypoints=keypoints, model=model)
        return iter(())
    return predict_webcam(
        device, outputs, options, seconds=seconds, keypoints=keypoints, model=model
    )


def predict_files(
    inputs: Sequence[Path],
    asked: Prediction,
    *,
    shard: Shard | None = None,
    cluster: Cluster | None = None,
    processes: int | None = None,
) -> Iterator[Path]:
    """Predict every input and give the files written; those of finished inputs stay in any case.

    An input that cannot be predicted does not keep the others from it: it is said, and raised in
    the end. With a shard or on a cluster, what is done is noted in a record beside the files, and
    the same call goes on where an earlier one stopped.

    Args:
        inputs: photos, videos, folders of numbered frames, and files of keypoints that say their
            frame rate and image size.
        asked: what to write and how.
        shard: which part of the inputs to predict; None: all.
        cluster: where; None: here.
        processes: that predict side by side here; None: as many as are worth their start. They
            change no result.

    Raises:
        InputError: bad input; names and places are checked before anything is computed.
    """
    if not inputs:
        raise InputError("predict: got no input, expected photos or videos")
    require_one_way(shard, cluster)
    inputs = [path.resolve() if path.name in ("", "..") else path for path in inputs]  # to name it
    if isinstance(asked.keypoints, Path) and len(inputs) > 1:
        raise InputError(
            f"keypoints: got {asked.keypoints} for {len(inputs)} inputs, expected one input; give "
            "them one by one"
        )
    if asked.layout is not None:
        layout_of(asked.layout)  # refuses what is none
    part = inputs if shard is None else shard.part(inputs)
    _require_inputs(part, asked)
    out, stems = asked.outputs.output.out, [path.stem for path in inputs]
    record, own, output = None, part, asked.outputs.output
    if shard is not None or cluster is not None:
        shard = shard or Shard(0, 1)
        path = out / UNFINISHED if cluster is not None else shard.record_in(out)
        if taken := [stem for stem in stems if stem.partition(".")[0] == path.stem]:
            raise InputError(
                f"predict: got an input named {taken[0]}, and {path.name} is to say what is done; "
                "give the input another name"
            )
        record = Record.begun(path, shard, _plan(stems, asked), overwrite=output.overwrite)
        missing = set(record.missing)
        own = [path for path in part if path.stem in missing]
        if path.exists():  # what is there of the others is left of an earlier run
            output = replace(output, overwrite=True)
            asked = replace(asked, outputs=replace(asked.outputs, output=output))
    where = cluster or processes_for(own, processes)
    asked.outputs.prepare(stems, _read(inputs, asked), predicted=[path.stem for path in own])
    if record is not None:
        record.write()
    failed: list[Predicted] = []
    for done in _predicted(own, asked, out, where):
        files = [out / name for name in done.files]
        if done.error is not None:
            failed.append(done)
            if record is not None:
                record.fail(done.stem, done.error)
            if len(own) > 1:
                say(f"{done.error}; the other inputs go on")
        elif record is not None:
            record.add(done.stem, files)
        yield from files
    if record is not None:
        record.write()
    failed.sort(key=lambda done: stems.index(done.stem))
    _raise_if_failed(failed, len(own))
    if cluster is not None:
        (out / UNFINISHED).unlink(missing_ok=True)
    elif shard is not None:
        say(f"shard {shard}: {len(part)} of {len(inputs)} inputs, {len(own)} of them now")


UNFINISHED = "unfinished.json"
"""The record of a run on a cluster; gone when everything is done."""


_WORTH = 2.0
"""Videos that are worth the start of a process: about 0.7 s, half of that of a short clip."""
_QUICK = 1 / 8
"""Of a video: what a photo or a file of keypoints counts."""


def processes_for(inputs: Sequence[Path], wanted: int | None = None) -> int:
    """How many processes predict inputs side by side.

    Args:
        inputs: as in `predict_files`.
        wanted: at most so many; None: as many as there are cores, each for at least two videos.

    Raises:
        InputError: `wanted` is not at least 1.
    """
    if wanted is not None:
        return min(number_of_processes(wanted), max(1, len(inputs)))
    worth = sum(_QUICK if is_quick(path) else 1.0 for path in inputs)
    return max(1, min(available_processes(), int(worth / _WORTH)))


def _predicted(
    inputs: Sequence[Path], asked: Prediction, out: Path, where: int | Cluster
) -> Iterator[Predicted]:
    if where == 1:
        yield from do_units(inputs, make_predictor, asked, out, 1)
    elif isinstance(where, int):
        asked = replace(asked, threads=max(1, available_processes() // where))
        with progress_bar("predict", len(inputs)) as advance:
            for done in do_units(inputs, make_quiet_predictor, asked, out, where):
                for line in done.said:
                    say(line)
                advance(1)
                yield done
    elif inputs:
        with (
            _camera_to_send(asked.options.camera) as camera,
            progress_bar("predict", len(inputs)) as advance,
        ):
            asked = replace(asked, threads=1, options=replace(asked.options, camera=camera))
            named = (asked.keypoints, asked.model, camera)
            shared = [path for path in named if isinstance(path, Path)]
            given = {"shared": shared, "reads": lambda path: [path], "unread": _unread}
            for done in do_units(inputs, make_predictor, asked, out, where, **given):
                advance(1)
                yield done


def _unread(path: Path, error: InputError) -> Predicted:
    return Predicted(path.stem, error=str(error))


@contextmanager
def _camera_to_send(camera: Path | None) -> Iterator[Path | None]:
    """A measured camera's file, or a directory of COLMAP's two alone: beside them may be anything,
    and a machine may have another directory of that name."""
    place = camera.parent if camera is not None and camera.name == COLMAP[0] else camera
    if place is None or not (place / COLMAP[0]).is_file():
        yield camera
        return
    with tempfile.TemporaryDirectory(prefix="overpose-camera-") as own:
        for file in (place / name for name in COLMAP):
            if file.is_file():
                (Path(own) / file.name).write_bytes(file.read_bytes())
        yield Path(own)


def predict_webcam(
    device: int | Path,
    outputs: Outputs,
    options: PredictOptions,
    *,
    seconds: float | None = None,
    keypoints: Engine = AUTO,
    model: Path | None = None,
) -> Iterator[Path]:
    """Record from a camera until Ctrl-C or for some seconds, and give the files written.

    Args:
        device: number of the camera, or a video file in its place.
        seconds: how long to record at most.
        outputs: what to write and where; there is no picture to draw an overlay on, because none
            is kept.
        options: whom to keep, camera, smoothing.
        keypoints: an engine.
        model: directory of a model to take instead of the shipped ones.

    Raises:
        InputError: no such camera, or bad options.
    """
    if outputs.overlay:
        raise InputError("overlay: a webcam's pictures are not kept; leave --overlay out")
    with open_webcam(device, seconds=seconds) as media:
        outputs.prepare([media.info.name], [device] if isinstance(device, Path) else ())
        estimator = PoseEstimator.from_pretrained(keypoints, model=model)
        say(f"{media.info.name}: recording; Ctrl-C ends it")
        track = estimator.predict_media(media, options, until_interrupted=True)
    yield from write_track(track, None, outputs, media.info.name)


def _require_inputs(inputs: Sequence[Path], asked: Prediction) -> None:
    for path in inputs:
        if not path.exists():
            raise InputError(f"{path}: no such file; expected a photo or a video")
        if asked.fps is not None and not is_frame_folder(path):
            raise InputError(
                f"fps: got {asked.fps} for {path}, expected it for folders of frames alone"
            )


def _read(inputs: Sequence[Path], asked: Prediction) -> list[Path]:
    """Every file that is read."""
    read = [*inputs, *([asked.keypoints] if isinstance(asked.keypoints, Path) else [])]
    return read + [
        file for path in read if path.is_dir() for file in path.iterdir() if may_hold(file)
    ]


def _plan(stems: Sequence[str], asked: Prediction) -> dict[str, Any]:
    """What decides the files of all inputs but the inputs themselves, as JSON values."""
    keypoints, outputs = asked.keypoints, asked.outputs
    given = _identity(keypoints) if isinstance(keypoints, Path) else keypoints.name
    camera = asked.options.camera
    options = asdict(asked.options) | {"camera": None if camera is None else _identity(camera)}
    return {
        "command": "predict",
        "overpose_version": VERSION,
        "options": json.loads(json.dumps(options)),
        "keypoints": given,
        "model": None if asked.model is None else _identity(asked.model),
        "layout": asked.layout,
        "fps": asked.fps,
        "formats": [each.name for each in outputs.formats],
        "overlay": outputs.overlay,
        "html": outputs.html,
        "frame": outputs.frame,
        "units": list(stems),
    }


def _identity(path: Path) -> dict[str, str]:
    """The name of a model or of keypoints, which is in the tracks, and a hash of the files."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    digests = [sha256_of_file(file) for file in files if file.is_file()]
    return {"name": path.resolve().name, "sha256": sha256_of_parts(digests)}


def _raise_if_failed(failed: Sequence[Predicted], count: int) -> None:
    """Say what could not be predicted, in one line.

    Raises:
        InputError: there is something.
    """
    errors = [str(each.error) for each in failed]
    if len(errors) == 1:
        raise InputError(errors[0])
    if errors:
        raise InputError(f"{len(errors)} of {count} inputs failed: {'; '.join(errors)}")
