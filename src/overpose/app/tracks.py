"""What is done with predicted tracks: `view` and `export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from overpose.formats import FORMATS, Format
from overpose.formats.bvh_names import Names
from overpose.formats.format import Frame
from overpose.support.files import Output


@dataclass(frozen=True)
class View:
    """Show pose tracks in 3D beside their video: live in the browser, or as one HTML file.

    Example: overpose view out/clip.npz --video clip.mp4 --html clip.html
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Pose tracks, .npz; several are shown together."""
    video: Path | None = None
    """The photo or video that the first of them is of."""
    html: Path | None = None
    """Write one HTML file that plays anywhere, offline, instead of starting the live viewer."""
    host: str = "127.0.0.1"
    """Address the live viewer listens on; by default only this machine can connect."""
    port: int = 8080
    """Its port; the next free one if it is taken."""
    browser: bool = True
    """Open the live viewer in the browser."""
    overwrite: bool = False
    """Replace an earlier HTML file."""

    def run(self) -> None:
        from overpose.viewer.show import show_files

        show_files(
            self.files,
            html=self.html,
            video=self.video,
            host=self.host,
            port=self.port,
            open_browser=self.browser,
            overwrite=self.overwrite,
        )


@dataclass(frozen=True)
class Export:
    """Write pose tracks in formats that other programs open: OUT/NAME.FORMAT for every track.

    Example: overpose export out/clip.npz --out out --formats csv bvh
    """

    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Pose tracks, .npz."""
    output: Output
    formats: tuple[Format, ...] = tuple(each for each in FORMATS if each.get is None)
    """What to write; see docs/formats.md."""
    report: bool = False
    """Also draw a page for each person: NAME_report.png (extra report; docs/report.md)."""
    names: Names = "overpose"
    """Names of the bones in BVH files, as other programs expect them."""
    frame: Frame = "world"
    """Axes of BVH, C3D, TRC, MOT and GLB: the world, where it is known, or about the camera."""

    def run(self) -> None:
        from overpose.formats.bvh import with_names
        from overpose.formats.writing import export_files
        from overpose.movement.page import with_report

        formats = with_report(with_names(self.formats, self.names), asked=self.report)
        for path in export_files(self.files, self.output, formats, frame=self.frame):
            print(path)
