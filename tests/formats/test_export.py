"""Pose tracks in other formats, read back by independent readers."""

import json
import re
from dataclasses import replace
from pathlib import Path

import ezc3d
import numpy as np
import pandas as pd
import pybvh
import pytest

from overpose.formats import FORMATS, bvh, c3d, csv, trc
from overpose.formats import json as json_format
from overpose.formats.points import joints_camera_mm
from overpose.formats.writing import export_files, save_track, write_formats
from overpose.mocap.trc import PointTable, read_trc, write_trc
from overpose.networks.lifted import ankles_mm
from overpose.poses import PoseTrack
from overpose.skeleton import FEET, HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output


def made_track(people: int = 2, frames: int = 5, lost: int = 2) -> PoseTrack:
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 400, (people, frames, 17, 3)).astype(np.float32)
    root = rng.normal(0, 300, (people, frames, 3)).astype(np.float32)
    root[..., 2] += 4000
    poses[:, :, 0] = 0
    poses[0, lost], root[0, lost] = np.nan, np.nan
    return PoseTrack(
        poses_mm=poses,
        root_mm=root,
        keypoints_px=np.zeros((people, frames, 1, 3), np.float32),
        keypoint_names=("nose",),
        fps=30.0,
        width=640,
        height=480,
        focal_px=600.0,
        focal_is_estimated=True,
        model="made up",
    )


def test_csv_read_by_pandas_holds_every_joint(tmp_path: Path) -> None:
    track = made_track()
    write_formats(track, tmp_path, "clip", [csv.FORMAT])
    table = pd.read_csv(tmp_path / "clip.csv")
    assert len(table) == 2 * 5 * 17
    values = table[["x_mm", "y_mm", "z_mm"]].to_numpy().reshape(2, 5, 17, 3)
    assert np.allclose(values, joints_camera_mm(track), atol=0.006, equal_nan=True)
    assert table.joint[:17].tolist() == list(HUMAN36M.joint_names)
    assert table.seen.to_numpy().reshape(2, 5, 17)[0, :, 0].tolist() == [1, 1, 0, 1, 1]
    assert table.time_s.max() == pytest.approx(4 / 30, abs=1e-5)


def test_json_has_null_where_nobody_is_seen(tmp_path: Path) -> None:
    track = made_track()
    write_formats(track, tmp_path, "clip", [json_format.FORMAT])
    value = json.loads((tmp_path / "clip.json").read_text())
    assert value["joint_names"] == list(HUMAN36M.joint_names)
    assert value["people"][0]["poses_mm"][2] is None
    second = value["people"][1]
    assert np.allclose(second["poses_mm"], track.poses_mm[1], atol=0.006)
    assert np.allclose(second["root_mm"], track.root_mm[1], atol=0.006)


def test_json_has_the_score_of_who_was_judged(tmp_path: Path) -> None:
    track = replace(made_track(), person_score=np.array([0.75, np.nan], np.float32))
    write_formats(track, tmp_path, "clip", [json_format.FORMAT])
    people = json.loads((tmp_path / "clip.json").read_text())["people"]
    assert people[0]["person_score"] == 0.75
    assert "person_score" not in people[1]


def with_feet(people: int = 2) -> PoseTrack:
    """A track whose heels and toes lie about the ankles, with expected errors."""
    track = made_track(people)
    rng = np.random.default_rng(4)
    feet = ankles_mm(track.poses_mm) + rng.normal(0, 80, (people, 5, 4, 3)).astype(np.float32)
    names = ("left_heel", "left_foot_index")
    return replace(
        track,
        feet_mm=feet,
        joint_error_mm=rng.uniform(5, 90, (people, 5, 17)).astype(np.float32),
        keypoints_px=np.full((people, 5, 2, 3), 0.5, np.float32),
        keypoint_names=names,
    )


