"""The view that a video was taken with: what the user says of the camera, or its file, or what is
usual.

Reading camera files belongs to `measured_cameras`, looking for evidence in the clip to `world`.
"""

from typing import Any

import numpy as np

from overpose.video.focal import (
    FILED_SPREAD,
    TYPICAL_SPREAD,
    default_focal,
    focal_from_fov,
)
from overpose.video.options import PredictOptions
from overpose.video.posing import View


def view_of(
    options: PredictOptions,
    width: int,
    height: int,
    fps: float,
    *,
    known_focal_px: float | None = None,
    stem: str = "",
) -> View:
    """Camera and clock of a video.

    Args:
        options: with what the user says of the camera, which counts most.
        width, height: of the picture, pixels.
        fps: frames a second.
        known_focal_px: what the file itself says, pixels.
        stem: of the video's name: of several cameras in a file, that is taken which is called so.

    Raises:
        InputError: the camera's file cannot be read, or is not of this picture.
    """
    if options.camera is not None:
        from overpose.video.measured_cameras import read_camera

        found = read_camera(options.camera, width, height, name=options.camera_name, stem=stem)
        focal = float(found.camera.focal_px.mean())
        return View(
            width, height, fps, focal,
            lens=found.camera, is_placed=found.is_placed, is_metric=found.is_metric,
        )  # fmt: skip
    if options.focal_px is not None:
        return View(width, height, fps, options.focal_px)
    if options.fov_deg is not None:
        return View(width, height, fps, focal_from_fov(options.fov_deg, width, height))
    if known_focal_px is not None:
        return View(width, height, fps, known_focal_px, focal_px_std=FILED_SPREAD * known_focal_px)
    focal = default_focal(width, height)
    return View(width, height, fps, focal, True, TYPICAL_SPREAD * focal)


def lens_fields(view: View) -> dict[str, Any]:
    """What a `PoseTrack` keeps of a measured lens, by field."""
    lens = view.lens
    if lens is None:
        return {}
    bends = np.zeros(5)
    bends[: min(5, len(lens.distortion))] = lens.distortion[:5]
    return {"principal_px": lens.center_px.copy(), "distortion": bends}
