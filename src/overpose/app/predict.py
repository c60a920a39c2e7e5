"""Predicting people: `predict` and `demo`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from overpose.app.options import Format


@dataclass(frozen=True)
class Predict:
    """Find everybody in photos and videos, in 3D, and write it to files.

    Writes OUT/NAME.npz for every input, and on request other formats, the video with the skeletons
    drawn on it, and a page that plays in any browser. Inputs may also be files of 2D keypoints.

    Example: overpose predict clip.mp4 --out out --formats bvh csv --overlay --html
    """

    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Photos and videos, or keypoint files (see docs/keypoint-files.md)."""
    out: Path = Path("overpose-out")
    """Directory for the files."""
    formats: tuple[Format, ...] = ()
    """Formats to write besides .npz; see docs/formats.md."""
    overlay: bool = False
    """Also draw the skeletons on the video: NAME_overlay.mp4."""
    html: bool = False
    """Also write a page that plays anywhere, offline: NAME.html."""
    people: int | None = None
    """Keep at most that many people, the most present ones."""
    track: int | None = None
    """Keep only the person of this number."""
    keypoints: str = "full"
    """What finds 2D keypoints: full (faster) or heavy (better) BlazePose, rtmlib, or a file."""
    model: Path | None = None
    """Directory of a model trained with overpose, instead of the shipped ones."""
    focal_px: float | None = None
    """Focal length of the camera in pixels; assumed if it is not known."""
    fov_deg: float | None = None
    """Or its angle of view across the longer side of the image."""
    height_m: float | None = None
    """Standing height of the people, metres: sets the scale."""
    smooth: Literal["zero-phase", "one-euro", "none"] = "zero-phase"
    """zero-phase: no delay; one-euro: as in live use."""
    bridge_s: float = 0.25
    """Longest gap in a track that is filled, seconds."""
    constant_limbs: bool = True
    """Give each person limbs of the same lengths in all frames."""
    webcam: str | None = None
    """Record from this camera (0 is the first) instead of files; Ctrl-C ends it."""
    seconds: float | None = None
    """How long to record from the webcam."""
    overwrite: bool = False
    """Replace earlier files."""

    def run(self) -> None:
        from overpose.video.posing import PredictOptions
        from overpose.video.predict import Outputs, predict

        options = PredictOptions(
            people=self.people,
            track=self.track,
            focal_px=self.focal_px,
            fov_deg=self.fov_deg,
            height_m=self.height_m,
            smooth=self.smooth,
            bridge_s=self.bridge_s,
            constant_limbs=self.constant_limbs,
        )
        outputs = Outputs(
            self.out, self.formats, overlay=self.overlay, html=self.html, overwrite=self.overwrite
        )
        written = predict(
            self.inputs,
            outputs,
            options,
            keypoints=self.keypoints,
            model=self.model,
            webcam=self.webcam,
            seconds=self.seconds,
        )
        for path in written:
            print(path, flush=True)


@dataclass(frozen=True)
class Demo:
    """Predict the people of a real clip, downloaded once, and write every kind of output.

    Example: overpose demo --out overpose-demo
    """

    out: Path = Path("overpose-demo")
    """Directory for the files."""
    overwrite: bool = False
    """Replace the files of an earlier demo."""

    def run(self) -> None:
        from overpose.video.demo import demo

        for line in demo(self.out, overwrite=self.overwrite):
            print(line, flush=True)