def test_csv_and_json_hold_feet_and_expected_errors_where_they_are_known(tmp_path: Path) -> None:
    track = with_feet()
    write_formats(track, tmp_path, "clip", [csv.FORMAT, json_format.FORMAT])
    table = pd.read_csv(tmp_path / "clip.csv")
    assert len(table) == 2 * 5 * 21
    assert table.joint[17:21].tolist() == list(FEET.names)
    feet = table[["x_mm", "y_mm", "z_mm"]].to_numpy().reshape(2, 5, 21, 3)[:, :, 17:]
    assert track.feet_mm is not None
    np.testing.assert_allclose(feet, track.feet_mm + track.root_mm[:, :, None], atol=0.006)
    errors = table.joint_error_mm.to_numpy().reshape(2, 5, 21)
    np.testing.assert_allclose(errors[..., :17], track.joint_error_mm, atol=0.006)
    assert np.isnan(errors[..., 17:]).all()
    sure = table.confidence.to_numpy().reshape(2, 5, 21)[..., 17:]
    assert (sure[..., :2] == 0.5).all()
    assert np.isnan(sure[..., 2:]).all()  # no keypoints of the right foot
    value = json.loads((tmp_path / "clip.json").read_text())
    assert value["foot_names"] == list(FEET.names)
    second = value["people"][1]
    np.testing.assert_allclose(second["feet_mm"], track.feet_mm[1], atol=0.006)
    np.testing.assert_allclose(second["joint_error_mm"], track.joint_error_mm[1], atol=0.006)
    assert value["people"][0]["feet_mm"][2] is None
    write_formats(made_track(), tmp_path, "plain", [csv.FORMAT, json_format.FORMAT])
    plain = json.loads((tmp_path / "plain.json").read_text())
    assert not {"feet_mm", "joint_error_mm", "foot_names"} & {*plain, *plain["people"][0]}
    assert tuple(pd.read_csv(tmp_path / "plain.csv").columns) == csv.COLUMNS


def test_points_of_the_feet_follow_the_joints_of_each_person(tmp_path: Path) -> None:
    track = with_feet()
    write_formats(track, tmp_path, "clip", [trc.FORMAT, c3d.FORMAT])
    table = read_trc(tmp_path / "clip.trc")
    assert table.names[17:21] == tuple(f"person1_{name}" for name in FEET.names)
    assert track.feet_mm is not None
    toe = (track.feet_mm[1, :, 1] + track.root_mm[1]) * (1, -1, -1)
    np.testing.assert_allclose(table.points_mm[:, 21 + 18], toe, atol=1e-3)
    points = ezc3d.c3d(str(tmp_path / "clip.c3d"))
    labels = points["parameters"]["POINT"]["LABELS"]["value"]
    assert labels[21 + 18] == "person2_left_toe"
    np.testing.assert_allclose(points["data"]["points"][:3, 21 + 18].T, toe, atol=0.01)


def test_trc_is_upright_and_reads_back(tmp_path: Path) -> None:
    track = made_track()
    write_formats(track, tmp_path, "clip", [trc.FORMAT])
    table = read_trc(tmp_path / "clip.trc")
    assert table.fps == 30
    assert table.names[17 + HUMAN36M.index("nose")] == "person2_nose"
    expected = np.moveaxis(joints_camera_mm(track) * (1, -1, -1), 0, 1).reshape(5, 34, 3)
    assert np.allclose(table.points_mm, expected, atol=1e-3, equal_nan=True)
    lines = (tmp_path / "clip.trc").read_text().splitlines()
    plain = pd.read_csv(tmp_path / "clip.trc", sep="\t", skiprows=6, header=None)
    assert lines[2].split("\t")[2:5] == ["5", "34", "mm"]
    assert plain.shape == (5, 2 + 3 * 34)


def test_a_reference_file_of_another_program_is_read(shared_dir: Path) -> None:
    table = read_trc(shared_dir / "video" / "balancing" / "reference.trc")
    assert table.points_mm.shape == (100, 21, 3)
    assert table.fps == 60
    thigh = (
        table.points_mm[:, table.names.index("RHip")]
        - table.points_mm[:, table.names.index("RKnee")]
    )
    assert 350 < np.linalg.norm(thigh, axis=1).mean() < 480  # metres in the file


@pytest.mark.parametrize("unit", ["mm", "cm", "m"])
def test_units_of_a_trc_are_honoured(tmp_path: Path, unit: str) -> None:
    path = tmp_path / "a.trc"
    write_trc(PointTable(("a",), np.full((2, 1, 3), 10.0), 50.0), path)
    path.write_text(path.read_text().replace("\tmm\t", f"\t{unit}\t"))
    factor = {"mm": 1, "cm": 10, "m": 1000}[unit]
    assert np.allclose(read_trc(path).points_mm, 10.0 * factor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "nothing", "not a TRC file"),
        (lambda text: text.replace("\tmm\t", "\tfoot\t"), ":3: got Units 'foot'"),
        (lambda text: text + "3\t0.1\t5.0\n", ":9: got 3 cells, expected 5"),
        (lambda text: text.replace("10.0000", "ten", 1), ":7: "),
    ],
)
def test_garbled_trc_files_are_refused(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "a.trc"
    write_trc(PointTable(("a",), np.full((2, 1, 3), 10.0), 50.0), path)
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=message):
        read_trc(path)


