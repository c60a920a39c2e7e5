"""What `overpose predict` does: inputs to files, each whole or not at all, one input after another.

Estimating belongs to `estimator`, formats to `formats`, drawing to `overlay`.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overpose.formats.format import Format, person_path, with_along
from overpose.formats.writing import format_path, write_formats
from overpose.keypoints.engines import FULL, Engine
from overpose.keypoints.keypoint_files import read_keypoints
from overpose.layouts import layout_of
from overpose.media.folder import is_frame_folder
from overpose.media.photo import is_photo
from overpose.media.video import open_media, require_local
from overpose.media.webcam import open_webcam
from overpose.poses import PoseTrack
from overpose.skeleton import KeypointLayout
from overpose.support.errors import InputError
from overpose.support.files import Output, require_apart, require_writable
from overpose.support.progress import say
from overpose.video.estimator import PoseEstimator, predict_keypoints
from overpose.video.options import PredictOptions

KEYPOINT_SUFFIXES = (".json", ".csv", ".tsv", ".trc", ".txt")


@dataclass(frozen=True)
class Outputs:
    """What is written for every input, besides the track `.npz`.

    Attributes:
        output: directory, and whether earlier files in it are replaced.
        formats: cards of formats.
        overlay: whether to draw the skeletons on the video.
        html: whether to write the page that plays in a browser.
    """

    output: Output
    formats: tuple[Format, ...] = ()
    overlay: bool = False
    html: bool = False

    def prepare(self, stems: Sequence[str], inputs: Sequence[Path] = ()) -> None:
        """Make the directory and see that everything can be written, before anything is computed.

        Args:
            stems: of the inputs' names, and so of the results'.
            inputs: files that are read, which no result may be.

        Raises:
            InputError: two inputs of one name, a result that would replace an input or another
                result, a file that exists already, or a directory that cannot be written to.
        """
        repeated = sorted({stem for stem in stems if stems.count(stem) > 1})
        if repeated:
            raise InputError(
                f"predict: got two inputs named {repeated[0]}, whose files would be the same; give "
                "them one by one, each with its own --out"
            )
        if self.output.out.exists() and not self.output.out.is_dir():
            raise InputError(f"{self.output.out}: got a file, expected a directory to write into")
        written = [path for stem in stems for path in self._written(stem, stems)]
        require_apart(written, inputs)
        for path in written:
            require_writable(path, overwrite=self.output.overwrite)
        self.output.out.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryFile(dir=self.output.out):
                pass
        except OSError as error:
            raise InputError(
                f"{self.output.out}: cannot be written to ({error.strerror or error}); give "
                "another directory with --out"
            ) from None

    def _written(self, stem: str, stems: Sequence[str]) -> Iterator[Path]:
        """What may be written for one input; of people whose number is not known yet, those that
        could be taken for another input."""
        yield self.output.out / f"{stem}.npz"
        if self.html:
            yield self.output.out / f"{stem}.html"
        if self.overlay:
            from overpose.viewer.overlay import overlay_path

            yield overlay_path(self.output.out, stem, False)
            yield overlay_path(self.output.out, stem, True)
        for each in with_along(self.formats):
            path = format_path(self.output.out, stem, each)
            yield from each.possible_paths(path)
            like = (re.fullmatch(rf"{re.escape(stem)}_person([2-9]|[1-9]\d+)", s) for s in stems)
            if each.per_person:
                yield from (person_path(path, int(match[1])) for match in like if match)


def predict(
    inputs: Sequence[Path],
    outputs: Outputs,
    options: PredictOptions,
    *,
    keypoints: Engine | Path = FULL,
    model: Path | None = None,
    layout: str | None = None,
    webcam: str | None = None,
    seconds: float | None = None,
    fps: float | None = None,
) -> Iterator[Path]:
    """`predict_files` or `predict_webcam`, from what the command line gives.

    Args:
        keypoints: an engine, or a file.
        webcam: the number of a camera, or a video file in its place.

    Raises:
        InputError: there are inputs and a webcam, or neither; or as in those.
    """
    if isinstance(keypoints, Path) and not keypoints.exists():
        raise InputError(f"keypoints: got {keypoints}, expected an engine or a file that exists")
    if (webcam is None) == (not inputs):
        got = "neither" if webcam is None else "both"
        raise InputError(f"predict: got {got}, expected photos or videos, or --webcam and a number")
    if webcam is None:
        if seconds is not None:
            raise InputError("seconds: got it without --webcam; cut the video instead")
        return predict_files(
            inputs, outputs, options, keypoints=keypoints, model=model, layout=layout, fps=fps
        )
    if isinstance(keypoints, Path):
        raise InputError(f"keypoints: got the file {keypoints} for a webcam, expected an engine")
    device = int(webcam) if webcam.isdecimal() else Path(webcam)
    return predict_webcam(
        device, outputs, options, seconds=seconds, keypoints=keypoints, model=model
    )


def predict_files(
    inputs: Sequence[Path],
    outputs: Outputs,
    options: PredictOptions,
    *,
    keypoints: Engine | Path = FULL,
    model: Path | None = None,
    layout: str | None = None,
    fps: float | None = None,
) -> Iterator[Path]:
    """Predict every input and give the files written; those of finished inputs stay in any case.

    Args:
        inputs: photos, videos, folders of numbered frames, and files of keypoints that say their
            frame rate and image size.
        outputs: what to write and where.
        options: whom to keep, camera, smoothing.
        keypoints: an engine, or a file of the keypoints of the only input.
        model: directory of a model to take instead of the shipped ones.
        layout: of keypoints in files that do not name them; None: as their number says.
        fps: frames a second of the folders of frames.

    Raises:
        InputError: bad input; names and places are checked before anything is computed.
    """
    if not inputs:
        raise InputError("predict: got no input, expected photos or videos")
    inputs = [path.resolve() if path.name in ("", "..") else path for path in inputs]  # to name it
    if isinstance(keypoints, Path) and len(inputs) > 1:
        raise InputError(
            f"keypoints: got {keypoints} for {len(inputs)} inputs, expected one input; give them "
            "one by one"
        )
    for path in inputs:
        require_local(path)
        if not path.exists():
            raise InputError(f"{path}: no such file; expected a photo or a video")
        if fps is not None and not is_frame_folder(path):
            raise InputError(f"fps: got {fps} for {path}, expected it for folders of frames alone")
    read = [*inputs, *([keypoints] if isinstance(keypoints, Path) else [])]
    read += [file for path in read if path.is_dir() for file in path.iterdir() if _may_hold(file)]
    outputs.prepare([path.stem for path in inputs], read)
    named = None if layout is None else layout_of(layout)
    estimator = None
    for path in inputs:
        found = keypoints if isinstance(keypoints, Path) else path
        if isinstance(keypoints, Path) or _holds_keypoints(path):
            track = _of_keypoints(path, found, options, model, named, fps)
        else:
            estimator = estimator or PoseEstimator.from_pretrained(keypoints, model=model)
            with open_media(path, fps=fps) as media:
                track = estimator.predict_media(media, options)
        yield from _write(track, path, outputs)


def predict_webcam(
    device: int | Path,
    outputs: Outputs,
    options: PredictOptions,
    *,
    seconds: float | None = None,
    keypoints: Engine = FULL,
    model: Path | None = None,
) -> Iterator[Path]:
    """Record from a camera until Ctrl-C or for some seconds, and give the files written.

    Args:
        device: number of the camera, or a video file in its place.
        seconds: how long to record at most.
        outputs, options, keypoints, model: as in `predict_files`; there is no picture to draw an
            overlay on, because none is kept.

    Raises:
        InputError: no such camera, or bad options.
    """
    if outputs.overlay:
        raise InputError("overlay: a webcam's pictures are not kept; leave --overlay out")
    with open_webcam(device, seconds=seconds) as media:
        outputs.prepare([media.info.name], [device] if isinstance(device, Path) else ())
        estimator = PoseEstimator.from_pretrained(keypoints, model=model)
        say(f"{media.info.name}: recording; Ctrl-C ends it")
        track = estimator.predict_media(media, options, until_interrupted=True)
    yield from _write(track, None, outputs, media.info.name)


def _of_keypoints(
    path: Path,
    keypoints: Path,
    options: PredictOptions,
    model: Path | None,
    layout: KeypointLayout | None,
    fps: float | None,
) -> PoseTrack:
    """The track of keypoints; rate, size and times are the video's, where the input is one."""
    if path == keypoints:
        found = read_keypoints(keypoints, layout=layout)
        return predict_keypoints(found, options, name=path.stem, model=model)
    with open_media(path, fps=fps) as media:
        info = media.info

        def shown() -> np.ndarray:  # all frames are decoded for it
            return np.array([frame.number for frame in media], dtype=np.int64)

        size = {"width": info.width, "height": info.height}
        found = read_keypoints(keypoints, layout=layout, fps=info.fps, shown=shown, **size)
    return predict_keypoints(
        found, options, name=keypoints.stem, known_focal_px=info.focal_px, model=model
    )


