"""Real recordings with measured cameras: what is estimated of a camera from its video alone, beside
its calibration."""

from pathlib import Path
from typing import Any

from overpose.experiments.world.errors import LEVEL_ERRORS, level_errors
from overpose.media.video import open_media
from overpose.support.errors import InputError
from overpose.video.estimator import PoseEstimator
from overpose.video.measured_cameras import read_camera
from overpose.video.world.level import Level

CAMERA_FILES = ("*.toml", "*.qca.txt", "*.xml")


def recording_rows(directory: Path) -> list[dict[str, Any]]:
    """A row for each video of a directory that also holds the file of its cameras, whose world has
    z up and the floor at 0: errors of focal length, up and height.

    Raises:
        InputError: there is no such file, or no video.
    """
    calibrations = [path for kind in CAMERA_FILES for path in sorted(directory.glob(kind))]
    videos = sorted(directory.glob("*.mp4"))
    if not calibrations or not videos:
        raise InputError(f"{directory}: expected videos (.mp4) and a file of their cameras")
    estimator = PoseEstimator.from_pretrained("full")
    rows = []
    for video in videos:
        with open_media(video) as media:
            info = media.info
        camera = read_camera(calibrations[0], info.width, info.height, stem=video.stem).camera
        track = estimator.predict(video)
        true = Level(camera.rotation[:, 2], float(camera.position_mm[2]))
        row: dict[str, Any] = {
            "recording": directory.name,
            "camera": video.stem,
            "focal_share": track.focal_px / float(camera.focal_px.mean()) - 1,
            **dict.fromkeys(LEVEL_ERRORS),
        }
        if track.camera_to_world is not None:
            row |= level_errors(track.camera_to_world, true.camera_to_world())
        rows.append(row)
    return rows
