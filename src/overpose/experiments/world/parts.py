"""The track of a clip with more and more of the parts, and with true values in place of estimates.

What errors these have belongs to `errors`.
"""

import contextlib
import io
import math
from dataclasses import replace

import numpy as np

from overpose.experiments.world.clips import WorldClip
from overpose.keypoints.people import DetectionFinder
from overpose.layouts import BLAZEPOSE_33, house_keypoints
from overpose.poses import PoseTrack
from overpose.synthetic.motions import CLIP_FPS
from overpose.video.estimator import PoseEstimator
from overpose.video.models import shipped_judge
from overpose.video.optics import view_of
from overpose.video.options import PredictOptions
from overpose.video.placement import place_root
from overpose.video.posing import ROOT_CUTOFF_HZ
from overpose.video.smoothing import smooth_zero_phase
from overpose.video.world.level import Level
from overpose.video.world.placing import people_of
from overpose.video.world.standing import standing
from overpose.video.world.turns import Turns

OLD_FOV_DEG = 60.0
"""Across the diagonal: what was assumed of cameras before, for the first row."""
WHOLE = "and floor"
"""The part that is what `predict` does."""


def shipped_estimator() -> PoseEstimator:
    """That lifts keypoints with the shipped weights, and finds none."""
    judge = shipped_judge()
    return PoseEstimator(
        lambda fps: DetectionFinder(lambda image: [], BLAZEPOSE_33, fps),
        judge.photo, judge.video, name="shipped",
    )  # fmt: skip


def parts(estimator: PoseEstimator, clip: WorldClip) -> dict[str, PoseTrack]:
    """The track of a clip with more and more of the parts, by the last one's name."""
    old = math.hypot(clip.width, clip.height) / 2 / math.tan(math.radians(OLD_FOV_DEG) / 2)
    bare = PredictOptions(ground=False)
    placed = keypoints_track(estimator, clip, bare)
    return {
        "60 degrees across the diagonal": keypoints_track(
            estimator, clip, replace(bare, focal_px=old)
        ),
        "0.8 of the longer side": placed,
        "and fit": _stood(placed, clip, None, bare),
        WHOLE: whole_track(estimator, clip),
    }


def whole_track(estimator: PoseEstimator, clip: WorldClip) -> PoseTrack:
    """What `predict` makes of a clip."""
    return keypoints_track(estimator, clip, PredictOptions())


def with_truth(estimator: PoseEstimator, clip: WorldClip, whole: PoseTrack) -> dict[str, PoseTrack]:
    """The track of a clip with one true value after the other in place of what is estimated.

    Args:
        estimator: from `shipped_estimator`.
        clip: the truth.
        whole: from `whole_track`.
    """
    options = PredictOptions(focal_px=clip.focal_px)
    bare = replace(options, ground=False)
    level = Level(clip.camera_to_world[1, :3], float(clip.camera_to_world[1, 3]))
    placed = keypoints_track(estimator, clip, bare)
    roots = np.where(whole.seen[..., None], clip.joints_mm[None, :, 0], np.float32(np.nan))
    return {
        "true focal length": keypoints_track(estimator, clip, options),
        "true focal length, floor": _stood(placed, clip, level, bare),
        "true poses": _with_true_poses(clip, PredictOptions(ground=False)),
        "true poses, focal length": _with_true_poses(clip, bare),
        "true places of the pelvis": replace(whole, root_mm=roots, camera_to_world=None),
    }


def keypoints_track(
    estimator: PoseEstimator, clip: WorldClip, options: PredictOptions, turns: Turns | None = None
) -> PoseTrack:
    """The track that an estimator makes of the keypoints of a clip."""
    with contextlib.redirect_stderr(io.StringIO()):  # what it says of every clip
        return estimator.predict_keypoints(
            clip.keypoints_px[None],
            layout=BLAZEPOSE_33,
            fps=CLIP_FPS,
            size_px=(clip.width, clip.height),
            options=options,
            turns=turns,
        )


def _stood(
    placed: PoseTrack, clip: WorldClip, level: Level | None, options: PredictOptions
) -> PoseTrack:
    """The fit of a track that has none, with this floor."""
    view = view_of(options, clip.width, clip.height, CLIP_FPS)
    done = standing(placed, people_of(placed, view), level, view, PredictOptions())
    return done if level is None else replace(done, camera_to_world=level.camera_to_world())


def _with_true_poses(clip: WorldClip, options: PredictOptions) -> PoseTrack:
    """True poses and feet, placed by the keypoints that were found, and fitted."""
    view = view_of(options, clip.width, clip.height, CLIP_FPS)
    pelvis = clip.joints_mm[:, :1]
    poses = clip.joints_mm - pelvis
    joints_px = house_keypoints(clip.keypoints_px, BLAZEPOSE_33)
    roots = place_root(poses, joints_px, view.focal_px, clip.width, clip.height)
    roots = smooth_zero_phase(roots, CLIP_FPS, ROOT_CUTOFF_HZ).astype(np.float32)
    seen = np.asarray(np.isfinite(roots).all(axis=-1))[:, None, None]
    placed = PoseTrack(
        poses_mm=np.where(seen, poses, np.float32(np.nan))[None],
        root_mm=roots[None],
        keypoints_px=clip.keypoints_px[None],
        keypoint_names=BLAZEPOSE_33.names,
        fps=CLIP_FPS,
        width=clip.width,
        height=clip.height,
        focal_px=view.focal_px,
        focal_is_estimated=view.focal_is_estimated,
        model="truth",
        feet_mm=np.where(seen, clip.feet_mm - pelvis, np.float32(np.nan))[None],
    )
    return _stood(placed, clip, None, options)
