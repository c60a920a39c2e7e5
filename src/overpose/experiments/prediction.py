"""What `overpose predict` does with one input: a track, and the files of it, each whole or not at
all. Inputs are the units of its work; which there are and where it is done is said by `predict`.
"""

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from overpose.formats.format import Format, Frame, with_along
from overpose.formats.writing import format_path, get_needed, write_formats
from overpose.keypoints.engines import AUTO, Engine
from overpose.keypoints.keypoint_files import read_keypoints
from overpose.layouts import layout_of
from overpose.media.folder import is_frame_folder, is_named_picture
from overpose.media.photo import is_photo
from overpose.media.video import open_media
from overpose.poses import PoseTrack
from overpose.support.checks import repeated
from overpose.support.errors import InputError
from overpose.support.files import Output, require_apart, require_place, require_writable
from overpose.support.progress import say, unseen_progress
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
        frame: whether formats that are y up are in the world, where it is known.
    """

    output: Output
    formats: tuple[Format, ...] = ()
    overlay: bool = False
    html: bool = False
    frame: Frame = "world"

    def prepare(
        self,
        stems: Sequence[str],
        inputs: Sequence[Path] = (),
        *,
        predicted: Sequence[str] | None = None,
    ) -> None:
        """Make the directory and see that everything can be written, before anything is computed.

        Args:
            stems: of the inputs' names, and so of the results'.
            inputs: files that are read, which no result may be.
            predicted: those of the stems that are predicted now; None: all.

        Raises:
            InputError: two inputs of one name, a result that would replace an input or another
                result, a file that exists already, or a directory that cannot be written to.
        """
        if twice := repeated(stems):
            raise InputError(
                f"predict: got two inputs named {twice[0]}, whose files would be the same; give "
                "them one by one, each with its own --out"
            )
        if self.output.out.exists() and not self.output.out.is_dir():
            raise InputError(f"{self.output.out}: got a file, expected a directory to write into")
        now = stems if predicted is None else predicted
        people: dict[str, list[int]] = {}
        for stem in stems:
            if match := re.fullmatch(r"(.+)_person([2-9]|[1-9]\d+)", stem, re.DOTALL):
                people.setdefault(match[1], []).append(int(match[2]))
        written = [path for stem in now for path in self._written(stem, people.get(stem, ()))]
        require_apart(written, inputs)
        for path in written:
            require_writable(path, overwrite=self.output.overwrite)
        require_place(self.output.out)
        get_needed(self.formats)

    def _written(self, stem: str, people: Sequence[int]) -> Iterator[Path]:
        """What may be written for one input; of people whose number is not known yet, those that
        could be taken for another input: these."""
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
            if each.per_person:
                yield from (each.person_path(path, number) for number in people)


@dataclass(frozen=True)
class Prediction:
    """What the inputs of a command have in common.

    Attributes:
        outputs: what to write and where.
        options: whom to keep, camera, smoothing.
        keypoints: an engine, or a file of the keypoints of the only input.
        model: directory of a model to take instead of the shipped ones.
        layout: of keypoints in files that do not name them; None: as their number says.
        fps: frames a second of the folders of frames.
        threads: of each network; None: one for each core. They change no result.
    """

    outputs: Outputs
    options: PredictOptions
    keypoints: Engine | Path = AUTO
    model: Path | None = None
    layout: str | None = None
    fps: float | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Predicted:
    """What became of one input.

    Attributes:
        stem: of its name.
        files: that were written, by name.
        error: why there are none, in a line.
        said: lines for the user that have not been printed.
    """

    stem: str
    files: tuple[str, ...] = ()
    error: str | None = None
    said: tuple[str, ...] = ()


def make_predictor(
    asked: Prediction,
) -> Callable[[Path, Path, Callable[[], None]], Predicted]:
    """What predicts an input and writes its files to a directory.

    What is wrong with an input is in the answer; what is wrong with a model is raised.
    """

    @cache
    def estimator(engine: Engine) -> PoseEstimator:  # where only files of keypoints come: none
        return PoseEstimator.from_pretrained(engine, model=asked.model, threads=asked.threads)

    def predict(path: Path, out: Path, check: Callable[[], None]) -> Predicted:
        given = asked.keypoints
        of_keypoints = isinstance(given, Path) or holds_keypoints(path)
        engine = None if of_keypoints else estimator(given)
        try:
            if engine is None:
                track = _of_keypoints(path, given if isinstance(given, Path) else path, asked)
            else:
                with open_media(path, fps=asked.fps, threads=asked.threads) as media:
                    track = engine.predict_media(media, asked.options)
            outputs = replace(asked.outputs, output=replace(asked.outputs.output, out=out))
            files = tuple(each.name for each in write_track(track, path, outputs))
        except InputError as error:
            return Predicted(path.stem, error=str(error))
        return Predicted(path.stem, files)

    return predict


def make_quiet_predictor(
    asked: Prediction,
) -> Callable[[Path, Path, Callable[[], None]], Predicted]:
    """`make_predictor` for a process beside others: it prints nothing, and can be stopped."""
    predict = make_predictor(asked)

    def predict_quietly(path: Path, out: Path, check: Callable[[], None]) -> Predicted:
        said = io.StringIO()
        with redirect_stderr(said), unseen_progress(lambda steps: check()):
            done = predict(path, out, check)
        return replace(done, said=tuple(said.getvalue().splitlines()))

    return predict_quietly


def _of_keypoints(path: Path, keypoints: Path, asked: Prediction) -> PoseTrack:
    """The track of keypoints; rate, size and times are the video's, where the input is one."""
    layout = None if asked.layout is None else layout_of(asked.layout)
    options, model = asked.options, asked.model
    if path == keypoints:
        found = read_keypoints(keypoints, layout=layout)
        return predict_keypoints(found, options, name=path.stem, model=model)
    with open_media(path, fps=asked.fps, threads=asked.threads) as media:
        info = media.info

        def shown() -> np.ndarray:  # all frames are decoded for it
            return np.array([frame.number for frame in media], dtype=np.int64)

        size = {"width": info.width, "height": info.height}
        found = read_keypoints(keypoints, layout=layout, fps=info.fps, shown=shown, **size)
    return predict_keypoints(
        found,
        options,
        name=keypoints.stem,
        known_focal_px=info.focal_px,
        model=model,
        stem=path.stem,
    )


