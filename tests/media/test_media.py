"""Reading photos and videos."""

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from overpose.media.video import open_media
from overpose.support.errors import InputError


def coloured(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A frame whose left half is bright by its number, the right half dark."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = min(10 * number + 20, 250)
    return image


def write_clip(
    path: Path, times: list[float], *, codec: str = "mpeg4", pixels: str = "yuv420p", size=(64, 48)
) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        ticks = 25 if path.suffix == ".avi" else 1000  # an .avi takes them for its frame rate
        stream.codec_context.time_base = Fraction(1, ticks)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(coloured(number, *size), format="rgb24")
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = round(time * ticks), Fraction(1, ticks)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def brightness(image: np.ndarray) -> float:
    return float(image[:, : image.shape[1] // 2].mean())


def test_a_video_gives_every_frame_in_order(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, [i / 25 for i in range(10)])
    with open_media(path) as media:
        assert (media.info.width, media.info.height, media.info.is_photo) == (64, 48, False)
        assert media.info.fps == pytest.approx(25, rel=0.01)
        frames = list(media)
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.time_s for frame in frames] == pytest.approx(
        [i / 25 for i in range(10)], rel=0.01
    )
    levels = [brightness(frame.image) for frame in frames]
    assert np.allclose(levels, [10 * i + 20 for i in range(10)], atol=6)


def test_a_variable_frame_rate_becomes_constant_and_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.mkv"
    times = [0.0, 0.04, 0.08, 0.12, 0.36, 0.40, 0.44, 0.48]
    write_clip(path, times)
    with open_media(path) as media:
        fps = media.info.fps
        frames = list(media)
    at = round(0.24 * fps)  # in the long gap the fourth frame stays
    assert brightness(frames[at].image) == pytest.approx(50, abs=6)
    assert frames[at].repeated
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert frames[-1].time_s == pytest.approx(times[-1], abs=1.5 / fps)
    assert capsys.readouterr().err.count("variable frame rate") == 1


def test_grey_video_and_odd_sizes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "grey.mkv"
    write_clip(path, [0.0, 0.04], codec="ffv1", pixels="gray", size=(63, 47))
    with open_media(path) as media:
        images = [frame.image for frame in media]
    assert [image.shape for image in images] == [(47, 63, 3)] * 2
    assert images[1].dtype == np.uint8


def test_video_with_alpha_and_ten_bits_are_read(tmp_path: Path) -> None:
    for number, pixels in enumerate(("yuva420p", "yuv420p10le")):
        path = tmp_path / f"{number}.mkv"
        write_clip(path, [0.0, 0.04], codec="ffv1", pixels=pixels)
        with open_media(path) as media:
            assert [brightness(f.image) for f in media] == pytest.approx([20, 30], abs=4)


def test_a_truncated_video_gives_what_is_whole_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "clip.avi"
    write_clip(path, [i / 25 for i in range(40)], size=(320, 240))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with open_media(path) as media:
        count = sum(1 for _ in media)
    assert 0 < count < 40
    assert "cut short" in capsys.readouterr().err


def test_closing_early_stops_the_decoding_thread(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, [i / 25 for i in range(60)])
    with open_media(path) as media:
        next(iter(media))
    assert not [t for t in threading.enumerate() if t.name == "overpose-decode"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.mp4", b"this is no video", "neither a photo nor a video"),
        ("empty.mp4", b"", "neither a photo nor a video"),
        ("half.png", b"\x89PNG\r\n\x1a\n broken", "damaged or not a picture"),
        ("half.jpg", b"\xff\xd8\xff\xe0\x00", "damaged or not a picture"),
    ],
)
def test_files_that_are_no_media_are_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_media(tmp_path / name)


def test_missing_files_and_directories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_media(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="got a directory"):
        open_media(tmp_path)


def test_a_photo_is_a_video_of_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(coloured(3)).save(path)
    with open_media(path) as media:
        frames = list(media)
        assert (media.info.fps, media.info.frames, media.info.is_photo) == (1.0, 1, True)
    assert len(frames) == 1
    assert np.array_equal(frames[0].image, coloured(3))


def test_photos_turn_upright_and_tell_their_focal_length(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    exif.get_ifd(0x8769)[0xA405] = 26
    Image.fromarray(coloured(20)).save(path, exif=exif, quality=95)
    with open_media(path) as media:
        image = next(iter(media)).image
        assert media.info.focal_px == pytest.approx(26 * 80 / 43.27, rel=1e-3)
    assert image.shape == (64, 48, 3)
    assert image[:20].mean() > 200
    assert image[-20:].mean() < 20


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "RGBA", "I;16"])
def test_photos_of_every_mode_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    grey = np.full((8, 8), 255, np.uint8)
    grey[:, :4] = 0
    if mode == "I;16":
        picture = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).convert(mode)
    picture.save(path)
    with open_media(path) as media:
        image = next(iter(media)).image
    assert image.shape == (8, 8, 3)
    assert image[:, 5:].min() > 240
    assert image[:, :3].max() < 40


def test_transparent_parts_of_a_photo_are_white(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(path)
    with open_media(path) as media:
        assert next(iter(media)).image.min() == 255
