"""PoseEstimator: from a photo, a video, a webcam or a keypoint file to people in 3D.

The parts it is made of are the modules beside it; files and formats belong to `predict`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.keypoints.engines import AUTO, Engine, engine_called
from overpose.keypoints.keypoint_files import KeypointFile, check_keypoints
from overpose.keypoints.pace import Pace
from overpose.keypoints.people import DetectionFinder, PeopleFinder, unsure_outside
from overpose.keypoints.selection import Presence, presences_of, select_people
from overpose.layouts import KeypointLayout
from overpose.media.video import (
    Media,
    MediaInfo,
    media_of_image,
    open_media,
)
from overpose.networks.lifted import Lifted
from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.support.object_storage import path_of
from overpose.support.progress import progress_bar
from overpose.support.workers import available_processes
from overpose.video.depth import say_if_out_of_depth
from overpose.video.image_poses import ImageModel
from overpose.video.judging import Judge, as_scores, real_people
from overpose.video.lifting import SLOWEST_FPS, Lifter
from overpose.video.live import LivePerson, LivePoser, TrackedFrame
from overpose.video.models import shipped_judge, trained_lifter, trained_model
from overpose.video.optics import lens_fields, view_of
from overpose.video.options import PredictOptions
from overpose.video.posing import View, finished_poses, lifted
from overpose.video.recording import PersonRecord, Recording, known_of, stacked
from overpose.video.watching import px_size, say_what_was_passed, watch
from overpose.video.world.placing import in_world
from overpose.video.world.turns import Turns, turned_view, view_of_turns

DEFAULTS = PredictOptions()


class PoseEstimator:
    """Recovers the 3D poses of the people in photos and videos.

    One from `from_pretrained` can be pickled. Several threads may share one: each call follows
    people of its own, and the networks are used by one thread at a time.

    Args:
        find_people: begins a video: from its frame rate to a finder of its people.
        photo: model for single frames: a lifter, or an image model. Live use has this one alone.
        video: lifter that sees several frames: poses of videos are a mean of both, whose errors
            differ (`posing.WINDOW_COUNTS`). None: `photo` alone.
        judge: says who of those found is a real person; nobody is judged if None.
        name: what tracks call the models that made them.
        for_photos: an estimator that photos are left to.
        better: name of an engine that is recommended where a video is too hard for this one.
        threads: that decode videos of large frames; None: as for all cores.
    """

    def __init__(
        self,
        find_people: Callable[[float], PeopleFinder],
        photo: Lifter | ImageModel,
        video: Lifter | None = None,
        *,
        judge: Judge | None = None,
        name: str,
        for_photos: "PoseEstimator | None" = None,
        better: str | None = None,
        threads: int | None = None,
    ) -> None:
        self._find_people = find_people
        self._photo = photo
        self._video = video
        self._judge = judge
        self._for_photos = for_photos
        self._better = better
        self._threads = threads
        self.name = name
        self._begun_with: tuple[Any, ...] | None = None

    def __reduce__(self) -> Any:
        """It travels to other processes as what was asked of `from_pretrained`."""
        if self._begun_with is None:
            raise TypeError("only estimators made by from_pretrained can be pickled")
        return _pretrained, self._begun_with

    @classmethod
    def from_pretrained(
        cls,
        keypoints: Engine | str = AUTO,
        *,
        model: Path | str | None = None,
        threads: int | None = None,
    ) -> "PoseEstimator":
        """The estimator with the weights of this package.

        Args:
            keypoints: what finds 2D keypoints: an engine, or the name of one of `ENGINES`:
                BlazePose's "full" (faster) or "heavy" (better), "auto" (heavy for photos, full for
                videos, each loaded when first used), or "rtmlib" (an extra). BlazePose's files are
                downloaded once, see `assets`.
            model: directory of a model trained with overpose, or its ONNX file, to take instead of
                the shipped ones: a lifter or an image model.
            threads: in all, for finding keypoints; by default one for each core. They change no
                result. As many decode videos of large frames.

        Raises:
            InputError: a file is missing and cannot be downloaded, there is no such engine, or
                `model` is none.
        """
        engine = engine_called(keypoints) if isinstance(keypoints, str) else keypoints
        number = available_processes() if threads is None else threads
        if number < 1:
            raise InputError(f"threads: got {threads}, expected at least 1")
        judge = shipped_judge()
        photo, video, made = judge.photo, judge.video, "shipped"
        if model is not None:
            model = path_of(model).resolve()
            photo, video, made = trained_model(model), None, model.name

        def by(each: Engine, **others: Any) -> PoseEstimator:
            finders = each.finders if each is engine else each.finders_when_used
            others |= {"judge": judge, "name": f"{each.name} + {made}", "threads": threads}
            return cls(finders(number), photo, video, **others)

        videos, photos = engine.for_videos or engine, engine.for_photos
        others = {} if photos is None else {"for_photos": by(photos), "better": photos.name}
        whole = by(videos, **others)
        whole._begun_with = (engine, model, threads)
        return whole

    def predict(
        self, source: np.ndarray | Path | str, options: PredictOptions = DEFAULTS
    ) -> PoseTrack:
        """All people of a photo or video.

        Args:
            source: an RGB image (height, width, 3) uint8, the file of a photo or video, or a folder
                of numbered frames.
            options: whom to keep, camera, smoothing.

        Returns:
            the track; of a photo it has one frame. Nobody to be seen gives a track of no people.

        Raises:
            InputError: `source` cannot be read.
        """
        if isinstance(source, np.ndarray):
            return self.predict_media(media_of_image(source), options)
        with open_media(source, threads=self._threads) as media:
            return self.predict_media(media, options)

    def predict_media(
        self,
        media: Media,
        options: PredictOptions = DEFAULTS,
        *,
        until_interrupted: bool = False,
    ) -> PoseTrack:
        """`predict` on media that are open already.

        Args:
            media: from `open_media` or `open_webcam`.
            options: as in `predict`.
            until_interrupted: whether Ctrl-C ends the recording and no more: its track is given.
        """
        info = media.info
        if info.is_photo and self._for_photos is not None:
            return self._for_photos.predict_media(media, options)
        view = _view(info, options)
        finder = self._find_people(view.fps)
        recording = Recording(finder.layout)
        try:
            with progress_bar(info.name, info.frames or 0) as advance:
                watch(
                    media,
                    finder,
                    recording,
                    pace=Pace(options.every, view.fps),
                    poses_by=None if isinstance(self._photo, Lifter) else self._photo,
                    advance=advance,
                )
        except KeyboardInterrupt:
            if not until_interrupted or recording.frames == 0:
                raise
        static = recording.camera_is_static
        if options.ground and static is False:
            view, static = view_of_turns(recording.sightings, recording.frames, view)
        presences = [recording.timed(each) for each in finder.presences]
        everybody = replace(options, people=None, track=None)
        people = {
            number: recording.person(number).with_sides(recording.layout, view.fps)
            for number in _kept(presences, recording.frames, view, everybody)
        }
        found = {n: view.straight(person.keypoints_px) for n, person in people.items()}
        scores = real_people(self._judge, found, recording.layout, view, options, info)
        presences = [each for each in presences if each.person in scores]
        kept = _kept(presences, recording.frames, view, options)
        records = [people[number] for number in kept]
        say_what_was_passed(info.name, recording, records)
        if self._better is not None and not info.is_photo:
            say_if_out_of_depth(info.name, records, view.fps, self._better)
        track = self._tracked(records, recording, view, options, info.is_photo)
        track = replace(track, person_score=as_scores([scores[number] for number in kept]))
        return in_world(track, view, options, is_static=static, name=info.name)

    def predict_keypoints(
        self,
        keypoints: np.ndarray,
        *,
        layout: KeypointLayout,
        fps: float,
        size_px: tuple[int, int],
        options: PredictOptions = DEFAULTS,
        known_focal_px: float | None = None,
        stem: str = "",
        turns: Turns | None = None,
    ) -> PoseTrack:
        """All people whose 2D keypoints you have found yourself.

        Args:
            keypoints: (people, frames, K, 3) float32: x, y in pixels and score; NaN x, y = missing.
            layout: of the K keypoints, from `layout_of`.
            fps: frames a second.
            size_px: width and height of the image.
            options: whom to keep, camera, smoothing.
            known_focal_px: focal length, pixels, where the image's file says it.
            stem: of the video's name; of several cameras in a file, the one called so is taken.
            turns: how the camera turned, if it did.

        Raises:
            InputError: as `check_keypoints` and `View`, or the model is one for images.
        """
        check_keypoints(keypoints, layout)
        if not isinstance(self._photo, Lifter):
            raise InputError("keypoints: got a model for images, expected one for keypoints")
        width, height = size_px
        view = view_of(options, width, height, fps, known_focal_px=known_focal_px, stem=stem)
        view = view if turns is None else turned_view(view, turns)
        frames = keypoints.shape[1]
        seen = [each for each in presences_of(keypoints) if each.frames > 0]
        kept = _kept(seen, frames, view, options)
        records = [PersonRecord(keypoints[number - 1]).with_sides(layout, fps) for number in kept]
        recording = Recording(layout, frames)
        track = self._tracked(records, recording, view, options, frames == 1)
        static = None if turns is None else False
        track = in_world(track, view, options, is_static=static, name=stem or "keypoints")
        if self._judge is None:
            return track
        people = [view.straight(each.keypoints_px) for each in records]
        scores = self._judge.scores(people, layout, view, is_photo=frames == 1)
        return replace(track, person_score=as_scores(scores))

    def track(
        self, source: Media | Path | str, options: PredictOptions = DEFAULTS
    ) -> Iterator[TrackedFrame]:
        """The people of a video frame by frame, as it comes: for live use and endless videos.

        Poses are made of what was seen until then: by the model for single frames, the 1€ filter,
        limb lengths, floor and standing feet so far. Memory does not grow. Whoever is found is
        there. `people`, `track` and `bridge_s` do nothing; any `smooth` but "none" is that filter.

        Raises:
            InputError: `source` cannot be read.
        """
        if not isinstance(source, Media):
            with open_media(source, threads=self._threads) as media:
                yield from self.track(media, options)
            return
        view = _view(source.info, options)
        finder = self._find_people(view.fps)
        poser = LivePoser(self._photo, finder.layout, view, options, self._judge)
        people: tuple[LivePerson, ...] = ()
        for frame in source:
            if not frame.repeated:
                found = finder.find(frame.pixels, frame.index)
                people = poser.pose(frame.image, found, px_size(frame, source.info))
            world, static = poser.camera_to_world, poser.camera_is_static
            yield TrackedFrame(frame.index, frame.time_s, frame.image, people, world, static)

    def _tracked(
        self,
        records: list[PersonRecord],
        recording: Recording,
        view: View,
        options: PredictOptions,
        is_photo: bool,
    ) -> PoseTrack:
        lifters = [self._photo] if isinstance(self._photo, Lifter) else []
        if self._video is not None and not is_photo and view.fps >= SLOWEST_FPS:
            lifters.append(self._video)
        if is_photo:
            options = replace(options, smooth="none")
        done, roots, keypoints = [], [], []
        for record in records:
            points = view.straight(record.keypoints_px)
            if record.poses_mm is not None:
                raw = Lifted(record.poses_mm)
            else:
                raw = lifted(lifters, points, recording.layout, view)
            shown = unsure_outside(record.keypoints_px, view.width, view.height)
            points = view.straight(shown)
            each, root = finished_poses(raw, points, recording.layout, view, options)
            done.append(each)
            roots.append(root)
            keypoints.append(shown)
        frames, count = recording.frames, len(recording.layout)
        return PoseTrack(
            poses_mm=stacked([each.poses_mm for each in done], (frames, 17, 3)),
            root_mm=stacked(roots, (frames, 3)),
            keypoints_px=stacked(keypoints, (frames, count, 3)),
            keypoint_names=recording.layout.names,
            fps=view.fps,
            width=view.width,
            height=view.height,
            focal_px=view.focal_px,
            focal_is_estimated=view.focal_is_estimated,
            focal_px_std=view.focal_px_std,
            **lens_fields(view),
            model=self.name,
            feet_mm=known_of([each.feet_mm for each in done]),
            joint_error_mm=known_of([each.joint_error_mm for each in done]),
        )


def _pretrained(keypoints: Engine, model: Path | None, threads: int | None) -> PoseEstimator:
    return PoseEstimator.from_pretrained(keypoints, model=model, threads=threads)


def predict_keypoints(
    found: KeypointFile,
    options: PredictOptions = DEFAULTS,
    *,
    name: str = "keypoints",
    known_focal_px: float | None = None,
    model: Path | str | None = None,
    stem: str = "",
) -> PoseTrack:
    """All people of a keypoint file, which says its frame rate and the size of its image.

    Args:
        found: from `read_keypoints`.
        options: whom to keep, camera, smoothing.
        name: what the track calls the source of the keypoints.
        known_focal_px: focal length, pixels, where the image's file says it.
        model: a lifter of yours to take instead of the shipped ones, as in `from_pretrained`.
        stem: of the video's name, as in `predict_keypoints` of an estimator.

    Raises:
        InputError: frame rate or image size are not known, or `model` is no lifter.
    """
    fps, width, height = found.fps, found.width, found.height
    if fps is None or width is None or height is None:
        missing = [key for key in ("fps", "width", "height") if getattr(found, key) is None]
        raise InputError(
            f"{name}: got keypoints that do not say their {' and '.join(missing)}; give the video "
            "they are of, and the file with --keypoints"
        )
    judge = shipped_judge()
    photo, video = judge.photo, judge.video
    if model is not None:
        photo, video = trained_lifter(path_of(model)), None
    of_file = PoseEstimator(
        lambda rate: DetectionFinder(lambda image: [], found.layout, rate),
        photo,
        video,
        judge=judge,
        name=f"{name} + {'shipped' if model is None else path_of(model).resolve().name}",
    )
    return of_file.predict_keypoints(
        found.keypoints,
        layout=found.layout,
        fps=fps,
        size_px=(width, height),
        options=options,
        known_focal_px=known_focal_px,
        stem=stem or name,
    )


def _view(info: MediaInfo, options: PredictOptions) -> View:
    return view_of(options, info.width, info.height, info.fps,
                   known_focal_px=info.focal_px, stem=info.name)  # fmt: skip


def _kept(presences: list[Presence], frames: int, view: View, options: PredictOptions) -> list[int]:
    if not presences and options.track is None:
        return []
    return select_people(
        presences, fps=view.fps, total_frames=frames, people=options.people, track=options.track
    )