def _holds_keypoints(path: Path) -> bool:
    return not is_frame_folder(path) if path.is_dir() else _may_hold(path)


def _may_hold(path: Path) -> bool:
    return path.suffix.lower() in KEYPOINT_SUFFIXES


def _write(
    track: PoseTrack, source: Path | None, outputs: Outputs, stem: str | None = None
) -> Iterator[Path]:
    name = stem or (source.stem if source is not None else "track")
    path = outputs.output.out / f"{name}.npz"
    track.save(path, overwrite=outputs.output.overwrite)
    yield path
    if track.people == 0:
        say(f"{name}: nobody is to be seen")
    elif outputs.formats:
        yield from write_formats(
            track, outputs.output.out, name, outputs.formats, overwrite=outputs.output.overwrite
        )
    pictures = source if source is not None and not _holds_keypoints(source) else None
    if outputs.overlay and pictures is not None:
        from overpose.viewer.overlay import overlay_path, write_overlay

        path = overlay_path(outputs.output.out, name, is_photo(pictures))
        write_overlay(pictures, track, path, overwrite=outputs.output.overwrite)
        yield path
    if outputs.html:
        from overpose.viewer.page import write_page

        path = outputs.output.out / f"{name}.html"
        write_page(track, path, video=pictures, title=name, overwrite=outputs.output.overwrite)
        yield path
