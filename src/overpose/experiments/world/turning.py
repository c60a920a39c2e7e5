"""Clips whose camera turns in its place: how well the turns are found, and what they are worth.

How such cameras turn belongs to `turning_cameras`.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from overpose.camera import degrees_turned, turned
from overpose.experiments.world.clips import WorldClip
from overpose.experiments.world.errors import ClipErrors, errors_of
from overpose.experiments.world.parts import keypoints_track
from overpose.keypoints.people import Person
from overpose.poses import PoseTrack
from overpose.synthetic.motions import CLIP_FPS
from overpose.video.estimator import PoseEstimator
from overpose.video.optics import view_of
from overpose.video.options import PredictOptions
from overpose.video.world.background import small_picture
from overpose.video.world.sightings import Sightings
from overpose.video.world.turns import Turns, turns_of

MOVES, FOUND, TRUE, TRUE_FOCAL = (
    "camera turns: not compensated",
    "camera turns: compensated",
    "camera turns: by its true turns",
    "camera turns: compensated, true focal length",
)
STILL = "the same scenes, camera still"


@dataclass(frozen=True)
class TurnErrors:
    """Of one clip.

    Attributes:
        turned_deg: how far the camera truly turned from how it was at first, at most.
        found: 1 where turns were found, else 0.
        turn_deg: how far off they are, mean over the frames; NaN where none were found.
        turn_end_deg: in the last frame.
        known_focal_deg: mean as of `turn_deg`, where the focal length is known.
        assumed_share, focal_share: how far off the assumed focal length is, and the one that the
            turns tell, as shares of the true one.
        look_ms: processor time of finding and following the background, a frame.
    """

    turned_deg: float
    found: float
    turn_deg: float
    turn_end_deg: float
    known_focal_deg: float
    assumed_share: float
    focal_share: float
    look_ms: float


def turning_parts(
    estimator: PoseEstimator, clip: WorldClip
) -> tuple[dict[str, PoseTrack], TurnErrors]:
    """The track of a clip whose camera turns, by what is known of the turns; and their errors."""
    before = time.process_time()
    sightings = sightings_of(clip)
    look_ms = 1000 * (time.process_time() - before) / len(clip.joints_mm)
    view = view_of(PredictOptions(), clip.width, clip.height, CLIP_FPS)
    known = PredictOptions(focal_px=clip.focal_px)
    known_view = view_of(known, clip.width, clip.height, CLIP_FPS)
    found = turns_of(sightings, len(clip.joints_mm), view)
    found_known = turns_of(sightings, len(clip.joints_mm), known_view)
    assert clip.turns is not None
    true = Turns(clip.turns, view.focal_px, view.focal_px_std, 0.0)
    bare = PredictOptions(ground=False)
    tracks = {
        MOVES: keypoints_track(estimator, clip, bare),
        FOUND: _track(estimator, clip, PredictOptions(), found),
        TRUE: _track(estimator, clip, PredictOptions(), true),
        TRUE_FOCAL: _track(estimator, clip, known, found_known),
    }
    errors = _turn_errors(clip, view.focal_px, found, found_known)
    return tracks, replace(errors, look_ms=look_ms)


def sightings_of(clip: WorldClip) -> Sightings:
    """The background in the small pictures of a clip, without the person who was found."""
    assert clip.pictures is not None
    sightings = Sightings()
    scale = clip.pictures.shape[2] / clip.width
    for frame, (picture, keypoints) in enumerate(
        zip(clip.pictures, clip.keypoints_px, strict=True)
    ):
        people = [Person(1, keypoints).scaled(scale)]
        image = np.repeat(picture[..., None], 3, axis=-1)
        sightings.look(*small_picture(image, people), frame)
    return sightings


def steady_errors(track: PoseTrack, clip: WorldClip) -> ClipErrors:
    """Errors of a track in the axes that the camera had in the first frame.

    A track without turns stays in those of each frame.
    """
    assert clip.turns is not None
    truth = replace(
        clip,
        joints_mm=turned(clip.joints_mm, clip.turns),
        feet_mm=turned(clip.feet_mm, clip.turns),
    )
    joints = (track.poses_mm + track.root_mm[:, :, None])[0]
    world = track.moving_camera_to_world
    first = None
    if world is not None:
        first = world[0]
        joints = turned(joints, first[:3, :3].T @ world[:, :3, :3])
    contact = None if track.foot_contact is None else track.foot_contact[0]
    return errors_of(joints, truth, first, contact)


def _track(
    estimator: PoseEstimator, clip: WorldClip, options: PredictOptions, turns: Turns | None
) -> PoseTrack:
    if turns is None:
        return keypoints_track(estimator, clip, replace(options, ground=False))
    return keypoints_track(estimator, clip, options, turns)


def _turn_errors(
    clip: WorldClip, assumed_px: float, found: Turns | None, known: Turns | None
) -> TurnErrors:
    assert clip.turns is not None
    off = _degrees_between(found, clip.turns)
    focal = assumed_px if found is None else found.focal_px
    return TurnErrors(
        float(degrees_turned(clip.turns).max()),
        float(found is not None),
        float(off.mean()),
        float(off[-1]),
        float(_degrees_between(known, clip.turns).mean()),
        abs(assumed_px / clip.focal_px - 1),
        abs(focal / clip.focal_px - 1),
        math.nan,
    )


def _degrees_between(found: Turns | None, truth: np.ndarray) -> np.ndarray:
    if found is None:
        return np.array([math.nan])
    return degrees_turned(found.rotations.swapaxes(1, 2) @ truth)
