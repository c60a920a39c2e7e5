"""The readers that are fed damaged files, each with undamaged ones that the code makes itself."""

import csv
import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from harden.commands import joints_mm, track, write_clip, write_dataset, write_own
from harden.reader import Reader
from harden.readers_of_settings import SETTINGS
from overpose.skeleton import HUMAN36M

FRAMES_READ = 40
"""Of a damaged video; one that says it is endless is not watched to its end."""


def _keypoints(name: str) -> Callable[[Path], object]:
    def read(directory: Path) -> object:
        from overpose.keypoints.keypoint_files import read_keypoints

        return read_keypoints(directory / name)

    return read


def _write_openpose(directory: Path) -> None:
    points = track().keypoints_px[:, 0].reshape(2, -1).round(2)
    people = [{"pose_keypoints_2d": row.tolist()} for row in points]
    text = json.dumps({"version": 1.3, "people": people})
    (directory / "clip_000000000000_keypoints.json").write_text(text)


def _write_coco(directory: Path) -> None:
    people = track().keypoints_px
    found = [
        {
            "image_id": f"{frame}.jpg", "category_id": 1, "track_id": person, "score": 0.9,
            "keypoints": people[person, frame].round(2).ravel().tolist(),
        }
        for person in range(2)
        for frame in range(3)
    ]  # fmt: skip
    (directory / "coco.json").write_text(json.dumps(found))


