"""`overpose predict` on names in object storage: the bytes of a run on files here."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from buckets import bucket, contents, put
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem
from scripted_command import error_of, files_of, keypoints_at, run
from scripted_people import FPS, HEIGHT, WIDTH, draw, write_clip

from overpose.app import main
from overpose.media.writer import writing_video
from overpose.video import measured_cameras

__all__ = ["bucket"]
LIFTER = Path(__file__).parents[1] / "networks" / "saved-f8fa25d" / "lifter-finetuned"
CAMERA = """[cam]
name = "cam"
size = [320.0, 240.0]
matrix = [[300.0, 0.0, 160.0], [0.0, 300.0, 120.0], [0.0, 0.0, 1.0]]
distortions = [0.1, 0.0, 0.0, 0.0]
rotation = [1.7, 0.0, 0.0]
translation = [0.0, 1.0, 3.0]
fisheye = false
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, a photo, a folder of frames, files of keypoints, a measured camera."""
    place = tmp_path_factory.mktemp("inputs")
    people = [{"red": (100 + i, 120), "green": (240, 120)} for i in range(12)]
    write_clip(place / "clip.mp4", people)
    (place / "frames").mkdir()
    for number, each in enumerate(people):
        cv2.imwrite(str(place / "frames" / f"{number:04d}.png"), draw(each)[..., ::-1])
    cv2.imwrite(str(place / "photo.jpg"), draw(people[0])[..., ::-1])
    for name in ("a", "b", "c"):
        keypoints_at(place / f"{name}.json")
    (place / "camera.toml").write_text(CAMERA)
    return place


def test_a_clip_there_and_results_there_are_those_of_files_here(
    inputs: Path, tmp_path: Path, bucket: MemoryFileSystem
) -> None:
    wanted = ("--formats", "json", "c3d", "trc", "--overlay", "--html")
    assert run("predict", inputs / "clip.mp4", "--out", tmp_path / "out", *wanted) == 0
    url = put(bucket, inputs / "clip.mp4", "data/clips/clip.mp4")
    assert run("predict", url, "--out", "s3://data/out", *wanted) == 0
    assert contents(bucket, "data/out") == files_of(tmp_path / "out")


def test_pictures_frames_and_cameras_may_be_there(
    inputs: Path, tmp_path: Path, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bucket, inputs, "data/in")
    # Another process, in which cameras are read, would not know what is in the memory of this one.
    monkeypatch.setattr(measured_cameras, "read_apart", lambda read, path: read(path))
    names = ("photo.jpg", "frames")
    for where, out in ((inputs, "here"), ("s3://data/in", "there")):
        given = [f"{where}/{name}" for name in names]
        camera = ("--camera", f"{where}/camera.toml")
        assert run("predict", *given, "--out", tmp_path / out, *camera) == 0
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")


def test_keypoints_and_models_may_be_there(
    inputs: Path, tmp_path: Path, bucket: MemoryFileSystem
) -> None:
    put(bucket, inputs, "data/in")
    model = put(bucket, LIFTER, "data/models/lifter-finetuned")
    for where, lifter, out in ((inputs, LIFTER, "here"), ("s3://data/in", model, "there")):
        given = ("--model", lifter, "--keypoints", f"{where}/a.json")
        assert run("predict", f"{where}/clip.mp4", "--out", tmp_path / out, *given) == 0
    assert files_of(tmp_path / "there") == files_of(tmp_path / "here")


def test_a_part_goes_on_where_it_was(
    inputs: Path, tmp_path: Path, bucket: MemoryFileSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    put(bucket, inputs, "data/in")
    given = [f"s3://data/in/{name}.json" for name in ("a", "b", "c")]
    part = ("--out", "s3://data/out", "--shard", "0/2")
    assert run("predict", *given, *part) == 0
    whole = contents(bucket, "data/out")
    assert set(whole) == {"a.npz", "c.npz", "shard-0-of-2.json"}
    bucket.rm_file("data/out/c.npz")
    capsys.readouterr()
    assert run("predict", *given, *part) == 0
    assert "2 of 3 inputs, 1 of them now" in capsys.readouterr().err
    assert contents(bucket, "data/out") == whole


def test_nothing_there_is_replaced_unasked(
    inputs: Path, bucket: MemoryFileSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.pipe_file("data/out/a.npz", b"mine")
    assert run("predict", inputs / "a.json", "--out", "s3://data/out") == 1
    assert "s3://data/out/a.npz exists already" in error_of(capsys)
    assert contents(bucket, "data/out") == {"a.npz": b"mine"}
    url = put(bucket, inputs / "a.json", "data/out/a.json")
    given = ("--formats", "json", "--overwrite")
    assert run("predict", url, "--out", "s3://data/out", *given) == 1
    assert "would replace the input" in error_of(capsys)


@pytest.mark.parametrize("pass_number", [2, 3])
def test_a_connection_lost_in_the_middle_is_no_short_video(
    pass_number: int,
    tmp_path: Path,
    bucket: MemoryFileSystem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip = tmp_path / "clip.mp4"
    rng = np.random.default_rng(0)
    with writing_video(clip, FPS, WIDTH, HEIGHT) as video:
        for frame in range(20):
            image = draw({"red": (100 + frame, 120)}).astype(int)
            noise = rng.integers(-25, 25, image.shape)
            video.write(np.clip(image + noise, 0, 255).astype(np.uint8))
    half = clip.stat().st_size // 2
    assert half > 100_000
    url = put(bucket, clip, "data/clip.mp4")
    read, begun = MemoryFile.read, []

    def until_half(self: MemoryFile, size: int = -1) -> bytes:
        if self.tell() == 0:
            begun.append(size)
        if len(begun) >= pass_number and self.tell() > half:
            raise ConnectionResetError("reset by peer")
        return read(self, size)

    monkeypatch.setattr(MemoryFile, "read", until_half)
    assert run("predict", url, "--out", tmp_path / "out") == 1
    assert f"{url}: the server cannot be reached (reset by peer)" in error_of(capsys)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predict", "s3://data/none.mp4", "--out", "OUT"), "s3://data/none.mp4: no such file"),
        (("predict", "s3://data/a.json", "--stream", "osc://127.0.0.1:9"), "some commands only"),
        (("predict", "s3://data/text.mp4", "--out", "OUT"), "neither a photo nor a video"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: tuple[str, ...],
    said: str,
    inputs: Path,
    tmp_path: Path,
    bucket: MemoryFileSystem,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(bucket, inputs / "a.json", "data/a.json")
    bucket.pipe_file("data/text.mp4", b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n" * 40)
    assert run(*(str(tmp_path / "out") if word == "OUT" else word for word in arguments)) == 1
    assert said in error_of(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "s3://data/a.npz", "--out", "OUT"),
        ("export", "a.npz", "--out", "s3://data/out"),
        ("view", "s3://data/a.npz", "--html", "OUT"),
        ("table", "s3://data", "--out", "OUT"),
        ("merge", "s3://data/0", "s3://data/1", "--out", "OUT"),
        ("detect-renders", "--mocap", "a", "--splits", "b", "--out", "s3://data/out"),
        ("train", "--data", "data", "--out", "s3://data/run"),
        ("evaluate", "--data", "data", "--models", "s3://data/m", "--out", "OUT"),
        ("demo", "--out", "s3://data/out"),
    ],
)
def test_commands_that_do_not_know_addresses_refuse_them_at_once(
    arguments: tuple[str, ...],
    tmp_path: Path,
    bucket: MemoryFileSystem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["OUT.parquet" if word == "OUT" else word for word in arguments])
    assert end.value.code == 1
    assert "got s3://data" in error_of(capsys)
    assert list(tmp_path.iterdir()) == []
