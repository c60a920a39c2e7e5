"""Real recordings with measured cameras: what is estimated of a camera, and where people are, from
one video alone, beside its calibration and people triangulated from all videos."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from overpose.camera import Camera
from overpose.experiments.world.errors import LEVEL_ERRORS, distance_after_fit, level_errors
from overpose.layouts import BLAZEPOSE_33
from overpose.measure.triangulation import TriangulatedPerson, triangulate_people
from overpose.measure.video_reference import JOINT_NAMES
from overpose.media.video import open_media
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.video.estimator import PoseEstimator
from overpose.video.measured_cameras import read_camera
from overpose.video.options import PredictOptions
from overpose.video.world.level import Level

CAMERA_FILES = ("*.toml", "*.qca.txt", "*.xml")
FEWEST_VIEWS = 3
"""People seen by fewer cameras have no reference that their own view has not made."""
_KEYPOINTS = BLAZEPOSE_33.indices(JOINT_NAMES)
_JOINTS = HUMAN36M.indices(JOINT_NAMES)
_HIPS = [JOINT_NAMES.index("left_hip"), JOINT_NAMES.index("right_hip")]


class Recorded(NamedTuple):
    """What was found in the videos of a directory.

    Attributes:
        cameras: a row for each video.
        places: a row for each person in each video.
    """

    cameras: list[dict[str, Any]]
    places: list[dict[str, Any]]


def recorded(directory: Path) -> Recorded:
    """Rows for a directory of videos that also holds the file of their cameras, whose world has z
    up and the floor at 0.

    Raises:
        InputError: there is no such file, or no video.
    """
    calibrations = [path for kind in CAMERA_FILES for path in sorted(directory.glob(kind))]
    videos = sorted(directory.glob("*.mp4"))
    if not calibrations or not videos:
        raise InputError(f"{directory}: expected videos (.mp4) and a file of their cameras")
    estimator = PoseEstimator.from_pretrained("full")
    tracks, cameras = [], []
    for video in videos:
        with open_media(video) as media:
            info = media.info
        found = read_camera(calibrations[0], info.width, info.height, stem=video.stem)
        cameras.append(found.camera)
        tracks.append(estimator.predict(video))
    names = [video.stem for video in videos]
    rows = [
        {"recording": directory.name, "camera": name, **_camera_row(track, camera)}
        for name, track, camera in zip(names, tracks, cameras, strict=True)
    ]
    people = triangulate_people(cameras, [track.keypoints_px[:, :, _KEYPOINTS] for track in tracks])
    people = [each for each in people if sum(t is not None for t in each.tracks) >= FEWEST_VIEWS]
    places = [
        {"recording": directory.name, "person": number, "camera": names[view]}
        | _place_row(person, place, tracks[view], cameras[view])
        | {
            f"measured_{name}": value
            for name, value in _place_row(
                person, 0, _again(estimator, tracks[view], place, calibrations[0], names[view]),
                cameras[view],
            ).items()
        }
        for number, person in enumerate(people, 1)
        for view, place in enumerate(person.tracks)
        if place is not None
    ]  # fmt: skip
    return Recorded(rows, places)


def _camera_row(track: PoseTrack, camera: Camera) -> dict[str, Any]:
    true = Level(camera.rotation[:, 2], float(camera.position_mm[2]))
    row: dict[str, Any] = {
        "focal_share": track.focal_px / float(camera.focal_px.mean()) - 1,
        **dict.fromkeys(LEVEL_ERRORS),
    }
    if track.camera_to_world is not None:
        row |= level_errors(track.camera_to_world, true.camera_to_world())
    return row


def _place_row(
    person: TriangulatedPerson, place: int, track: PoseTrack, camera: Camera
) -> dict[str, float]:
    """Errors of a track's person `place` against the points triangulated."""
    frames = min(len(person.points_mm), track.frames)
    truth = camera.to_camera_mm(person.points_mm[:frames])
    joints = (track.poses_mm[place] + track.root_mm[place][:, None])[:frames, _JOINTS]
    known = np.asarray(np.isfinite(truth).all(axis=(1, 2)) & np.isfinite(joints).all(axis=(1, 2)))
    joints, truth = joints[known].astype(np.float64), truth[known]
    far, near = (np.linalg.norm(each[:, _HIPS].mean(axis=1), axis=-1) for each in (truth, joints))
    return {
        "distance_mm": float(np.median(far)),
        "distance_ratio": float(np.median(near / far)),
        "position_mm": distance_after_fit(joints, truth, scaled=False),
    }


def _again(
    estimator: PoseEstimator, track: PoseTrack, place: int, calibration: Path, name: str
) -> PoseTrack:
    """One person of a track, as found with the measured camera."""
    return estimator.predict_keypoints(
        track.keypoints_px[place][None],
        layout=BLAZEPOSE_33,
        fps=track.fps,
        size_px=(track.width, track.height),
        options=PredictOptions(camera=calibration),
        stem=name,
    )
