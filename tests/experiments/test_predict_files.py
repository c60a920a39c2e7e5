"""`overpose predict`: files whole or not at all, and one clear line for bad input."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from scripted_command import error_of, run
from scripted_people import FPS, HEIGHT, WIDTH, draw, standing_px, write_clip

from overpose.keypoints.blazepose import Picture
from overpose.keypoints.engines import FULL
from overpose.keypoints.keypoint_files import KeypointFile, read_keypoints, write_keypoints
from overpose.keypoints.people import BlazePoseFinder
from overpose.layouts import BLAZEPOSE_33
from overpose.media.video import open_media
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M


def clip_at(path: Path, frames: int = 20) -> Path:
    write_clip(path, [{"red": (100 + i, 120), "green": (240, 120)} for i in range(frames)])
    return path


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_every_output_is_written_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4")
    out = tmp_path / "out"
    formats = ("json", "csv", "bvh", "c3d", "trc")
    assert run("predict", clip, "--out", out, "--formats", *formats, "--overlay", "--html") == 0
    expected = ["clip.npz", "clip.json", "clip.csv", "clip.c3d", "clip.trc", "clip.html"]
    expected += ["clip_person1.bvh", "clip_person2.bvh", "clip_overlay.mp4"]
    assert names(out) == sorted(expected)
    printed = capsys.readouterr().out.split()
    assert sorted(Path(line).name for line in printed) == sorted(expected)
    assert PoseTrack.load(out / "clip.npz").people == 2


def test_a_photo_has_a_picture_as_its_overlay(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(draw({"red": (150, 120)})).save(tmp_path / "photo.jpg", quality=95)
    assert run("predict", tmp_path / "photo.jpg", "--out", tmp_path / "out", "--overlay") == 0
    assert names(tmp_path / "out") == ["photo.npz", "photo_overlay.png"]


def test_nobody_in_the_picture_is_said_and_not_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "empty.mp4", [{}] * 5)
    out = tmp_path / "out"
    assert run("predict", tmp_path / "empty.mp4", "--out", out, "--formats", "bvh") == 0
    assert "nobody is to be seen" in capsys.readouterr().err
    assert names(out) == ["empty.npz"]
    assert PoseTrack.load(out / "empty.npz").people == 0


def test_existing_files_stop_everything_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 3)
    (tmp_path / "clip.csv").write_text("mine")
    assert run("predict", clip, "--out", tmp_path, "--formats", "csv") == 1
    assert "clip.csv exists already" in error_of(capsys)
    assert names(tmp_path) == ["clip.csv", "clip.mp4"]
    assert run("predict", clip, "--out", tmp_path, "--formats", "csv", "--overwrite") == 0
    assert (tmp_path / "clip.csv").read_text() != "mine"


def test_finished_inputs_stay_when_a_later_one_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "good.mp4", 5)
    (tmp_path / "bad.mp4").write_bytes(b"no video at all" * 100)
    out = tmp_path / "out"
    assert run("predict", clip, tmp_path / "bad.mp4", "--out", out) == 1
    assert "bad.mp4: neither a photo nor a video" in error_of(capsys)
    assert names(out) == ["good.npz"]


def test_ctrl_c_keeps_what_is_finished_and_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = clip_at(tmp_path / "first.mp4", 5)
    second = clip_at(tmp_path / "second.mp4", 30)
    counted = BlazePoseFinder.begin

    def begin(self: BlazePoseFinder, image: Picture, frame: int) -> Callable:
        if frame == 20:
            raise KeyboardInterrupt
        return counted(self, image, frame)

    monkeypatch.setattr(BlazePoseFinder, "begin", begin)
    out = tmp_path / "out"
    assert run("predict", first, second, "--out", out, "--overlay") == 130
    assert "interrupted" in capsys.readouterr().err
    assert names(out) == ["first.npz", "first_overlay.mp4"]


def test_a_directory_that_cannot_be_written_to_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 3)

    def refused(*args: object, **settings: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("overpose.support.files.tempfile.TemporaryFile", refused)
    assert run("predict", clip, "--out", tmp_path / "out") == 1
    assert "cannot be written to (Permission denied)" in error_of(capsys)


def test_a_full_disk_is_one_line_and_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 3)

    def full(*args: object, **settings: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "out" / "clip.npz"))

    monkeypatch.setattr(np, "savez_compressed", full)
    monkeypatch.setattr(np, "savez", full)
    assert run("predict", clip, "--out", tmp_path / "out") == 1
    assert "No space left on device" in error_of(capsys)
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "got neither"),
        (("CLIP", "--webcam", "0"), "got both"),
        (("missing.mp4",), "missing.mp4: no such file"),
        (("CLIP", "CLIP"), "two inputs named clip"),
        (("CLIP", "--people", "0"), "people: got 0"),
        (("CLIP", "--track", "9"), "track: got 9"),
        (("CLIP", "--height-m", "180"), "height_m: got 180"),
        (("CLIP", "--focal-px", "500", "--fov-deg", "60"), "one of them"),
        (("CLIP", "--keypoints", "missing.json"), "keypoints: got missing.json"),
        (("CLIP", "--seconds", "3"), "without --webcam"),
        (("CLIP", "--model", "missing"), "no such model directory"),
        (("CLIP", "--fps", "30"), "for folders of frames alone"),
        (("http://example.org/clip.mp4",), "no such file"),
        (("--webcam", "98"), "webcam: got 98"),
        (("--webcam", "98", "--keypoints", "CLIP"), "for a webcam"),
    ],
)
def test_bad_arguments_are_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 3)
    given = [str(clip) if argument == "CLIP" else argument for argument in arguments]
    assert run("predict", *given, "--out", tmp_path / "out") == 1
    assert message in error_of(capsys)


def test_a_file_in_place_of_the_directory_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 3)
    (tmp_path / "out").write_text("mine")
    assert run("predict", clip, "--out", tmp_path / "out") == 1
    assert "expected a directory" in error_of(capsys)


def test_missing_models_offline_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from overpose.support import asset_download

    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert asset_download
    clip = clip_at(tmp_path / "clip.mp4", 3)
    assert run("predict", clip, "--out", tmp_path / "out", engine=FULL) == 1
    line = error_of(capsys)
    assert "pose_detection.tflite" in line
    assert str(tmp_path / "cache") in line


def rewrite_times(source: Path, path: Path, times_s: list[float]) -> None:
    """The frames of a clip once more, at other times."""
    with open_media(source) as media, av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time_s, frame in zip(times_s, media, strict=True):
            picture = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
            picture.pts = round(time_s * 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def keypoint_file(path: Path, *, size: bool) -> Path:
    points = np.full((1, 20, 33, 3), 0.9, np.float32)
    points[..., :2] = standing_px(150, 120)
    settings = {"fps": FPS, "width": WIDTH, "height": HEIGHT} if size else {}
    write_keypoints(path, KeypointFile(BLAZEPOSE_33, points, **settings))
    return path


def test_a_keypoint_file_alone_is_an_input(tmp_path: Path) -> None:
    found = keypoint_file(tmp_path / "mine.json", size=True)
    assert run("predict", found, "--out", tmp_path / "out", "--html") == 0
    track = PoseTrack.load(tmp_path / "out" / "mine.npz")
    assert (track.people, track.frames, track.width) == (1, 20, WIDTH)
    assert (tmp_path / "out" / "mine.html").is_file()


def test_a_keypoint_file_takes_rate_and_size_from_its_video(tmp_path: Path) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 20)
    found = keypoint_file(tmp_path / "mine.json", size=False)
    out = tmp_path / "out"
    assert run("predict", clip, "--keypoints", found, "--out", out, "--overlay") == 0
    assert names(out) == ["clip.npz", "clip_overlay.mp4"]
    assert PoseTrack.load(out / "clip.npz").fps == FPS


def test_keypoints_lie_at_the_times_of_a_variable_rate(tmp_path: Path) -> None:
    clip = clip_at(tmp_path / "steady.mp4", 20)
    uneven = tmp_path / "clip.mp4"
    times = [i / FPS for i in range(15)] + [15 / FPS + i * 6 / FPS for i in range(5)]
    rewrite_times(clip, uneven, times)
    found = read_keypoints(keypoint_file(tmp_path / "mine.json", size=False)).keypoints
    found[0, :, :, 0] += np.arange(20)[:, None]  # each frame has an x of its own
    write_keypoints(tmp_path / "moving.json", KeypointFile(BLAZEPOSE_33, found))
    given = ("--keypoints", tmp_path / "moving.json", "--out", tmp_path / "out")
    assert run("predict", uneven, *given, "--smooth", "none") == 0
    track = PoseTrack.load(tmp_path / "out" / "clip.npz")
    x = track.keypoints_px[0, :, 0, 0] - found[0, 0, 0, 0]
    shown = [np.searchsorted(times, frame / track.fps + 0.5 / track.fps) - 1
             for frame in range(track.frames)]  # fmt: skip
    np.testing.assert_allclose(x, shown, atol=1.1)
    assert np.abs(x - shown).mean() < 0.5


def test_a_layout_is_chosen_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = keypoint_file(tmp_path / "mine.json", size=True)
    value = json.loads(found.read_text())
    points = value["people"][0]["frames"][0][:17]
    del value["layout"]
    value["people"][0]["frames"] = [points] * 20
    found.write_text(json.dumps(value))
    out = tmp_path / "out"
    assert run("predict", found, "--layout", "h36m", "--out", out) == 0
    assert PoseTrack.load(out / "mine.npz").keypoint_names == HUMAN36M.joint_names
    assert run("predict", found, "--layout", "nonsense", "--out", tmp_path / "other") == 1
    assert "got 'nonsense', expected one of blazepose-33" in error_of(capsys)


@pytest.mark.parametrize("how", ["input", "keypoints", "directory"])
def test_a_result_never_replaces_what_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    found = keypoint_file(tmp_path / "clip.json", size=True)
    before = found.read_bytes()
    clip = clip_at(tmp_path / "clip.mp4", 20)
    given = {
        "input": (found,),
        "keypoints": (clip, "--keypoints", found),
        "directory": (clip, "--keypoints", tmp_path),
    }[how]
    wanted = ("--out", tmp_path, "--overwrite", "--formats", "json")
    assert run("predict", *given, *wanted) == 1
    assert "would replace the input" in error_of(capsys)
    assert found.read_bytes() == before
    assert names(tmp_path) == ["clip.json", "clip.mp4"]


def test_an_overlay_never_replaces_another_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 3)
    other = clip_at(tmp_path / "clip_overlay.mp4", 3)
    assert run("predict", clip, other, "--out", tmp_path, "--overwrite", "--overlay") == 1
    assert "clip_overlay.mp4: would replace the input" in error_of(capsys)
    assert names(tmp_path) == ["clip.mp4", "clip_overlay.mp4"]


@pytest.mark.parametrize("number", [1, 2, 12])
def test_two_results_are_never_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    clips = [clip_at(tmp_path / f"{name}.mp4", 3) for name in ("a", f"a_person{number}")]
    assert run("predict", *clips, "--out", tmp_path / "out", "--formats", "bvh") == 1
    assert f"a_person{number}.bvh: two results would be this file" in error_of(capsys)
    assert not (tmp_path / "out").exists()


def test_a_webcam_records_until_its_time_is_over(tmp_path: Path) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 30)
    out = tmp_path / "out"
    assert run("predict", "--webcam", clip, "--seconds", "0.8", "--out", out) == 0
    assert PoseTrack.load(out / "clip.npz").frames == 20


@pytest.mark.parametrize("while_it", ["is begun", "is settled"])
def test_ctrl_c_ends_a_recording_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, while_it: str
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 30)
    begin, settled = BlazePoseFinder.begin, BlazePoseFinder._settled
    recorded: list[int] = []

    def beginning(self: BlazePoseFinder, image: Picture, frame: int) -> Callable:
        if while_it == "is begun" and frame == 12:
            raise KeyboardInterrupt
        return begin(self, image, frame)

    def settling(self: BlazePoseFinder, look: Any) -> list:
        if while_it == "is settled" and look.frame == 12:
            raise KeyboardInterrupt
        recorded.append(look.frame)
        return settled(self, look)

    monkeypatch.setattr(BlazePoseFinder, "begin", beginning)
    monkeypatch.setattr(BlazePoseFinder, "_settled", settling)
    assert run("predict", "--webcam", clip, "--out", tmp_path / "out") == 0
    assert PoseTrack.load(tmp_path / "out" / "clip.npz").frames == 12
    assert recorded == list(range(12))


def test_a_folder_of_frames_is_a_video(tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(12):
        Image.fromarray(draw({"red": (100 + i, 120)})).save(folder / f"img_{i + 1:04d}.png")
    out = tmp_path / "out"
    assert run("predict", folder, "--out", out, "--fps", 20, "--overlay", "--html") == 0
    assert names(out) == ["frames.html", "frames.npz", "frames_overlay.mp4"]
    track = PoseTrack.load(out / "frames.npz")
    assert (track.people, track.frames, track.fps) == (1, 12, 20)
    with open_media(out / "frames_overlay.mp4") as media:
        assert media.info.fps == 20


def test_the_current_directory_of_frames_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    folder = tmp_path / "frames"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(draw({"red": (100 + i, 120)})).save(folder / f"{i}.png")
    monkeypatch.chdir(folder)
    assert run("predict", ".", "--out", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["frames.npz"]


def test_names_with_colons_are_files_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip_at(tmp_path / "clip.mp4", 5).rename(tmp_path / "12:30:00.mp4")
    monkeypatch.chdir(tmp_path)
    assert run("predict", "12:30:00.mp4", "--out", ".", "--overlay") == 0
    assert names(tmp_path) == ["12:30:00.mp4", "12:30:00.npz", "12:30:00_overlay.mp4"]


def test_names_as_long_as_they_may_be_work(tmp_path: Path) -> None:
    stem = "x" * 243  # NAME_overlay.mp4 has 255
    clip = clip_at(tmp_path / "clip.mp4", 5).rename(tmp_path / f"{stem}.mp4")
    assert run("predict", clip, "--out", tmp_path / "out", "--overlay") == 0
    assert names(tmp_path / "out") == [f"{stem}.npz", f"{stem}_overlay.mp4"]


def test_names_that_would_be_too_long_are_refused_before_anything_is_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = clip_at(tmp_path / "clip.mp4", 5).rename(tmp_path / f"{'ä' * 122}.mp4")
    out = tmp_path / "out"
    for _ in range(2):  # the directory is there at the second time
        assert run("predict", clip, "--out", out, "--overlay") == 1
        assert "got a name of 256 bytes, expected at most 255" in error_of(capsys)
        assert not out.exists() or names(out) == []
        out.mkdir(exist_ok=True)
