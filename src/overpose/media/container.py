"""Video files through FFmpeg: the best stream of a local file, every frame of it that can be had.

A first pass over the packets, undecoded, tells how many frames there are and when. FFmpeg opens the
file itself and nothing else: no network, no further files, no playlists. The constant rate belongs
to `clock`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import ArgumentError, FFmpegError
from av.stream import Disposition

from overpose.media.clip import Clip, Picture
from overpose.media.clock import LONGEST_GAP_S, constant_rate_fps, placed
from overpose.media.focal_tags import focal_35mm_of_video, focal_px_of_35mm
from overpose.media.planes import PlanarImage, planar_image, rgb_of_frame
from overpose.media.upright import AS_STORED, Turn, at_size, turn_of_matrix, turned
from overpose.support.errors import InputError
from overpose.support.object_storage import RemotePath, StorageError, as_file
from overpose.support.progress import say

_FORMATS = (
    "mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc", "vvc", "obu",
    "ivf", "ogg", "flv", "live_flv", "asf", "rm", "mxf", "gxf", "nut", "nsv", "dv", "mjpeg",
    "yuv4mpegpipe", "wtv", "vc1", "h261", "h263", "cavsvideo", "dirac", "amv", "nuv", "smjpeg",
)  # fmt: skip
"""FFmpeg's readers of files that hold a video; its others open what a file names (playlists, image
patterns, session descriptions), or draw text."""
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(_FORMATS)}
_ERRORS = (FFmpegError, OSError, ValueError)
"""What PyAV raises about a file."""
LARGEST_FRAME_PX = 36_000_000
"""Pixels of the largest frames that are decoded, several at a time: those of 8K."""
_LARGE_PX = 1920 * 1088
"""Pixels of frames beyond which decoding takes several threads. Up to there one keeps pace with all
else, and what FFmpeg makes of a damaged H.264 video is the same every time, with several it is not.
"""
_AS_FFMPEG_LIKES = 0
_COVERS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_MOST_FAILURES = 100
"""Errors of reading (not decoding) after which a file is taken to be at its end."""
_STRETCH = (Fraction(1, 8), Fraction(8))
"""Sample aspect ratios outside are taken for nonsense."""


@dataclass(eq=False)
class _Track:
    """The packets of one stream that are to be shown: time stamps, in order of presentation."""

    stamps: list[int] = field(default_factory=list)
    shown: int = 0
    _run: list[int] = field(default_factory=list)
    _decoded_at: int | None = None

    def add(self, packet: Any, longest_gap: float) -> None:
        """Count a packet; the clock's jumps end a run of packets that are sorted by time."""
        self.shown += 1
        at, before = packet.dts, self._decoded_at
        if at is not None:
            if before is not None and not 0 <= at - before <= longest_gap:
                self.end_run()
            self._decoded_at = at
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self._run.append(stamp)

    def end_run(self) -> None:
        """Sort what came since the last jump; B-frames are stored out of order."""
        self.stamps += sorted(self._run)
        self._run = []


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The stream to read.

    Attributes:
        index: its number in the file.
        fps, frames: of the constant rate.
        packets: how many frames are there.
        expected: how many there should be, as far as the file says.
        focal_35mm: focal length in 35 mm terms, as the file says it.
    """

    index: int
    fps: float
    frames: int
    packets: int
    expected: int | None
    focal_35mm: str | None


def open_container(path: Path, *, threads: int | None = None) -> Clip:
    """Open a video file.

    Args:
        path: the file.
        threads: that decode large frames; None: as many as FFmpeg takes for all cores.

    Raises:
        InputError: it cannot be read, is of a format that is not, or has no video with frames.
    """
    container = _open(path)
    try:
        chosen = _choose(container, path)
    finally:
        container.close()
    pictures = _pictures(path, chosen, threads or _AS_FFMPEG_LIKES)
    first = next(pictures, None)
    if first is None:
        raise InputError(f"{path}: no frame in it can be read; is the file whole?")
    height, width = first.image.shape[:2]
    focal_px = focal_px_of_35mm(chosen.focal_35mm, width, height)
    return Clip(width, height, chosen.fps, chosen.frames, _chained(first, pictures), focal_px)


def local_url(path: Path) -> str:
    """A file's name as FFmpeg takes it for nothing else, whatever colons are in it."""
    return f"file:{path.absolute()}"


def open_file(path: Path) -> Any:
    """PyAV's container of a video file, whatever its name and whatever it names.

    Raises:
        FFmpegError, OSError, ValueError: as PyAV.
    """
    file = as_file(path) if isinstance(path, RemotePath) else local_url(path)
    return av.open(file, options=dict(_OPTIONS), metadata_errors="replace")


def _open(path: Path) -> Any:
    try:
        return open_file(path)
    except StorageError:
        raise
    except _ERRORS as error:
        reason = _reason(error)
        if isinstance(error, ArgumentError):
            reason = "its format is not read; playlists, which name other files, are not either"
        raise InputError(
            f"{path}: neither a photo nor a video that can be read ({reason})"
        ) from None