def holds_keypoints(path: Path) -> bool:
    """Whether an input is, by its name, a file or a directory of keypoints."""
    return not is_frame_folder(path) if path.is_dir() else may_hold(path)


def is_quick(path: Path) -> bool:
    """Whether an input is, by its name, a photo or one of keypoints: no video."""
    return is_named_picture(path) or holds_keypoints(path)


def may_hold(path: Path) -> bool:
    """Whether a file may be one of keypoints, by its name."""
    return path.suffix.lower() in KEYPOINT_SUFFIXES


def write_track(
    track: PoseTrack, source: Path | None, outputs: Outputs, stem: str | None = None
) -> Iterator[Path]:
    """Write everything that is wanted of a track, and give the files, each when it is written.

    Args:
        track: of the people.
        source: the input, to draw on; None: there is none any more.
        outputs: what is wanted.
        stem: of the files' names; that of the source if not given.
    """
    name = stem or (source.stem if source is not None else "track")
    path = outputs.output.out / f"{name}.npz"
    track.save(path, overwrite=outputs.output.overwrite)
    yield path
    if track.people == 0:
        say(f"{name}: nobody is to be seen")
    elif outputs.formats:
        yield from write_formats(
            track, outputs.output.out, name, outputs.formats,
            overwrite=outputs.output.overwrite, frame=outputs.frame,
        )  # fmt: skip
    pictures = source if source is not None and not holds_keypoints(source) else None
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
