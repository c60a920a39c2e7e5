"""Keypoints and projected poses drawn on the small picture beside the live viewer's scene.

Full-size videos with a skeleton on them are made by `overlay`.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from overpose.viewer.shown import Show, ShownPerson, frame_at, keypoint_edges

_SHIFT = 4  # OpenCV draws with four bits after the point
_NEAR_MM = 1.0


def draw_people(
    image: np.ndarray,
    show: Show,
    people: list[ShownPerson],
    time_s: float,
    *,
    keypoints: bool,
    projected: bool,
) -> np.ndarray:
    """A copy of a picture with people drawn on it.

    Args:
        image: (height, width, 3) uint8 RGB, of the proportions of the show's camera.
        show: whose camera it is.
        people: those to draw.
        time_s: when.
        keypoints: whether to draw the 2D keypoints, in each person's colour.
        projected: whether to draw the 3D poses as the camera sees them, in white.
    """
    drawn = image.copy()
    scale = np.array([image.shape[1] / show.width, image.shape[0] / show.height])
    thickness = max(1, round(max(image.shape[:2]) / 320))
    for person in people:
        frame = frame_at(time_s, person.fps)
        if keypoints and frame < person.frames:
            points = person.keypoints_px[frame, :, :2] * scale
            edges = keypoint_edges(person.keypoint_names)
            draw_lines(drawn, points, edges, person.colour, thickness)
        joints_mm = person.positions_mm(time_s) if projected else None
        if joints_mm is not None:
            points = project_px(joints_mm, show, time_s) * scale
            draw_lines(drawn, points, person.limbs.tolist(), (255, 255, 255), thickness)
    return drawn


def project_px(joints_mm: np.ndarray, show: Show, time_s: float = 0.0) -> np.ndarray:
    """Where the show's camera sees points (..., 3) in level axes at a time, px (..., 2); NaN behind
    it."""
    joints_mm = joints_mm @ show.level_at(time_s)  # the inverse: a row times a rotation
    near = joints_mm[..., 2:] <= _NEAR_MM
    return show.camera.project_camera(np.where(near, np.nan, joints_mm))


def draw_lines(
    image: np.ndarray,
    points: np.ndarray,
    edges: Sequence[Sequence[int]],
    colour: tuple[int, int, int],
    thickness: int,
    *,
    dots: bool = True,
) -> None:
    """Draw lines between points (n, 2), px, on an RGB image, and dots on the points.

    What is not a number, or far outside the image, is left out.
    """
    far = 4.0 * max(image.shape)  # OpenCV's coordinates are 16 bits wide
    good = np.isfinite(points).all(axis=-1) & (np.abs(np.nan_to_num(points)) < far).all(axis=-1)
    fixed = np.rint(np.where(good[:, None], points, 0) * 2**_SHIFT - 2 ** (_SHIFT - 1)).astype(int)
    for a, b in edges:
        if good[a] and good[b]:
            ends = fixed[a].tolist(), fixed[b].tolist()
            cv2.line(image, *ends, colour, thickness, cv2.LINE_AA, _SHIFT)
    for point in fixed[good].tolist() if dots else ():
        radius = thickness * 2 ** (_SHIFT + 1) * 3 // 4
        cv2.circle(image, point, radius, (255, 255, 255), -1, cv2.LINE_AA, _SHIFT)
