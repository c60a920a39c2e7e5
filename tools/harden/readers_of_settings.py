"""Readers of what goes with the work: measured cameras, splits, records of parts, measurements,
networks in ONNX."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from harden.commands import HEIGHT, WIDTH, write_parts
from harden.reader import Reader

_MATRIX = [[WIDTH, 0.0, WIDTH / 2], [0.0, WIDTH, HEIGHT / 2], [0.0, 0.0, 1.0]]
_TOML = f"""[cam_01]
name = "cam_01"
size = [{WIDTH}.0, {HEIGHT}.0]
matrix = {_MATRIX}
distortions = [0.1, -0.05, 0.001, 0.002]
rotation = [1.57, 0.0, 0.0]
translation = [0.0, 1.5, 4.0]

[metadata]
adjusted = false
"""
_YAML = f"""%YAML:1.0
---
image_width: {WIDTH}
image_height: {HEIGHT}
camera_matrix: !!opencv-matrix
   rows: 3
   cols: 3
   dt: d
   data: [ {WIDTH}., 0., {WIDTH / 2}, 0., {WIDTH}., {HEIGHT / 2}, 0., 0., 1. ]
distortion_coefficients: !!opencv-matrix
   rows: 1
   cols: 5
   dt: d
   data: [ 0.1, -0.05, 0.001, 0.002, 0. ]
"""
_XML = f"""<calibration><cameras><camera serial="7">
<fov_video left="0" right="{WIDTH - 1}" top="0" bottom="{HEIGHT - 1}"/>
<transform r11="1" r12="0" r13="0" r21="0" r22="0" r23="-1" r31="0" r32="1" r33="0" x="0"
 y="-4000" z="1500"/><intrinsic sensorMinU="0" sensorMinV="0" focalLengthU="{64 * WIDTH}"
 focalLengthV="{64 * WIDTH}" centerPointU="{32 * WIDTH}" centerPointV="{32 * HEIGHT}"
 radialDistortion1="0.1" radialDistortion2="-0.05" tangentalDistortion1="0.001"
 tangentalDistortion2="0.002"/></camera></cameras></calibration>
"""
_COLMAP = f"# Cameras\n1 OPENCV {WIDTH} {HEIGHT} 160 160 80 60 0.1 -0.05 0.001 0.002\n"
_IMAGES = "# Images\n1 0.7071068 0.7071068 0 0 0 1.5 4 1 left.jpg\n1.0 2.0 -1\n"
_SPLITS = {
    "train_subjects": ["1", "2"],
    "test_subjects": ["3"],
    "actions": {"walking": {"train": ["1_01", "2_01"], "test": ["3_01"]}},
}


def _text(name: str, text: str, **others: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        for file, content in ({name: text} | others).items():
            (directory / file).write_text(content)

    return write


def _camera(name: str) -> Callable[[Path], object]:
    def read(directory: Path) -> object:
        from overpose.video.measured_cameras import read_camera

        return read_camera(directory / name, WIDTH, HEIGHT)

    return read


def _write_colmap(directory: Path) -> None:
    (directory / "cameras.txt").write_text(_COLMAP)
    (directory / "images.txt").write_text(_IMAGES)


def _read_splits(directory: Path) -> object:
    from overpose.datasets.rendering.recorded import read_splits

    return read_splits(directory / "splits.json")


_RECORD = "0/shard-0-of-2.json"


def _read_record(directory: Path) -> object:
    from overpose.experiments.merge import merge

    shutil.rmtree(directory / "out", ignore_errors=True)
    return merge([directory / "0", directory / "1"], directory / "out")


def _write_journal(directory: Path) -> None:
    from overpose.support.records import Record
    from overpose.support.shards import Shard

    path = directory / "shard-0-of-1.json"
    plan = {"command": "predict", "units": ["one", "two"]}
    record = Record(path, Shard(0, 1), plan)
    record.write()
    (directory / "one.npz").write_bytes(b"one")
    record.add("one", [directory / "one.npz"])
    record.fail("two", "damaged")


def _read_journal(directory: Path) -> object:
    from overpose.support.records import Record

    record = Record.read(directory / "shard-0-of-1.json")
    return record.missing, record.failed


def _write_measured(directory: Path) -> None:
    began = [{"number": n, "worker": 1, "begun_s": 1.0 + n, "ended_s": 2.0 + n} for n in range(4)]
    run = {"workers": 1, "units": began, "kills_s": [2.5], "total_s": 6.0, "bytes": 4000}
    lift = {
        "workers": 1, "apart_s": [2.0, 2.5], "total_s": 9.0, "clip_s": 1.5, "clip_frames": 45,
        "people": 3, "read_bytes": 90_000, "written_bytes": 30_000,
    }  # fmt: skip
    measured = {
        "commit": "0" * 40, "machine": "made up", "date": "2026-11-30",
        "render": {
            "images_per_shard": 4, "image_size": 112, "images": 16,
            "runs": [run, run | {"kills_s": []}, run | {"workers": 2, "kills_s": []}],
        },
        "lift": {"clip": "clip.mp4", "runs": [lift, lift | {"workers": 2}]},
        "driver": {
            "unit_s": 0.01, "file_s": 0.001, "byte_s": 1e-9, "listed_s": 1e-7, "noted_s": 1e-7,
        },
        "hash_bytes_per_s": 1e9,
        "train": {"images_per_s": 80.0, "cores": 2, "gradient_bytes": 1_000_000},
    }  # fmt: skip
    (directory / "measured.json").write_text(json.dumps(measured))


def _read_measured(directory: Path) -> object:
    from overpose.experiments.scale.options import ScaleOptions
    from overpose.experiments.scale.study import study_scale
    from overpose.support.files import Output

    options = ScaleOptions(images=10_000, video_hours=2.0, epochs=1, cores=(2,))
    out = Output(directory / "out", overwrite=True)
    return study_scale(out, options, measured=directory / "measured.json")


def _write_onnx(directory: Path) -> None:
    from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig
    from overpose.networks.onnx_graph import graph_of_predictor
    from overpose.networks.pose_predictor import PosePredictor

    config = PosePredictorConfig("direct", KeypointEncoderConfig((0,), 8, 1))
    (directory / "lifter.onnx").write_bytes(graph_of_predictor(PosePredictor(config, seed=0)))


def _read_onnx(directory: Path) -> object:
    from overpose.networks.onnx_model import load_onnx

    return load_onnx(directory / "lifter.onnx")


SETTINGS = (
    Reader("camera-toml", "cameras.toml", _text("cameras.toml", _TOML), _camera("cameras.toml")),
    Reader("camera-opencv", "camera.yaml", _text("camera.yaml", _YAML), _camera("camera.yaml")),
    Reader("camera-qualisys", "c.qca.txt", _text("c.qca.txt", _XML), _camera("c.qca.txt")),
    Reader("camera-colmap", "cameras.txt", _write_colmap, _camera("")),
    Reader("images-colmap", "images.txt", _write_colmap, _camera("")),
    Reader("splits", "splits.json", _text("splits.json", json.dumps(_SPLITS)), _read_splits),
    Reader("record", _RECORD, write_parts, _read_record),
    Reader("journal", "shard-0-of-1.0000.json", _write_journal, _read_journal),
    Reader("measured", "measured.json", _write_measured, _read_measured),
    Reader("onnx", "lifter.onnx", _write_onnx, _read_onnx),
)  # fmt: skip
