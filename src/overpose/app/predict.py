"""Predicting people: `predict` and `demo`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from overpose.app.options import Part, Ray, cluster_at
from overpose.formats import Format
from overpose.formats.bvh_names import Names
from overpose.formats.format import Frame
from overpose.keypoints.engines import AUTO, Engine
from overpose.support.files import Output
from overpose.video.options import PredictOptions


@dataclass(frozen=True)
class Predict:
    """Find everybody in photos and videos, in 3D, and write it to files.

    Writes OUT/NAME.npz for every input, and on request other formats, the video with the skeletons
    drawn on it, and a page that plays in any browser. Inputs may also be files of 2D keypoints.

    Example: overpose predict clip.mp4 --out out --formats bvh csv --overlay --html
    """

    elsewhere: ClassVar = ("inputs", "keypoints", "model", "camera", "out")
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Photos, videos, folders of numbered frames, or keypoint files (docs/keypoint-files.md)."""
    formats: tuple[Format, ...] = ()
    """Formats to write besides .npz; see docs/formats.md."""
    names: Names = "overpose"
    """Names of the bones in BVH files, as other programs expect them."""
    frame: Frame = "world"
    """Axes of BVH, C3D, TRC, MOT and GLB: the world, where it is known, or about the camera."""
    overlay: bool = False
    """Also draw the skeletons on the video: NAME_overlay.mp4."""
    html: bool = False
    """Also write a page that plays anywhere, offline: NAME.html."""
    report: bool = False
    """Also draw a page for each person: NAME_report.png (extra report; docs/report.md)."""
    keypoints: Engine | Path = AUTO
    """A file of 2D keypoints, or the engine that finds them (full is faster, heavy better; auto is
    heavy for photos and full for videos)."""
    layout: str | None = None
    """Layout of keypoints in a file that does not name them, if their number does not tell, e.g.
    human36m-17 (see docs/keypoint-files.md)."""
    model: Path | None = None
    """Directory of a model trained with overpose, or its ONNX file, instead of the shipped ones."""
    webcam: str | None = None
    """Record from this camera (0 is the first) instead of files; Ctrl-C ends it."""
    seconds: float | None = None
    """How long to record from the webcam."""
    stream: str | None = None
    """Send the people of the webcam, or of one video played in real time, by the VMC protocol to
    osc://HOST:PORT as they move (docs/streaming.md); nothing is written then."""
    fps: float | None = None
    """Frames a second of a folder of frames; 30 if not given."""
    shard: Part = None
    """Predict this part of the inputs only, i/N: part i of N, i from 0 to N - 1. Give every part
    the same inputs and options; `overpose merge` puts the parts together."""
    ray: Ray = None
    processes: int | None = None
    """Processes that predict inputs side by side. If not given, one for each core, but no more than
    one for two videos, or for 16 photos."""
    output: Output = field(default_factory=lambda: Output(Path("overpose-out")))
    poses: PredictOptions = field(default_factory=PredictOptions)

    def run(self) -> None:
        from overpose.experiments.predict import predict
        from overpose.experiments.prediction import Outputs
        from overpose.formats.bvh import with_names
        from overpose.movement.page import with_report

        formats = with_report(with_names(self.formats, self.names), asked=self.report)
        written = predict(
            self.inputs,
            Outputs(self.output, formats, overlay=self.overlay, html=self.html, frame=self.frame),
            self.poses,
            keypoints=self.keypoints,
            model=self.model,
            layout=self.layout,
            webcam=self.webcam,
            seconds=self.seconds,
            fps=self.fps,
            shard=self.shard,
            stream=self.stream,
            cluster=cluster_at(self.ray, self.processes),
            processes=self.processes,
        )
        for path in written:
            print(path, flush=True)


@dataclass(frozen=True)
class Demo:
    """Predict the people of a real clip, downloaded once: poses, BVH, overlay video and page.

    Example: overpose demo --out overpose-demo
    """

    output: Output = field(default_factory=lambda: Output(Path("overpose-demo")))

    def run(self) -> None:
        from overpose.experiments.demo import demo

        for line in demo(self.output):
            print(line, flush=True)
