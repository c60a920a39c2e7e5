"""Pictures that move: GIF, animated PNG, WebP and AVIF, as clips with the times of their frames."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from overpose.media.clip import Clip, Picture
from overpose.media.clock import constant_rate_fps, placed
from overpose.media.photo import make_fit, open_picture, rgb_of
from overpose.media.upright import at_size

_UNSAID_S = 0.1
"""How long browsers show a frame that says no time, or a hundredth of a second at most."""


def open_animation(path: Path) -> Clip:
    """Open an animated picture; how often it is to be repeated does not matter here.

    Raises:
        InputError: it is damaged, or too large for memory.
    """
    with open_picture(path) as opened:
        width, height = opened.size
        make_fit(opened, path)
        stamps_s = [stamp_s for _, stamp_s in _frames(opened)]
    fps = constant_rate_fps(stamps_s, tick_s=0.001)
    return Clip(width, height, fps, placed(stamps_s, fps).index + 1, _pictures(path))


def _pictures(path: Path) -> Iterator[Picture]:
    with open_picture(path) as opened:
        size = opened.size
        for picture, stamp_s in _frames(opened):
            yield Picture(at_size(rgb_of(picture), size), stamp_s)


def _frames(opened: Image.Image) -> Iterator[tuple[Image.Image, float]]:
    """Each frame decoded, and when it begins, seconds."""
    stamp_s = 0.0
    # A PNG may have a picture for programs that know no animation, which is no part of it.
    for number in range(bool(opened.info.get("default_image")), getattr(opened, "n_frames", 1)):
        opened.seek(number)
        opened.load()
        yield opened, stamp_s
        shown_s = float(opened.info.get("duration") or 0) / 1000
        stamp_s += shown_s if shown_s > 0.01 else _UNSAID_S
