"""Placing people for the viewers."""

import dataclasses

import numpy as np
import pytest
from made_up import FPS, HEIGHT, WIDTH, track_of

from overpose.layouts import LAYOUTS
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M, side_and_part
from overpose.support.errors import InputError
from overpose.viewer.shown import frame_at, keypoint_edges, show_of


def test_joints_are_shown_where_the_track_has_them(track: PoseTrack) -> None:
    person = show_of(track).people[0]
    expected = track.poses_mm[0, 7] + track.root_mm[0, 7]
    np.testing.assert_array_equal(person.positions_mm(7 / FPS), expected)


def test_a_person_is_hidden_while_not_seen_and_after_the_end(track: PoseTrack) -> None:
    person = show_of(track).people[1]
    assert person.positions_mm(9 / FPS) is not None
    assert person.positions_mm(10 / FPS) is None
    assert person.positions_mm(track.frames / FPS) is None


def test_the_floor_is_at_the_ankles_of_somebody_who_stands() -> None:
    standing = track_of(("walking",), 30)
    standing.poses_mm[:] = standing.poses_mm[:, :1]
    standing.root_mm[:] = standing.root_mm[:, :1]
    ankles = HUMAN36M.indices(["left_ankle", "right_ankle"])
    lower = (standing.poses_mm + standing.root_mm[:, :, None])[0, 0, ankles, 1].max()
    assert show_of(standing).floor_mm == pytest.approx(lower, abs=0.1)


def test_one_wild_frame_does_not_move_the_floor() -> None:
    calm = track_of(("walking",), 60)
    wild = track_of(("walking",), 60)
    wild.root_mm[0, 30, 1] += 5000
    assert show_of(wild).floor_mm == pytest.approx(show_of(calm).floor_mm, abs=20)


def test_where_the_root_is_unknown_the_last_known_one_holds(track: PoseTrack) -> None:
    root_mm = track.root_mm.copy()
    root_mm[0, :3] = root_mm[0, 20:25] = np.nan
    person = show_of(dataclasses.replace(track, root_mm=root_mm)).people[0]
    np.testing.assert_array_equal(person.root_mm[0], track.root_mm[0, 3])
    np.testing.assert_array_equal(person.root_mm[24], track.root_mm[0, 19])


def test_people_whose_root_is_never_known_stand_side_by_side(track: PoseTrack) -> None:
    lost = dataclasses.replace(track, root_mm=np.full_like(track.root_mm, np.nan))
    first, second = (person.root_mm[0] for person in show_of(lost).people)
    assert np.linalg.norm(first - second) >= 1000
    assert first[2] == second[2] > 0


def test_a_track_without_people_still_has_a_stage(track: PoseTrack) -> None:
    empty = dataclasses.replace(
        track,
        poses_mm=track.poses_mm[:0],
        root_mm=track.root_mm[:0],
        keypoints_px=track.keypoints_px[:0],
    )
    show = show_of(empty)
    assert show.people == ()
    assert show.frames == track.frames
    assert np.isfinite([show.floor_mm, show.size_mm, show.group_mm, *show.middle_mm]).all()


def test_a_track_in_which_nobody_is_seen_still_has_a_stage(track: PoseTrack) -> None:
    unseen = dataclasses.replace(
        track,
        poses_mm=np.full_like(track.poses_mm, np.nan),
        root_mm=np.full_like(track.root_mm, np.nan),
    )
    show = show_of(unseen)
    assert np.isfinite([show.floor_mm, show.size_mm, show.group_mm, *show.middle_mm]).all()


def test_a_track_without_frames_has_a_timeline_of_one(track: PoseTrack) -> None:
    none = dataclasses.replace(
        track,
        poses_mm=track.poses_mm[:, :0],
        root_mm=track.root_mm[:, :0],
        keypoints_px=track.keypoints_px[:, :0],
    )
    show = show_of(none)
    assert show.frames == 1
    assert show.people[0].positions_mm(0.0) is None


def test_several_tracks_share_the_timeline_of_the_first_and_its_image_size(
    track: PoseTrack,
) -> None:
    other = dataclasses.replace(track, fps=FPS / 2, width=2 * WIDTH, height=2 * HEIGHT)
    show = show_of({"a": track, "b": other})
    assert [person.label for person in show.people] == [
        "a · person 1", "a · person 2", "b · person 1", "b · person 2",
    ]  # fmt: skip
    assert (show.fps, show.frames) == (FPS, 2 * track.frames)
    np.testing.assert_allclose(
        show.people[2].keypoints_px[..., :2], track.keypoints_px[0, ..., :2] / 2
    )
    np.testing.assert_array_equal(
        show.people[2].keypoints_px[..., 2], track.keypoints_px[0, ..., 2]
    )


def test_no_track_is_an_error() -> None:
    with pytest.raises(InputError, match="got none"):
        show_of({})


@pytest.mark.parametrize("fps", [1.0, 23.976, 25.0, 29.97, 30.0, 59.94, 120.0])
def test_every_frame_is_found_at_its_own_time(fps: float) -> None:
    frames = range(20_000)
    assert all(frame_at(frame / fps, fps) == frame for frame in frames)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_lines_between_keypoints_keep_to_one_side_of_the_body(layout) -> None:
    for a, b in keypoint_edges(layout.names):
        names = layout.names[a], layout.names[b]
        sides = {side_and_part(name)[0] for name in names}
        across = {name.split("_", 1)[-1] for name in names} in ({"shoulder"}, {"hip"})
        assert sides != {"left", "right"} or across or set(names) == {"mouth_left", "mouth_right"}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_lines_between_keypoints_reach_every_limb_once(layout) -> None:
    edges = [frozenset(edge) for edge in keypoint_edges(layout.names)]
    assert len(set(edges)) == len(edges)
    touched = {layout.names[index] for edge in edges for index in edge}
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        assert {f"left_{part}", f"right_{part}"} <= touched


def test_the_middle_at_a_time_is_that_of_the_people_seen(track: PoseTrack) -> None:
    show = show_of(track)
    np.testing.assert_allclose(show.middle_at(0.0), track.root_mm[:, 0].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(show.middle_at(12 / FPS), track.root_mm[0, 12], rtol=1e-5)
