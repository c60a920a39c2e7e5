"""People whose feet stand: contacts of a track and the fit of everybody's joints to them.

Contacts of one person belong to `contact`, the fit itself to `fit`.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from overpose.layouts import house_keypoints, layout_of
from overpose.networks.lifted import ankles_mm
from overpose.poses import PoseTrack
from overpose.video.lifting import SLOWEST_FPS
from overpose.video.options import PredictOptions
from overpose.video.posing import View
from overpose.video.world.contact import contact_of
from overpose.video.world.feet import Feet
from overpose.video.world.fit import SHORTEST, fitted_joints
from overpose.video.world.level import Level


def standing(
    track: PoseTrack,
    people: Sequence[tuple[np.ndarray, Feet]],
    level: Level | None,
    view: View,
    options: PredictOptions,
) -> PoseTrack:
    """The track with contacts, and joints fitted to them; unchanged where frames are too few or too
    far apart to tell what stands still.

    Poses that are wanted as they are, not smoothed or with limbs of any length, stay so.

    Args:
        track: of `view`, seen by a camera that stands still or turns in its place.
        people: as `people_of` has them.
        level: gravity and floor; None where they are not known.
        view: the camera.
        options: what is wanted.
    """
    if track.frames < SHORTEST or track.fps < SLOWEST_FPS:
        return track
    layout = layout_of(track.keypoint_names)
    contacts = [contact_of(feet, level, track.fps, view.turns) for _, feet in people]
    stands = np.stack([contact.stands for contact in contacts]) & track.seen[..., None]
    track = replace(track, foot_contact=stands)
    if options.smooth == "none" or not options.constant_limbs:
        return track
    poses, roots = track.poses_mm.copy(), track.root_mm.copy()
    feet_mm = None if track.feet_mm is None else track.feet_mm.copy()
    for person, (joints, _) in enumerate(people):
        points = house_keypoints(view.straight(track.keypoints_px[person]), layout)
        rays = (points[..., :2].astype(np.float64) - view.center_px) / view.focal_px
        scores = np.nan_to_num(points[..., 2].astype(np.float64))
        errors = None if track.joint_error_mm is None else track.joint_error_mm[person]
        fitted = fitted_joints(
            joints, rays, scores, contacts[person], level, track.fps,
            expected_mm=errors, turns=view.turns,
        )  # fmt: skip
        fitted = view.of_frames(fitted)
        done = np.asarray(np.isfinite(fitted).all(axis=(1, 2)))
        hanging = None if feet_mm is None else feet_mm[person] - ankles_mm(poses[person])
        poses[person, done] = (fitted - fitted[:, :1])[done]
        roots[person, done] = fitted[done, 0]
        if feet_mm is not None and hanging is not None:
            feet_mm[person] = hanging + ankles_mm(poses[person])
    return replace(track, poses_mm=poses, root_mm=roots, feet_mm=feet_mm)
