"""Files of a track whose camera turns: the world is where it is, whatever frame is read."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up import FRAMES, track_of
from scipy.spatial.transform import Rotation

from overpose.formats import csv as csv_format
from overpose.formats import json as json_format
from overpose.formats.points import joints_y_up_mm, track_angles, y_up_points
from overpose.formats.table import track_rows
from overpose.formats.writing import about_camera
from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.video.posing import turned
from overpose.video.world.level import Level, up_of
from overpose.viewer.picture import project_px
from overpose.viewer.shown import show_of

LEVEL = Level(up_of(0.1, 0.02), 1500.0).camera_to_world()


@pytest.fixture
def still() -> PoseTrack:
    return replace(track_of(("walking",)), camera_to_world=LEVEL)


@pytest.fixture
def turning(still: PoseTrack) -> PoseTrack:
    """The same people in the same world, before a camera that pans by 30 degrees."""
    angles = np.linspace(0, 30, FRAMES)
    turns = Rotation.from_euler("Y", angles[:, None], degrees=True).as_matrix()
    back = turns.swapaxes(1, 2)
    world = np.tile(LEVEL, (FRAMES, 1, 1))
    world[:, :3, :3] = LEVEL[:3, :3] @ turns
    joints = (still.poses_mm + still.root_mm[:, :, None])[0]
    seen = turned(joints, back)
    keypoints = still.keypoints_px.copy()
    keypoints[0, ..., :2] = (
        np.array([still.width, still.height]) / 2 + still.focal_px * seen[..., :2] / seen[..., 2:]
    )
    return replace(
        still,
        poses_mm=turned(still.poses_mm[0], back)[None],
        root_mm=turned(still.root_mm[0], back)[None],
        keypoints_px=keypoints,
        camera_to_world=None,
        camera_is_static=False,
        moving_camera_to_world=world,
    )


def test_points_and_angles_are_those_of_a_still_camera(
    still: PoseTrack, turning: PoseTrack
) -> None:
    np.testing.assert_allclose(joints_y_up_mm(turning), joints_y_up_mm(still), atol=0.01)
    np.testing.assert_allclose(
        y_up_points(turning).points_mm, y_up_points(still).points_mm, atol=0.01
    )
    angles = track_angles(turning)
    for name, values in track_angles(still).items():
        np.testing.assert_allclose(angles[name], values, atol=0.01)


def test_the_matrix_of_each_frame_takes_its_points_to_the_world(
    still: PoseTrack, turning: PoseTrack, tmp_path: Path
) -> None:
    csv_format.write(turning, tmp_path / "t.csv")
    wanted = joints_y_up_mm(still)[0]
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["joint"] == "neck"]
    for frame in (0, FRAMES - 1):
        row = rows[frame]
        point = np.array([float(row[f"{axis}_mm"]) for axis in "xyz"])
        matrix = np.array([[float(row[f"camera_to_world_{r}{c}"]) for c in range(1, 5)]
                           for r in range(1, 4)])  # fmt: skip
        there = matrix[:, :3] @ point + matrix[:, 3]
        place = still.joint_names.index("neck")
        np.testing.assert_allclose(there, wanted[frame, place], atol=0.1)
    json_format.write(turning, tmp_path / "t.json")
    told = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert "camera_to_world" not in told
    np.testing.assert_allclose(told["moving_camera_to_world"], turning.moving_camera_to_world)


def test_the_table_has_joints_in_the_world(still: PoseTrack, turning: PoseTrack) -> None:
    one, other = (
        np.array([
            [each["neck"]["x"], each["neck"]["y"], each["neck"]["z"]]
            for each in next(track_rows(track, "clip"))["world_mm"].to_pylist()
        ])
        for track in (still, turning)
    )  # fmt: skip
    np.testing.assert_allclose(other, one, atol=0.01)


def test_it_is_kept_in_the_file_and_left_out_about_the_camera(
    turning: PoseTrack, tmp_path: Path
) -> None:
    turning.save(tmp_path / "t.npz")
    again = PoseTrack.load(tmp_path / "t.npz")
    np.testing.assert_array_equal(again.world, turning.moving_camera_to_world)
    assert about_camera(turning).world is None


def test_what_is_no_world_is_refused(turning: PoseTrack) -> None:
    with pytest.raises(InputError, match="expected one"):
        replace(turning, camera_to_world=LEVEL)
    assert turning.moving_camera_to_world is not None
    bent = turning.moving_camera_to_world.copy()
    bent[3, 0, 0] = 2.0
    with pytest.raises(InputError, match="frame 3"):
        replace(turning, moving_camera_to_world=bent)
    with pytest.raises(InputError, match="moving_camera_to_world"):
        replace(turning, moving_camera_to_world=bent[:5])


def test_the_viewer_turns_its_camera_and_leaves_people_where_they_are(
    still: PoseTrack, turning: PoseTrack
) -> None:
    one, other = show_of(still), show_of(turning)
    np.testing.assert_allclose(other.people[0].root_mm, one.people[0].root_mm, atol=0.01)
    for frame in (0, 20, FRAMES - 1):
        time_s = frame / turning.fps
        joints = other.people[0].positions_mm(time_s)
        assert joints is not None
        seen = project_px(joints, other, time_s)
        np.testing.assert_allclose(seen, turning.keypoints_px[0, frame, :, :2], atol=0.05)
    assert other.floor_mm == pytest.approx(one.floor_mm)
