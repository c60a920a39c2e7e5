"""Video files as people have them: damaged, cut, joined, with covers and playlists beside them."""

import gc
import os
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import destroy, level, number_of, packets_of, write_frames

from overpose.media import container
from overpose.media.video import Frame, MediaInfo, open_media
from overpose.support.errors import InputError

COUNT = 20


def times(count: int = COUNT, fps: float = 25.0, start_s: float = 0.0) -> list[float]:
    return [start_s + i / fps for i in range(count)]


def read(path: Path) -> tuple[MediaInfo, list[Frame]]:
    with open_media(path) as media:
        return media.info, list(media)


def numbers(frames: list[Frame]) -> list[int]:
    return [number_of(frame.image) for frame in frames]


@pytest.mark.parametrize(
    ("codec", "pixels", "suffix", "options"),
    [
        ("mjpeg", "yuvj420p", ".avi", {}),
        ("ffv1", "yuv420p", ".mkv", {"g": "1"}),
        ("mpeg4", "yuv420p", ".avi", {"g": "1"}),
        ("libx264", "yuv420p", ".mp4", {"g": "1"}),
        ("libx265", "yuv420p", ".mp4", {"x265-params": "keyint=1:log-level=none"}),
        ("libvpx-vp9", "yuv420p", ".webm", {"g": "1", "deadline": "realtime"}),
        ("png", "rgb24", ".mov", {}),
    ],
)
def test_a_damaged_packet_costs_its_frame_and_not_the_rest(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    codec: str,
    pixels: str,
    suffix: str,
    options: dict[str, str],
) -> None:
    path = tmp_path / f"clip{suffix}"
    images = [level(i) for i in range(COUNT)]
    ticks = 25 if suffix == ".avi" else 1000
    write_frames(path, images, times(), codec=codec, pixels=pixels, options=options, ticks=ticks)
    destroy(path, 8)
    info, frames = read(path)
    assert info.frames == COUNT
    shown = numbers(frames)
    assert len(shown) == COUNT
    others = [i for i in range(COUNT) if i != 8]
    assert [shown[i] for i in others] == others
    assert capsys.readouterr().err.count("damaged: 1 of 20 frames cannot be decoded") <= 1


