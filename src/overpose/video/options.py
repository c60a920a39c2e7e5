"""What a user can choose about the poses of a photo or video. Imports nothing heavy: the command
line shows these options."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from overpose.support.errors import InputError, UsageError
from overpose.video.focal import focal_from_fov

Every = int | Literal["auto"]
Smoothing = Literal["zero-phase", "one-euro", "none"]


@dataclass(frozen=True)
class PredictOptions:
    """What a user can choose about the poses of a photo or video.

    Raises:
        InputError: a value is out of its range, or two exclude each other.
    """

    people: int | None = None
    """Keep at most that many people, the most present ones; all if not given."""
    track: int | None = None
    """Keep only the person of this number."""
    keep_doubtful: bool = False
    """Keep also those found who hardly look like real people (see person_score)."""
    focal_px: float | None = None
    """Focal length of the camera in pixels; assumed if it is not known."""
    fov_deg: float | None = None
    """Or its angle of view across the longer side of the image, degrees."""
    camera: Path | None = None
    """Or a file of the measured camera: OpenCV, TOML, Qualisys or COLMAP (see docs/world.md)."""
    camera_name: str | None = None
    """Which camera of that file, if it has several and none is called like the video."""
    height_m: float | None = None
    """Standing height of the people, metres: sets the scale."""
    ground: bool = True
    """Look for gravity and the floor of a camera that stands still or turns in its place."""
    level: bool = False
    """The camera was level: neither tilted nor rolled."""
    every: Every = 1
    """Look for keypoints on every frame, or one of so many, those between interpolated; auto: 30
    times a second, and on every frame while somebody moves fast."""
    smooth: Smoothing = "zero-phase"
    """zero-phase: low-pass without delay; one-euro: as in live use."""
    bridge_s: float = 0.25
    """Longest gap in a person's track that is filled by a straight line, seconds."""
    constant_limbs: bool = True
    """Give each person limbs of the same lengths in all frames."""

    def __post_init__(self) -> None:
        for name in ("people", "track"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}: got {value}, expected at least 1")
        if self.every != "auto" and self.every < 1:
            raise InputError(f"every: got {self.every}, expected at least 1, or auto")
        given = [n for n in ("focal_px", "fov_deg", "camera") if getattr(self, n) is not None]
        if len(given) > 1:
            wrong = UsageError if self.camera is not None else InputError
            raise wrong(f"got {' and '.join(given)}, expected one of them or none")
        if self.level and not self.ground:
            raise UsageError("got level and no-ground, expected one of them or none")
        if self.camera_name is not None and self.camera is None:
            raise UsageError("camera_name: got it without camera, the file that it names one of")
        if self.focal_px is not None and not (math.isfinite(self.focal_px) and self.focal_px > 0):
            raise InputError(f"focal_px: got {self.focal_px}, expected a positive number of pixels")
        if self.fov_deg is not None:
            focal_from_fov(self.fov_deg, 1, 1)  # refuses what is no angle
        if self.height_m is not None and not 0.3 <= self.height_m <= 2.8:
            raise InputError(f"height_m: got {self.height_m}, expected 0.3 to 2.8 metres")
        if self.smooth not in get_args(Smoothing):
            raise InputError(
                f"smooth: got {self.smooth!r}, expected one of {', '.join(get_args(Smoothing))}"
            )
        if not (math.isfinite(self.bridge_s) and self.bridge_s >= 0):
            raise InputError(f"bridge_s: got {self.bridge_s}, expected zero or more seconds")