def test_nothing_is_written_when_one_thing_is_wrong(tmp_path: Path) -> None:
    track = made_track()
    with pytest.raises(InputError, match="formats: got none"):
        write_formats(track, tmp_path, "clip", [])
    (tmp_path / "clip.trc").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_formats(track, tmp_path, "clip", [csv.FORMAT, trc.FORMAT])
    assert [path.name for path in tmp_path.iterdir()] == ["clip.trc"]
    write_formats(track, tmp_path, "clip", [csv.FORMAT, trc.FORMAT], overwrite=True)
    assert (tmp_path / "clip.trc").read_text() != "mine"
    nobody = made_track(1, 1, lost=0)
    with pytest.raises(InputError, match="nobody is seen"):
        write_formats(nobody, tmp_path, "nobody", [csv.FORMAT])


def test_files_are_exported_by_name(tmp_path: Path) -> None:
    made_track().save(tmp_path / "clip.npz")
    written = export_files(
        [tmp_path / "clip.npz"], Output(tmp_path / "out"), [json_format.FORMAT, csv.FORMAT]
    )
    assert [path.name for path in written] == ["clip.json", "clip.csv"]
    assert all(path.is_file() for path in written)
    with pytest.raises(InputError, match="got no file"):
        export_files([], Output(tmp_path), [csv.FORMAT])


def test_a_bvh_for_each_person_stands_where_the_track_does(tmp_path: Path) -> None:
    track = made_track()
    written = write_formats(track, tmp_path, "clip", [bvh.FORMAT])
    assert [path.name for path in written] == ["clip_person1.bvh", "clip_person2.bvh"]
    hips = pybvh.read_bvh_file(tmp_path / "clip_person2.bvh", world_up="+y")
    root = hips.node_positions()[:, 0]
    assert np.allclose(root, track.root_mm[1] * (0.1, -0.1, -0.1), atol=1e-3)


def test_one_person_gives_one_bvh_of_the_name_of_the_track(tmp_path: Path) -> None:
    written = write_formats(made_track(people=1), tmp_path, "clip", [bvh.FORMAT, c3d.FORMAT])
    assert [path.name for path in written] == ["clip.bvh", "clip.c3d"]
    labels = ezc3d.c3d(str(tmp_path / "clip.c3d"))["parameters"]["POINT"]["LABELS"]["value"]
    assert labels == list(HUMAN36M.joint_names)


@pytest.mark.parametrize(
    ("names", "thigh", "link", "foot"),
    [
        ("mixamo", "mixamorig:LeftUpLeg", "mixamorig:LeftHip", "mixamorig:LeftFoot"),
        ("cmu", "LeftUpLeg", "LHipJoint", "LeftFoot"),
        ("human36m", "LeftUpLeg", "LeftHip", "LeftFoot"),
    ],
)
def test_bones_of_a_bvh_are_called_as_asked_and_move_the_same(
    tmp_path: Path, names: bvh.Names, thigh: str, link: str, foot: str
) -> None:
    track = with_feet(people=1)
    (ours,) = write_formats(track, tmp_path, "ours", [bvh.FORMAT])
    (theirs,) = write_formats(track, tmp_path, "theirs", bvh.with_names([bvh.FORMAT], names))
    first, second = (pybvh.read_bvh_file(path, world_up="+y") for path in (ours, theirs))
    np.testing.assert_allclose(first.node_positions(), second.node_positions(), atol=1e-9)
    text = theirs.read_text()
    for ours_called, called in (
        ("left_hip", thigh),
        ("pelvis_to_left_hip", link),
        ("left_ankle", foot),
    ):
        assert f"JOINT {called}\n" in text
        assert f"JOINT {ours_called}\n" in ours.read_text()
    called = re.findall(r"(?:ROOT|JOINT) (\S+)", text)
    assert len(set(called)) == len(called) == 19
    assert called[0].endswith("Hips")


def test_names_of_bones_without_a_bvh_are_refused() -> None:
    with pytest.raises(InputError, match="names: got cmu without the format bvh"):
        bvh.with_names([csv.FORMAT], "cmu")
    assert bvh.with_names([csv.FORMAT], "overpose") == (csv.FORMAT,)


def test_an_existing_bvh_of_one_person_stops_all_writing(tmp_path: Path) -> None:
    (tmp_path / "clip_person2.bvh").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_formats(made_track(), tmp_path, "clip", [json_format.FORMAT, bvh.FORMAT])
    assert [path.name for path in tmp_path.iterdir()] == ["clip_person2.bvh"]


def test_somebody_never_seen_gets_no_bvh_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    track = made_track()
    poses = track.poses_mm.copy()
    poses[0] = np.nan
    written = write_formats(replace(track, poses_mm=poses), tmp_path, "clip", [bvh.FORMAT])
    assert [path.name for path in written] == ["clip_person2.bvh"]
    assert "person 1 is never seen" in capsys.readouterr().err


