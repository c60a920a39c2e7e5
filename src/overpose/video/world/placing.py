"""People in the world: tracks whose camera stays in its place get gravity, a floor, feet on it.

How these are estimated belongs to `gravity`, what was measured to `measured_cameras`.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from overpose.camera import degrees_turned
from overpose.layouts import layout_of
from overpose.poses import PoseTrack
from overpose.support.progress import say
from overpose.video.options import PredictOptions
from overpose.video.posing import View
from overpose.video.world.feet import Feet, feet_of
from overpose.video.world.gravity import USUAL_TILT, level_of_people
from overpose.video.world.level import STEEPEST, Level, body_axes, up_of
from overpose.video.world.standing import standing

SAME_UP = math.radians(40.0)
"""How far an axis of a measured camera's world may be from where people's heads point."""
SAME_HEIGHT = 0.3
"""By which part the height of a measured camera above its world's origin may differ from that above
the feet, for the origin to be on the floor."""


def in_world(
    track: PoseTrack,
    view: View,
    options: PredictOptions,
    *,
    is_static: bool | None,
    name: str,
) -> PoseTrack:
    """The track with what is known of the world.

    Args:
        track: of `view`.
        view: the camera.
        options: whether to look for a floor, and whether the camera is level.
        is_static: whether the camera stood still; None where nobody could see.
        name: of the video, for what is said.
    """
    track = replace(track, camera_is_static=is_static)
    if not options.ground or not track.seen.any():
        return track
    if is_static is False and view.turns is None:
        say(f"{name}: the camera moves: people are in its axes, without a floor")
        return track
    people = people_of(track, view)
    level, is_estimated = level_of(people, view, options, track.fps)
    track = standing(track, people, level, view, options)
    if level is None:
        say(f"{name}: nothing tells where the floor is; people are in the camera's axes")
        return track
    unseen = "; taken to stand still" if is_static is None and track.frames > 1 else ""
    say(f"{name}: {_described(level, is_estimated, view)}{unseen}")
    matrix = level.camera_to_world()
    if view.turns is not None:
        matrices = np.tile(matrix, (track.frames, 1, 1))
        matrices[:, :3, :3] = matrix[:3, :3] @ view.turns
        return replace(track, moving_camera_to_world=matrices, world_is_estimated=is_estimated)
    return replace(track, camera_to_world=matrix, world_is_estimated=is_estimated)


def people_of(track: PoseTrack, view: View) -> list[tuple[np.ndarray, Feet]]:
    """Joints (frames, 17, 3) and feet of everybody in camera coordinates, of a camera that turns in
    those of its first frame."""
    layout = layout_of(track.keypoint_names)
    found = []
    for person in range(track.people):
        root = track.root_mm[person].astype(np.float64)[:, None]
        joints = track.poses_mm[person] + root
        feet = None if track.feet_mm is None else track.feet_mm[person] + root
        keypoints = view.straight(track.keypoints_px[person])
        feet = feet_of(joints, feet, keypoints, layout, view)
        found.append((view.steady(joints), Feet(view.steady(feet.points_mm), feet.seen)))
    return found


def level_of(
    people: list[tuple[np.ndarray, Feet]],
    view: View,
    options: PredictOptions,
    fps: float,
    tell: Callable[[str], None] = say,
) -> tuple[Level | None, bool]:
    """Gravity and floor, None where nothing tells, and whether they are estimated.

    Args:
        people: as `people_of` has them.
        view: the camera.
        options: whether it is level.
        fps: frames a second.
        tell: told of a camera's file whose world has no axis that points up.
    """
    spread = (view.focal_px_std or 0.0) / view.focal_px
    if options.level:
        return level_of_people(
            people, fps, up=np.array([0.0, -1.0, 0.0]), focal_share_std=spread
        ), True
    found = level_of_people(people, fps, focal_share_std=spread)
    if view.lens is None or not view.is_placed or view.turns is not None:
        return found, True  # of a camera that turns, a file says nothing of any one frame
    up, height = _measured_up(people, view, found)
    if up is None or math.asin(min(1.0, abs(up[2]))) > STEEPEST:
        tell("the world of the camera's file has no axis that points up as people do; left out")
        return found, True
    seen = level_of_people(people, fps, up=up, focal_share_std=spread)
    if view.is_metric and height > 0:
        near = seen is None or abs(height - seen.height_mm) < SAME_HEIGHT * seen.height_mm
        if near:
            return Level(up, height), False
    return seen, True


def _measured_up(
    people: list[tuple[np.ndarray, Feet]], view: View, found: Level | None
) -> tuple[np.ndarray | None, float]:
    """(3,) the axis of the measured world, camera axes, that points up, and the camera's height
    along it; None if none does."""
    assert view.lens is not None
    usual = up_of(USUAL_TILT, 0.0) if found is None else found.up
    axes = [body_axes(joints) for joints, _ in people]
    known = np.concatenate([np.empty((0, 3)), *axes])
    known = known[np.isfinite(known).all(axis=-1)]
    if found is None and len(known):
        middle = np.median(known, axis=0)
        usual = middle / max(np.linalg.norm(middle), 1e-9)
    signed = np.concatenate([view.lens.rotation.T, -view.lens.rotation.T])
    best = int((signed @ usual).argmax())
    if signed[best] @ usual < math.cos(SAME_UP):
        return None, 0.0
    height = float(view.lens.position_mm[best % 3] * (1 if best < 3 else -1))
    return signed[best], height


def _described(level: Level, is_estimated: bool, view: View) -> str:
    tilt, roll = math.degrees(level.tilt), math.degrees(level.roll)
    looks = f"looks {'down' if tilt >= 0 else 'up'} {abs(tilt):.0f} degrees"
    rolled = f", rolled {abs(roll):.0f}" if abs(roll) >= 1 else ""
    sure = f" (estimated, ±{level.up_std_deg:.0f} degrees, ±{level.height_std_mm / 1000:.1f} m"
    if view.focal_is_estimated and view.focal_px_std is not None:
        sure += f"; focal length assumed, {view.focal_px:.0f} ±{view.focal_px_std:.0f} px"
    sure += ")"
    height = f"{level.height_mm / 1000:.2f} m above the floor"
    turns = ""
    if view.turns is not None:
        turns = f"turns in its place, by up to {degrees_turned(view.turns).max():.0f} degrees; "
        looks = f"{looks} at first"
    return f"camera {turns}{height}, {looks}{rolled}{sure if is_estimated else ''}"
