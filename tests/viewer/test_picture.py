"""People drawn on the small picture."""

import dataclasses

import numpy as np
from made_up import HEIGHT, WIDTH

from overpose.poses import PoseTrack
from overpose.viewer.picture import draw_people, project_px
from overpose.viewer.shown import show_of

BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def test_poses_project_onto_the_keypoints_of_the_same_camera(track: PoseTrack) -> None:
    show = show_of(track)
    joints_mm = show.people[0].positions_mm(0.0)
    assert joints_mm is not None
    np.testing.assert_allclose(
        project_px(joints_mm, show), track.keypoints_px[0, 0, :, :2], atol=1e-2
    )


def test_points_behind_the_camera_project_nowhere(track: PoseTrack) -> None:
    assert np.isnan(project_px(np.array([[0.0, 0.0, -100.0]]), show_of(track))).all()


def test_keypoints_are_drawn_where_they_are(track: PoseTrack) -> None:
    show = show_of(track)
    drawn = draw_people(BLACK, show, [show.people[0]], 0.0, keypoints=True, projected=False)
    x, y = track.keypoints_px[0, 0, :, :2].astype(int).T
    assert (drawn[y, x] > 200).all()
    far = np.ones((HEIGHT, WIDTH), bool)
    low, high = track.keypoints_px[0, 0, :, :2].min(axis=0), track.keypoints_px[0, 0, :, :2].max(0)
    far[int(low[1]) - 9 : int(high[1]) + 9, int(low[0]) - 9 : int(high[0]) + 9] = False
    assert not drawn[far].any()


def test_a_smaller_picture_has_the_same_drawing_smaller(track: PoseTrack) -> None:
    show = show_of(track)
    small = BLACK[::2, ::2]
    drawn = draw_people(small, show, [show.people[0]], 0.0, keypoints=True, projected=False)
    x, y = (track.keypoints_px[0, 0, :, :2] / 2).astype(int).T
    assert (drawn[y, x] > 120).all()


def test_projected_poses_are_drawn_in_white(track: PoseTrack) -> None:
    show = show_of(track)
    drawn = draw_people(BLACK, show, [show.people[0]], 0.0, keypoints=False, projected=True)
    assert drawn.any()
    assert (np.ptp(drawn.astype(int), axis=-1) == 0).all()


def test_the_picture_itself_is_left_alone_and_nothing_is_drawn_of_the_unseen(
    track: PoseTrack,
) -> None:
    show = show_of(track)
    image = BLACK.copy()
    drawn = draw_people(image, show, [show.people[1]], 12 / 25, keypoints=True, projected=True)
    assert drawn is not image
    assert not drawn.any()


def test_keypoints_far_outside_the_picture_do_no_harm(track: PoseTrack) -> None:
    keypoints_px = track.keypoints_px.copy()
    keypoints_px[0, 0, :5, :2] = 1e9
    show = show_of(dataclasses.replace(track, keypoints_px=keypoints_px))
    drawn = draw_people(BLACK, show, [show.people[0]], 0.0, keypoints=True, projected=False)
    assert drawn.any()