def test_confidence_is_the_score_of_the_keypoints(tmp_path: Path) -> None:
    track = made_track()
    keypoints = np.full((2, 5, 17, 3), 0.75, np.float32)
    keypoints[0, 2] = np.nan
    sure = replace(track, keypoints_px=keypoints, keypoint_names=HUMAN36M.joint_names)
    write_formats(sure, tmp_path, "clip", [csv.FORMAT, json_format.FORMAT])
    cells = pd.read_csv(tmp_path / "clip.csv").confidence.to_numpy().reshape(2, 5, 17)
    assert np.isnan(cells[0, 2]).all()
    assert (cells[1] == 0.75).all()
    value = json.loads((tmp_path / "clip.json").read_text())
    assert value["people"][0]["confidence"][2] is None
    assert value["people"][1]["confidence"][0] == [0.75] * 17


@pytest.mark.parametrize("wanted", FORMATS, ids=lambda each: each.name)
def test_a_track_is_saved_in_the_format_that_its_name_ends_in(wanted, tmp_path: Path) -> None:
    track = made_track(people=1)
    (written,) = save_track(track, tmp_path / f"mine{wanted.suffix}")
    exported, *_ = write_formats(track, tmp_path / "other", "mine", [wanted])
    assert written.name == exported.name
    assert written.read_bytes() == exported.read_bytes()


def test_a_track_saved_as_npz_loads_again(tmp_path: Path) -> None:
    track = made_track()
    save_track(track, tmp_path / "clip.npz")
    loaded = PoseTrack.load(tmp_path / "clip.npz")
    assert np.array_equal(loaded.poses_mm, track.poses_mm, equal_nan=True)


def test_several_people_saved_as_bvh_get_a_file_each(tmp_path: Path) -> None:
    written = save_track(made_track(), tmp_path / "clip.bvh")
    assert [path.name for path in written] == ["clip_person1.bvh", "clip_person2.bvh"]


def test_an_ending_that_no_format_has_is_refused_with_those_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'.docx', expected one of .npz, .json, .csv, .bvh"):
        save_track(made_track(), tmp_path / "clip.docx")
    assert not list(tmp_path.iterdir())


def test_an_export_never_replaces_the_track_it_reads(tmp_path: Path) -> None:
    made_track().save(tmp_path / "clip.npz")
    (tmp_path / "clip.csv").hardlink_to(tmp_path / "clip.npz")
    with pytest.raises(InputError, match=r"would replace the input .*clip\.npz"):
        export_files([tmp_path / "clip.npz"], Output(tmp_path, True), [csv.FORMAT])


def test_tracks_whose_files_would_be_the_same_are_refused_before_any_is_written(
    tmp_path: Path,
) -> None:
    made_track(3).save(tmp_path / "a.npz")
    made_track(1).save(tmp_path / "a_person3.npz")
    paths = [tmp_path / "a.npz", tmp_path / "a_person3.npz"]
    with pytest.raises(InputError, match=r"a_person3\.bvh: two results would be this file"):
        export_files(paths, Output(tmp_path / "out", True), [csv.FORMAT, bvh.FORMAT])
    assert not (tmp_path / "out").exists()
    assert len(export_files(paths, Output(tmp_path / "out"), [csv.FORMAT])) == 2


@pytest.mark.parametrize(("people", "told"), [(15, False), (16, True)])
def test_a_c3d_of_more_than_255_points_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], people: int, told: bool
) -> None:
    write_formats(made_track(people), tmp_path, "clip", [c3d.FORMAT])
    said = capsys.readouterr().err
    assert said.count("\n") == told
    assert ("272 points" in said) == told
    names = ezc3d.c3d(str(tmp_path / "clip.c3d"))["parameters"]["POINT"]
    both = names["LABELS"]["value"] + names.get("LABELS2", {"value": []})["value"]
    assert len(both) == 17 * people


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_names_that_a_spreadsheet_would_run_get_an_apostrophe_and_numbers_none(
    tmp_path: Path, start: str
) -> None:
    hostile = f"{start}cmd|' /C calc'!A0"
    track = made_track()
    track = replace(track, joint_names=(hostile, *track.joint_names[1:]))
    write_formats(track, tmp_path, "clip", [csv.FORMAT])
    table = pd.read_csv(tmp_path / "clip.csv")
    assert table.joint[0] == f"'{hostile}"
    assert table.joint[1] == "right_hip"
    assert (table.x_mm.dropna() < 0).any()