def _write_table(directory: Path) -> None:
    with (directory / "table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["person", "frame", "keypoint", "x", "y", "score"])
        for frame in range(3):
            for name, point in zip(
                HUMAN36M.joint_names, track().keypoints_px[0, frame], strict=True
            ):
                rows.writerow(["1", frame, name, *(round(float(v), 2) for v in point)])


def _write_trc(directory: Path) -> None:
    from overpose.mocap.trc import PointTable, write_trc

    write_trc(PointTable(HUMAN36M.joint_names, joints_mm(3), 30.0), directory / "points.trc")


def _write_pixels(directory: Path) -> None:
    from overpose.mocap.trc import PointTable, write_trc

    points = np.zeros((3, 17, 3))
    points[..., :2] = track().keypoints_px[0, :3, :, :2]
    write_trc(PointTable(HUMAN36M.joint_names, points, 30.0), directory / "clip_px_person00.trc")


def _read_trc(directory: Path) -> object:
    from overpose.mocap.trc import read_trc

    return read_trc(directory / "points.trc")


def _write_bvh(directory: Path) -> None:
    from overpose.mocap.bvh import write_bvh
    from overpose.mocap.procedural import procedural_motion

    write_bvh(procedural_motion("walking", 1, 7, 3), directory / "clip.bvh")


def _read_bvh(directory: Path) -> object:
    from overpose.mocap.bvh import read_bvh
    from overpose.mocap.joints17 import joints17_world_mm

    motion = read_bvh(directory / "clip.bvh")
    try:
        return joints17_world_mm(motion)
    except ValueError:  # other bones than ours
        return motion


_ASF = """:version 1.10
:name made-up
:units
  mass 1.0
  length 0.45
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name lfemur
     direction 0.34 -0.94 0
     length 7.2
     axis 0 0 20 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name ltibia
     direction 0.34 -0.94 0
     length 7.4
     axis 0 0 20 XYZ
    dof rx
    limits (-10.0 170.0)
  end
:hierarchy
  begin
    root lfemur
    lfemur ltibia
  end
"""
_AMC = ":FULLY-SPECIFIED\n:DEGREES\n" + "".join(
    f"{frame}\nroot {frame} 17.1 0.5 1.5 -2 3\nlfemur 1 2 {frame}\nltibia 20\n"
    for frame in (1, 2, 3)
)


def _write_asf(directory: Path) -> None:
    (directory / "01.asf").write_text(_ASF)
    (directory / "01_01.amc").write_text(_AMC)


def _read_asf(directory: Path) -> object:
    from overpose.mocap.asf_amc import read_trial

    return read_trial(directory / "01.asf", directory / "01_01.amc")


def _write_track(directory: Path) -> None:
    track().save(directory / "clip.npz")


def _read_track(directory: Path) -> object:
    from overpose.poses import PoseTrack

    return PoseTrack.load(directory / "clip.npz")


def _write_lifter(directory: Path) -> None:
    from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig
    from overpose.networks.pose_predictor import PosePredictor
    from overpose.networks.storage import save_model

    config = PosePredictorConfig("direct", KeypointEncoderConfig((0,), 8, 1))
    save_model(PosePredictor(config, seed=0), directory / "model")
    path = directory / "model" / "config.json"
    said = json.loads(path.read_text())
    said.pop("weights_sha256")  # else no damage to the weights is ever read
    path.write_text(json.dumps(said))


def _read_lifter(directory: Path) -> object:
    from overpose.methods import load_model
    from overpose.networks.numpy_lifter import load_numpy_lifter
    from overpose.support.errors import InputError

    try:
        load_numpy_lifter(directory / "model")
    except InputError:
        return load_model(directory / "model")
    return load_model(directory / "model")


def _write_dataset(directory: Path) -> None:
    write_dataset(directory)
    shutil.rmtree(directory / "own")


def _read_dataset(directory: Path) -> object:
    from overpose.datasets.store import open_dataset

    table = directory / "data" / "samples.parquet"
    path = directory / "data" / "dataset.json"
    try:  # a damaged table is read although its size is another one
        said = json.loads(path.read_text())
        said["table"]["bytes"] = table.stat().st_size
        path.write_text(json.dumps(said))
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    with open_dataset(directory / "data") as dataset:
        for index in range(min(3, len(dataset))):
            dataset.image(index)
            dataset.camera(index)
        return len(dataset)


def _read_own(directory: Path) -> object:
    from overpose.datasets.own.checks import check_own_data

    return check_own_data(directory, processes=1)


def _write_own_parquet(directory: Path) -> None:
    from pyarrow import csv as arrow_csv
    from pyarrow import parquet

    write_own(directory)
    parquet.write_table(
        arrow_csv.read_csv(directory / "samples.csv"), directory / "samples.parquet"
    )
    (directory / "samples.csv").unlink()


def _picture(kind: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
        cv2.imwrite(str(directory / f"picture.{kind}"), noise)

    return write


def _animation(kind: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        images = [Image.new("RGB", (32, 24), (9 * n, 90, 200)) for n in range(3)]
        path = directory / f"moving.{kind}"
        images[0].save(path, save_all=True, append_images=images[1:], duration=40)

    return write


def _clip(kind: str, codec: str) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        with av.open(str(directory / f"clip.{kind}"), "w") as container:
            stream = container.add_stream(codec, rate=30)
            stream.width, stream.height = 32, 32
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for number in range(6):
                image = np.full((32, 32, 3), 40 * number, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))

    return write


def _media(name: str) -> Callable[[Path], object]:
    def read(directory: Path) -> object:
        from overpose.media.video import open_media

        with open_media(directory / name) as media:
            return sum(frame.image.size > 0 for frame in islice(media, FRAMES_READ))

    return read


_CODECS = (("mp4", "mpeg4"), ("mkv", "libx264"), ("avi", "mjpeg"), ("ts", "mpeg2video"))
_SPORTS2D = "clip_px_person00.trc"
_OPENPOSE = "clip_000000000000_keypoints.json"
READERS = (
    Reader("keypoints-own", "keypoints.json", write_clip, _keypoints("keypoints.json")),
    Reader("keypoints-openpose", _OPENPOSE, _write_openpose, _keypoints(_OPENPOSE)),
    Reader("keypoints-coco", "coco.json", _write_coco, _keypoints("coco.json")),
    Reader("keypoints-table", "table.csv", _write_table, _keypoints("table.csv")),
    Reader("keypoints-trc", _SPORTS2D, _write_pixels, _keypoints(_SPORTS2D)),
    Reader("trc", "points.trc", _write_trc, _read_trc),
    Reader("bvh", "clip.bvh", _write_bvh, _read_bvh),
    Reader("asf", "01.asf", _write_asf, _read_asf),
    Reader("amc", "01_01.amc", _write_asf, _read_asf),
    Reader("track", "clip.npz", _write_track, _read_track),
    Reader("model-config", "model/config.json", _write_lifter, _read_lifter),
    Reader("model-weights", "model/weights.safetensors", _write_lifter, _read_lifter),
    Reader("dataset-json", "data/dataset.json", _write_dataset, _read_dataset),
    Reader("dataset-parquet", "data/samples.parquet", _write_dataset, _read_dataset),
    Reader("own-csv", "samples.csv", write_own, _read_own),
    Reader("own-parquet", "samples.parquet", _write_own_parquet, _read_own),
    *(
        Reader(f"picture-{kind}", f"picture.{kind}", _picture(kind), _media(f"picture.{kind}"))
        for kind in ("png", "jpg", "tif", "webp", "bmp")
    ),
    *(
        Reader(f"moving-{kind}", f"moving.{kind}", _animation(kind), _media(f"moving.{kind}"))
        for kind in ("gif", "webp", "png")
    ),
    *(
        Reader(f"video-{kind}", f"clip.{kind}", _clip(kind, codec), _media(f"clip.{kind}"))
        for kind, codec in _CODECS
    ),
    *SETTINGS,
)  # fmt: skip
"""C3D is not here: overpose writes it and does not read it. Nor are pose tracks as JSON."""


def reader_named(name: str) -> Reader:
    """The reader of that name."""
    return next(reader for reader in READERS if reader.name == name)
