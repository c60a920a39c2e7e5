"""Predicting people: `predict` and `demo`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from overpose.app.options import Format
from overpose.video.options import PredictOptions


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
    keypoints: str = "full"
    """What finds 2D keypoints: full (faster) or heavy (better) BlazePose, rtmlib, or a file."""
    model: Path | None = None
    """Directory of a model trained with overpose, instead of the shipped ones."""
    webcam: str | None = None
    """Record from this camera (0 is the first) instead of files; Ctrl-C ends it."""
    seconds: float | None = None
    """How long to record from the webcam."""
    poses: PredictOptions = field(default_factory=PredictOptions)
    overwrite: bool = False
    """Replace earlier files."""

    def run(self) -> None:
        from overpose.video.predict import Outputs, predict

        outputs = Outputs(
            self.out, self.formats, overlay=self.overlay, html=self.html, overwrite=self.overwrite
        )
        written = predict(
            self.inputs,
            outputs,
            self.poses,
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