def _choose(container: Any, path: Path) -> _Chosen:
    """The stream that is the video: one of several frames rather than a cover, the file's default
    one, the largest."""
    streams = [stream for stream in container.streams.video if stream.codec_context is not None]
    tracks = {stream.index: _Track() for stream in streams}
    gaps = {stream.index: LONGEST_GAP_S / float(stream.time_base or 1) for stream in streams}
    if streams:
        for packet in _packets(container, streams):
            if packet.size and not packet.is_discard:
                tracks[packet.stream_index].add(packet, gaps[packet.stream_index])

    def rank(stream: Any) -> tuple[bool, bool, int]:
        several, is_default = (
            tracks[stream.index].shown > 1,
            bool(stream.disposition & Disposition.default),
        )
        return several, is_default, stream.width * stream.height

    streams = [stream for stream in streams if tracks[stream.index].shown and not _is_cover(stream)]
    if not streams:
        if any(not _is_cover(stream) for stream in container.streams.video):
            raise InputError(f"{path}: no frame in it can be read; is the file whole?")
        raise InputError(f"{path}: no video in it; expected a photo or a video")
    stream = max(streams, key=rank)
    if stream.width * stream.height > LARGEST_FRAME_PX:
        raise InputError(
            f"{path}: got frames of {stream.width}x{stream.height} pixels, expected at most "
            f"{LARGEST_FRAME_PX / 1e6:.0f} megapixels"
        )
    track = tracks[stream.index]
    track.end_run()
    tick_s = float(stream.time_base or 0)
    stamps_s = (np.array(track.stamps, np.float64) * tick_s).tolist()
    stated = (stream.average_rate, stream.base_rate, stream.guessed_rate)
    fps = constant_rate_fps(stamps_s, [float(rate) for rate in stated if rate], tick_s=tick_s)
    frames = placed(stamps_s, fps).index + 1 if len(stamps_s) == track.shown else track.shown
    focal_35mm = focal_35mm_of_video((stream.metadata, container.metadata))
    return _Chosen(stream.index, fps, frames, track.shown, _expected(container, stream), focal_35mm)


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & _COVERS)


def _expected(container: Any, stream: Any) -> int | None:
    """How many frames the file says it has; those that an edit list leaves out do not count."""
    if "mov" in container.format.name:
        return sum(not entry.is_discard for entry in stream.index_entries) or None
    return stream.frames or None


def _packets(container: Any, streams: list[Any]) -> Iterator[Any]:
    """Packets to the end of the file, past what cannot be read in between."""
    for _ in range(_MOST_FAILURES):
        try:
            yield from container.demux(streams)
            return
        except StorageError:
            raise
        except _ERRORS:
            continue


def _pictures(path: Path, chosen: _Chosen, threads: int) -> Iterator[Picture]:
    """Every picture that can be decoded; at the end it is said what could not."""
    container = _open(path)
    try:
        stream = container.streams[chosen.index]
        stream.thread_type = "AUTO"
        is_large = stream.width * stream.height > _LARGE_PX
        stream.codec_context.thread_count = threads if is_large else 1
        stretch = stream.sample_aspect_ratio
        count = failed = lost = 0
        reason, size = "", None
        turn, degrees = AS_STORED, None
        for packet in _packets(container, [stream]):
            try:
                seen = []
                for frame in packet.decode():
                    if frame.rotation != degrees:
                        turn, degrees = _turn(frame), frame.rotation
                    seen.append((frame.time, _image(frame, turn, stretch)))
            except StorageError:
                raise
            except _ERRORS as error:
                if packet.size:
                    failed, lost, reason = failed + 1, lost + 1, _reason(error)
                continue
            for stamp_s, image in seen:
                image = _of_size(image, size)
                size = image.shape[1::-1]
                yield Picture(image, stamp_s, lost)
                count, lost = count + 1, 0
    finally:
        container.close()
    if failed and count:
        missing = min(failed, max(1, chosen.packets - count))
        say(
            f"{path}: damaged: {missing} of {chosen.packets} frames cannot be decoded ({reason}); "
            "the one before is shown in their place"
        )
    if chosen.expected and chosen.packets < chosen.expected - 1:
        say(f"{path}: cut short: {chosen.packets} of {chosen.expected} frames can be read")


def _image(frame: Any, turn: Turn, stretch: Fraction | None) -> np.ndarray | PlanarImage:
    """A decoded frame, upright and in square pixels."""
    if stretch and stretch != 1 and _STRETCH[0] <= stretch <= _STRETCH[1]:
        wide = max(1, round(frame.width * stretch))
        return turned(rgb_of_frame(frame, width=wide, height=frame.height), turn)
    planar = planar_image(frame, turn)
    return turned(rgb_of_frame(frame), turn) if planar is None else planar


def _of_size(
    image: np.ndarray | PlanarImage, size: tuple[int, ...] | None
) -> np.ndarray | PlanarImage:
    """The picture as it is stored, or RGB in memory of its own where that has another size."""
    if isinstance(image, PlanarImage) and size in (None, image.shape[1::-1]):
        return image
    return at_size(np.asarray(image), size)


def _turn(frame: Any) -> Turn:
    """How a frame lies. Not to be asked of every frame: PyAV's side data and their frame hold each
    other, and so the frame's megabytes, until Python next looks for cycles."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return AS_STORED if matrix is None else turn_of_matrix(bytes(matrix))


def _chained(first: Picture, rest: Iterator[Picture]) -> Iterator[Picture]:
    try:
        yield first
        yield from rest
    finally:
        rest.close()  # type: ignore[attr-defined]


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error).splitlines()[0]