def test_a_damaged_frame_is_said_and_the_one_before_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.avi"
    write_frames(
        path, [level(i) for i in range(COUNT)], times(), codec="mjpeg", pixels="yuvj420p", ticks=25
    )
    for packet in (8, 9, 15):
        destroy(path, packet)
    _, frames = read(path)
    assert numbers(frames) == [*range(8), 7, 7, *range(10, 15), 14, *range(16, 20)]
    assert [frame.index for frame in frames if frame.repeated] == [8, 9, 15]
    said = capsys.readouterr().err
    assert "damaged: 3 of 20 frames cannot be decoded" in said
    assert "variable" not in said


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are not counted here")
def test_a_damaged_video_looks_the_same_on_any_number_of_cores(tmp_path: Path) -> None:
    path, rng = tmp_path / "clip.mp4", np.random.default_rng(0)
    picture = cv2.resize(rng.integers(0, 256, (24, 32, 3), np.uint8), (160, 120))
    moving = [np.roll(picture, (2 * i, 5 * i), (0, 1)) for i in range(12)]
    write_frames(path, moving, times(12), codec="libx264")
    start, size = packets_of(path)[1]
    raw = bytearray(path.read_bytes())
    raw[start + size // 10] ^= 255
    path.write_bytes(raw)
    cores, many = os.sched_getaffinity(0), [frame.image for frame in read(path)[1]]
    os.sched_setaffinity(0, {min(cores)})
    try:
        np.testing.assert_array_equal([frame.image for frame in read(path)[1]], many)
    finally:
        os.sched_setaffinity(0, cores)


def test_the_video_is_the_stream_of_several_frames_not_the_cover(tmp_path: Path) -> None:
    path = tmp_path / "drone.mkv"
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for codec, pixels, size in (("mjpeg", "yuvj420p", 320), ("ffv1", "yuv420p", 64)):
            stream: Any = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = size, size // 2, pixels
            streams.append(stream)
        container.mux(
            streams[0].encode(av.VideoFrame.from_ndarray(level(29, 320, 160), format="rgb24"))
        )
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(level(number, 64, 32), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(streams[1].encode(frame))
        for stream in streams:
            container.mux(stream.encode(None))
    info, frames = read(path)
    assert (info.width, info.height) == (64, 32)
    assert numbers(frames) == list(range(10))


def test_a_picture_attached_to_a_video_is_not_the_video(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        streams: list[Any] = []
        for codec, pixels, size in (("mjpeg", "yuvj420p", 320), ("mpeg4", "yuv420p", 64)):
            stream: Any = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = size, size // 2, pixels
            streams.append(stream)
        streams[0].disposition = av.stream.Disposition.attached_pic
        for _ in range(2):
            for stream, size in zip(streams, (320, 64), strict=True):
                image = av.VideoFrame.from_ndarray(level(1, size, size // 2), format="rgb24")
                container.mux(stream.encode(image))
        for stream in streams:
            container.mux(stream.encode(None))
    assert read(path)[0].width == 64


def test_a_recording_that_states_no_rate_has_that_of_its_stamps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.webm"
    rng = np.random.default_rng(1)
    jitter = rng.integers(-8, 9, 30) / 1000
    jitter[0] = 0
    stamps = (np.array(times(30, 30.0)) + jitter).tolist()
    write_frames(path, [level(i) for i in range(30)], stamps, codec="vp8")
    raw = path.read_bytes()  # without DefaultDuration, as MediaRecorder writes
    at = raw.index(b"\x23\xe3\x83")
    path.write_bytes(raw[:at] + b"\xec" + bytes([0x80 + 6]) + raw[at + 2 :])
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate in (None, Fraction(30, 1), Fraction(1000))
    info, frames = read(path)
    assert info.fps == pytest.approx(30, rel=0.03)
    assert numbers(frames) == list(range(30))
    assert "variable" not in capsys.readouterr().err


def test_an_edit_list_shows_its_part_and_nothing_is_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.mp4"
    write_frames(path, [level(i) for i in range(COUNT)], times(), ticks=12800)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"elst") + 8  # version and flags, number of entries, then the first entry
    raw[at + 4 : at + 12] = (400).to_bytes(4, "big") + (4 * 512).to_bytes(4, "big")
    path.write_bytes(raw)
    info, frames = read(path)
    assert numbers(frames) == list(range(4, 14))
    assert info.frames == 10
    assert "cut short" not in capsys.readouterr().err


def test_a_truncated_mp4_is_said_to_be_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.mp4"
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(COUNT)]
    write_frames(path, noise, times())
    with (
        av.open(str(path)) as source,
        av.open(  # the index first, as for the web
            str(tmp_path / "fast.mp4"), "w", options={"movflags": "+faststart"}
        ) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    start, size = packets_of(tmp_path / "fast.mp4")[12]
    path.write_bytes((tmp_path / "fast.mp4").read_bytes()[: start + size // 2])
    _, frames = read(path)
    assert 10 <= len(frames) <= 13
    assert "of 20 frames can be read" in capsys.readouterr().err


def transport_stream(path: Path, first: int, start_s: float) -> bytes:
    images = [level(i) for i in range(first, first + 10)]
    stamps = times(10, start_s=start_s)
    write_frames(path, images, stamps, codec="libx264", ticks=90000, options={"bf": "2"})
    return path.read_bytes()


@pytest.mark.parametrize(
    ("second_s", "jump"),
    [(0.0, "-0.36"), (100.4, "+100.04"), (0.2, "-0.16")],
)
def test_joined_streams_whose_clock_jumps_give_every_frame_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second_s: float, jump: str
) -> None:
    path = tmp_path / "joined.ts"
    parts = [
        transport_stream(tmp_path / f"{number}.ts", 10 * number, start)
        for number, start in enumerate((0.0, second_s))
    ]
    path.write_bytes(b"".join(parts))
    info, frames = read(path)
    assert numbers(frames) == list(range(20))
    assert info.frames == 20
    assert capsys.readouterr().err.count("its clock jumps once") == 1, jump


def test_a_second_stream_that_began_earlier_is_no_day_long_gap(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "back.ts"
    parts = [transport_stream(tmp_path / f"{n}.ts", 10 * n, s) for n, s in ((0, 100.0), (1, 0.0))]
    path.write_bytes(b"".join(parts))
    info, frames = read(path)
    assert numbers(frames) == list(range(20))
    assert info.frames == 20
    assert "its clock jumps once" in capsys.readouterr().err


def test_a_gap_of_a_hundred_days_is_bounded_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gap.mkv"
    stamps = [*times(5), 100 * 86400.0]
    write_frames(path, [level(i) for i in range(6)], stamps)
    info, frames = read(path)
    assert numbers(frames) == list(range(6))
    assert info.frames == 6
    assert "+8639999.84 s after 5 frames" in capsys.readouterr().err


def test_a_pause_of_seconds_keeps_its_length(tmp_path: Path) -> None:
    path = tmp_path / "pause.mkv"
    write_frames(path, [level(i) for i in range(6)], [*times(5), 4.0])
    info, frames = read(path)
    assert info.frames == len(frames) == 101
    assert [frame.number for frame in frames] == [0, 1, 2, 3, *[4] * 96, 5]


@pytest.mark.parametrize(
    "name",
    ["2024-05-01T12:30:00.mp4", "http:x.mp4", "concat:a.mp4", "data:,x.mp4", "pipe:0.mp4",
     "file:x.mp4", "50%_%03d.mp4", "a b'c\"d.mp4", "-i.mp4", "été ☃.mp4"],
)  # fmt: skip
def test_any_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write_frames(tmp_path / "clip.mp4", [level(3)] * 2, [0, 0.04])
    Path("clip.mp4").rename(name)
    assert numbers(read(Path(name))[1]) == [3, 3]


def test_a_name_that_is_no_text_is_a_file(tmp_path: Path) -> None:
    write_frames(tmp_path / "clip.mp4", [level(3)] * 2, [0, 0.04])
    name = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    (tmp_path / "clip.mp4").rename(name)
    assert numbers(read(name)[1]) == [3, 3]


@pytest.mark.parametrize("address", ["http://x.org/a.mp4", "rtsp://x/a", "concat:a|b", "data:,a"])
def test_other_addresses_are_names_of_files_that_there_are_not(address: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_media(address)


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n",
    "list.txt": "ffconcat version 1.0\nfile clip.mp4\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "text.txt": "hello, I am a letter and no video\n" * 50,
    "list.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_what_names_other_files_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    write_frames(tmp_path / "clip.mp4", [level(3)] * 2, [0, 0.04])
    (tmp_path / name).write_text(PLAYLISTS[name])
    with pytest.raises(InputError, match="neither a photo nor a video that can be read") as error:
        open_media(tmp_path / name)
    assert "\n" not in str(error.value)


def test_music_with_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video in it"):
        open_media(path)


def test_frames_too_large_for_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_frames(tmp_path / "clip.mp4", [level(3)] * 2, [0, 0.04])
    monkeypatch.setattr(container, "LARGEST_FRAME_PX", 64 * 48 - 1)
    with pytest.raises(InputError, match="got frames of 64x48 pixels"):
        open_media(tmp_path / "clip.mp4")


@pytest.mark.parametrize("matrix", [1, 9, 10, 12, 14, 17])
def test_colours_that_are_not_converted_do_not_cost_the_video(tmp_path: Path, matrix: int) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace = matrix
        for number in (3, 4):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(level(number), format="rgb24")))
        file.mux(stream.encode(None))
    assert numbers(read(path)[1]) == [3, 4]


@pytest.mark.parametrize(("before_s", "fps"), [(0.1, 25.0), (0.3, 25.0), (20, 0.25), (80, 0.25)])
def test_a_clock_of_33_bits_that_wraps_is_no_jump(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before_s: float, fps: float
) -> None:
    path = tmp_path / "wraps.ts"
    stamps = times(28, fps, 2**33 / 90000 - before_s)
    write_frames(path, [level(i) for i in range(28)], stamps, codec="libx264", ticks=90000)
    info, frames = read(path)
    assert [number_of(frame.image) for frame in frames if not frame.repeated] == list(range(28))
    assert info.frames == len(frames) == pytest.approx(27 / fps * info.fps + 1, abs=1)
    assert "clock jumps" not in capsys.readouterr().err


def test_of_two_videos_the_default_and_then_the_larger_is_read(tmp_path: Path) -> None:
    for default, width in ((0, 32), (1, 64), (None, 64)):
        path = tmp_path / f"{default}.mkv"
        with av.open(str(path), "w") as file:
            streams: list[Any] = []
            for number, side in enumerate((32, 64)):
                stream: Any = file.add_stream("ffv1", rate=25)
                stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
                chosen = default is None or number == default
                stream.disposition = av.stream.Disposition.default if chosen else 0
                streams.append(stream)
            for _ in range(3):
                for stream in streams:
                    image = level(1, stream.width, stream.height)
                    file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            for stream in streams:
                file.mux(stream.encode(None))
        assert read(path)[0].width == width


def test_frames_do_not_wait_for_the_collection_of_cycles(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_frames(path, [level(n) for n in range(12)], [n / 25 for n in range(12)])
    gc.collect()
    gc.disable()
    try:
        with open_media(path) as media:
            assert sum(1 for _ in media) == 12
        held = sum(type(item) is av.VideoFrame for item in gc.get_objects())
    finally:
        gc.enable()
    assert held <= 2


def test_a_thread_that_cannot_start_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clip.mp4"
    write_frames(path, [level(n) for n in range(3)], [n / 25 for n in range(3)])

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    media = open_media(path)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="new thread"), media:
        next(iter(media))
