"""What several formats write of a track: its joints and feet in camera coordinates, how sure."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.angles import Y_UP, joint_angles
from overpose.camera import turned
from overpose.layouts import FOOT_KEYPOINTS, house_keypoints, layout_of
from overpose.mocap.trc import PointTable
from overpose.poses import PoseTrack
from overpose.skeleton import FEET, HUMAN36M
from overpose.support.errors import InputError

DECIMALS = 2
"""Of millimetres, in text."""


def require_house_joints(
    track: PoseTrack, path: Path, kind: str, people: int | None = None
) -> None:
    """Refuse a track with joints other than those of `HUMAN36M`, or not of so many people."""
    wanted = track.people if people is None else people
    if track.people != wanted or track.joint_names != HUMAN36M.joint_names:
        raise InputError(
            f"{path}: got {track.people} people with the joints {', '.join(track.joint_names)}; "
            f"expected {wanted} with those of {HUMAN36M.name}, for {kind}"
        )


def joints_camera_mm(track: PoseTrack) -> np.ndarray:
    """(people, frames, 17, 3) float64: joints in camera coordinates, about the root where its place
    is not known; NaN where not seen."""
    root = np.nan_to_num(track.root_mm.astype(np.float64))
    return track.poses_mm.astype(np.float64) + root[:, :, None]


def all_points(track: PoseTrack) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the joints, and of heels and toes where they are known, and all of them in camera
    coordinates (people, frames, points, 3) float64, as `joints_camera_mm`."""
    joints = joints_camera_mm(track)
    if track.feet_mm is None or track.foot_names is None:
        return track.joint_names, joints
    root = np.nan_to_num(track.root_mm.astype(np.float64))
    feet = track.feet_mm.astype(np.float64) + root[:, :, None]
    return (*track.joint_names, *track.foot_names), np.concatenate([joints, feet], axis=2)


def foot_confidence(track: PoseTrack) -> np.ndarray:
    """(people, frames, 4) float64, 0 to 1, as `joint_confidence`, of heels and toes."""
    found = np.full((*track.poses_mm.shape[:2], len(FEET)), np.nan)
    for place, keypoint in enumerate(FOOT_KEYPOINTS):
        if keypoint in track.keypoint_names:
            points = track.keypoints_px[:, :, track.keypoint_names.index(keypoint)]
            known = np.isfinite(points[..., :2]).all(axis=-1)
            found[..., place] = np.where(known, points[..., 2], np.nan)
    return found


def joint_confidence(track: PoseTrack) -> np.ndarray:
    """(people, frames, 17) float64, 0 to 1: scores of the keypoints that each joint lies on; NaN
    where there are none, or they are of no known layout."""
    shape = track.poses_mm.shape[:3]
    try:
        layout = layout_of(track.keypoint_names)
    except InputError:
        return np.full(shape, np.nan)
    points = house_keypoints(track.keypoints_px, layout)
    known = np.isfinite(points[..., :2]).all(axis=-1)
    return np.where(known, points[..., 2], np.nan).astype(np.float64)


def steadied(track: PoseTrack) -> PoseTrack:
    """The track as the camera would have it, had it stayed as it was in the first frame; itself
    where the camera does not turn, or no world is known."""
    world = track.moving_camera_to_world
    if world is None:
        return track
    turns = world[0, :3, :3].T @ world[:, :3, :3]
    feet = track.feet_mm
    return replace(
        track,
        poses_mm=_each_turned(track.poses_mm, turns),
        root_mm=_each_turned(track.root_mm, turns),
        feet_mm=None if feet is None else _each_turned(feet, turns),
        camera_to_world=world[0].copy(),
        moving_camera_to_world=None,
    )


def _each_turned(points: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Points of everybody (people, frames, …, 3), turned by frame."""
    return turned(points.swapaxes(0, 1), turns).swapaxes(0, 1)


def y_up_points(track: PoseTrack) -> PointTable:
    """Everybody's joints, heels and toes as points, y up, see `y_up`; with several people, names
    start with person1_, person2_, …"""
    track = steadied(track)
    own, places = all_points(track)
    several = track.people > 1
    names = tuple(
        f"person{person}_{name}" if several else name
        for person in range(1, track.people + 1)
        for name in own
    )
    turn, shift = y_up(track)
    places = places @ turn.T + shift
    points = np.moveaxis(places, 0, 1).reshape(track.frames, len(names), 3)
    return PointTable(names, points, track.fps)


def y_up(track: PoseTrack) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (3, 3) and shift (3,), mm, of camera coordinates to the y-up ones of files: the
    track's world where it has one, else y up about a camera that is held level. A track whose
    camera turns is `steadied` first."""
    world = track.camera_to_world
    if world is None:
        return Y_UP, np.zeros(3)
    return world[:3, :3], world[:3, 3]


def joints_y_up_mm(track: PoseTrack) -> np.ndarray:
    """(people, frames, 17, 3) float64: joints in the coordinates of `y_up`; NaN where not seen."""
    track = steadied(track)
    turn, shift = y_up(track)
    joints = joints_camera_mm(track) @ turn.T + shift
    return np.where(track.seen[..., None, None], joints, np.nan)


def track_angles(track: PoseTrack) -> dict[str, np.ndarray]:
    """(people, frames) float64 degrees of every angle of `ANGLES` that the track shows."""
    track = steadied(track)
    poses = np.where(track.seen[..., None, None], track.poses_mm, np.float32(np.nan))
    return joint_angles(poses, track.feet_mm, y_up(track)[0])


def listed(values: np.ndarray) -> list[Any]:
    """Frames (n, …) as nested lists, None for those that are not whole."""
    rounded = np.round(values.astype(np.float64), DECIMALS)
    return [frame.tolist() if np.isfinite(frame).all() else None for frame in rounded]
