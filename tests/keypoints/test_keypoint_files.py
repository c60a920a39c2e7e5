"""Keypoint files of every form, good and bad."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walkers import noisy, path, walker

from overpose.keypoints import keypoint_files, keypoint_json, keypoint_settling
from overpose.keypoints.keypoint_files import KeypointFile, read_keypoints, write_keypoints
from overpose.layouts import BLAZEPOSE_33, BODY_25, COCO_17, HUMAN36M_17, LAYOUTS
from overpose.support.errors import InputError

PEOPLE = np.stack(
    [
        walker(path((100, 300), (300, 300), 12)),
        walker(path((700, 320), (500, 320), 12), phase=0.3),
    ]
).astype(np.float32)


def save(directory: Path, value: object, name: str = "clip.json") -> Path:
    target = directory / name
    target.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return target


def body_25(people: np.ndarray) -> np.ndarray:
    """BODY_25 keypoints with COCO's filled in and the rest missing as OpenPose says it."""
    result = np.zeros((*people.shape[:-2], 25, 3))
    result[..., BODY_25.indices(COCO_17.names), :] = people
    return result


def seen_people(keypoints: np.ndarray) -> np.ndarray:
    return np.nan_to_num(keypoints, nan=-1.0)


@given(seed=st.integers(0, 10_000), layout=st.sampled_from(LAYOUTS))
@settings(max_examples=20, deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory, seed, layout):
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(1, 900, (2, 5, len(layout), 3)).astype(np.float32)
    keypoints[..., 2] = rng.uniform(0, 1, keypoints.shape[:-1])
    keypoints[rng.random(keypoints.shape[:-1]) < 0.3] = (np.nan, np.nan, 0)
    keypoints[0, 2] = (np.nan, np.nan, 0)
    keypoints[:, 4, 0] = (5, 5, 1)  # somebody is there in the last frame
    target = tmp_path_factory.mktemp("written") / "clip.json"
    write_keypoints(target, KeypointFile(layout, keypoints, 25.0, 1920, 1080))
    found = read_keypoints(target)
    assert (found.layout, found.fps, found.width, found.height) == (layout, 25.0, 1920, 1080)
    assert found.keypoints.dtype == np.float32
    np.testing.assert_allclose(found.keypoints, keypoints, atol=0.006)


def test_our_own_form_knows_missing_keypoints_and_frames(tmp_path):
    points = [[10, 20, 0.5], None, [30, 40], [0, 0, 0], [float("nan"), float("nan"), 0.3]]
    value = {
        "layout": ["nose", "LShoulder", "Right Shoulder", "hip_left", "right_hip"],
        "people": [{"id": "b", "frames": [None, points]}, {"id": "a", "frames": [[]]}],
    }
    found = read_keypoints(save(tmp_path, value))
    assert found.layout is COCO_17
    assert found.keypoints.shape == (2, 2, 17, 3)
    kept = found.keypoints[0, 1]
    np.testing.assert_allclose(kept[COCO_17.index("nose")], [10, 20, 0.5])
    np.testing.assert_allclose(kept[COCO_17.index("right_shoulder")], [30, 40, 1])
    assert np.isfinite(kept[:, 0]).sum() == 2
    assert (kept[np.isnan(kept[:, 0]), 2] == 0).all()
    assert np.isnan(found.keypoints[1, ..., :2]).all()


def test_people_come_in_the_order_of_their_numbers(tmp_path):
    frames = [PEOPLE[0, 0].tolist()]
    value = {"people": [{"id": 10, "frames": frames}, {"id": 9, "frames": [None, *frames]}]}
    found = read_keypoints(save(tmp_path, value))
    assert np.isfinite(found.keypoints[:, :, 0, 0]).tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(("layout", "count"), [(None, 33), (None, 25), (None, 17), ("h36m", 17)])
def test_unnamed_keypoints_are_known_by_their_number_or_by_the_layout_given(
    tmp_path, layout, count
):
    value = {"people": [{"frames": [[[5, 6, 0.5]] * count]}]}
    found = read_keypoints(save(tmp_path, value), layout=layout)
    expected = {33: BLAZEPOSE_33, 25: BODY_25, 17: HUMAN36M_17 if layout else COCO_17}[count]
    assert found.layout is expected


def openpose(directory: Path, people: np.ndarray, first: int = 0, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    for frame in range(people.shape[1]):
        order = rng.permutation(len(people))
        flat = [{"pose_keypoints_2d": body_25(people[p, frame]).ravel().tolist()} for p in order]
        value = {"version": 1.3, "people": flat}
        save(directory, value, f"clip_{frame + first:012d}_keypoints.json")
    return directory


@pytest.mark.parametrize("first", [0, 1])
def test_openpose_directories_are_read_and_people_followed(tmp_path, first):
    found = read_keypoints(openpose(tmp_path, PEOPLE, first), fps=30)
    assert found.layout is BODY_25
    assert found.keypoints.shape == (2, 12, 25, 3)
    own = found.keypoints[..., BODY_25.indices(COCO_17.names), :]
    if own[0, 0, 0, 0] > 400:
        own = own[::-1]
    np.testing.assert_allclose(own, PEOPLE, rtol=1e-5)
    assert np.isnan(found.keypoints[..., BODY_25.index("mid_hip"), 0]).all()


def test_an_openpose_frame_that_is_not_there_is_a_frame_without_people(tmp_path):
    openpose(tmp_path, PEOPLE)
    (tmp_path / "clip_000000000003_keypoints.json").unlink()
    found = read_keypoints(tmp_path)
    assert np.isnan(found.keypoints[:, 3, :, 0]).all()
    assert np.isfinite(found.keypoints[:, 4, 0, 0]).all()


def test_links_that_lead_nowhere_do_no_harm(tmp_path):
    directory = openpose(tmp_path, PEOPLE)
    expected = read_keypoints(directory).keypoints
    (directory / "link.json").symlink_to(directory / "absent")
    np.testing.assert_array_equal(read_keypoints(directory).keypoints, expected)


def test_one_openpose_file_is_a_photo(tmp_path):
    openpose(tmp_path, PEOPLE[:, :1])
    found = read_keypoints(tmp_path / "clip_000000000000_keypoints.json")
    assert found.keypoints.shape == (2, 1, 25, 3)
    nobody = read_keypoints(save(tmp_path, {"version": 1.3, "people": []}))
    assert nobody.keypoints.shape == (0, 1, 25, 3)


def coco(people: np.ndarray, *, tracked: bool, names: bool = False) -> list[dict]:
    results = []
    for frame in range(people.shape[1]):
        for person in range(len(people)):
            each = {
                "image_id": f"clip_{frame}.jpg" if names else frame,
                "category_id": 1,
                "keypoints": people[person, frame].ravel().tolist(),
                "score": 0.9,
            }
            results.append({**each, "track_id": person + 5} if tracked else each)
    return results


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("names", [True, False])
def test_coco_results_are_read(tmp_path, tracked, names):
    people = np.stack(noisy(list(PEOPLE), 1)).astype(np.float32)
    found = read_keypoints(save(tmp_path, coco(people, tracked=tracked, names=names)))
    assert found.layout is COCO_17
    np.testing.assert_allclose(found.keypoints, people, rtol=1e-5)


def test_two_results_on_one_body_become_one_person(tmp_path):
    double = np.concatenate([PEOPLE, PEOPLE[:1] + np.float32(1)])
    double[2, ..., 2] = 0.5
    found = read_keypoints(save(tmp_path, coco(double, tracked=False)))
    np.testing.assert_allclose(found.keypoints, PEOPLE, rtol=1e-5)


def test_somebody_seen_for_a_moment_is_left_out(tmp_path):
    results = coco(PEOPLE, tracked=False)
    stranger = PEOPLE[0, 0] + np.float32([500, 300, 0])
    results.append({"image_id": 4, "keypoints": stranger.ravel().tolist()})
    assert len(read_keypoints(save(tmp_path, results)).keypoints) == 2


def mediapipe(frame: int) -> list[dict]:
    return [
        {"x": 0.3 + 0.01 * i, "y": 0.2 + 0.01 * i, "z": 0.1, "visibility": 0.8 - 0.01 * frame}
        for i in range(33)
    ]


def test_mediapipe_landmarks_become_pixels(tmp_path):
    value = {"fps": 24, "width": 200, "height": 100, "frames": [mediapipe(0), None, mediapipe(2)]}
    found = read_keypoints(save(tmp_path, value))
    assert (found.layout, found.fps) == (BLAZEPOSE_33, 24)
    assert found.keypoints.shape == (1, 3, 33, 3)
    np.testing.assert_allclose(found.keypoints[0, 2, 5], [70, 25, 0.78], rtol=1e-5)
    assert np.isnan(found.keypoints[0, 1, :, 0]).all()


@pytest.mark.parametrize(
    "frame",
    [
        {"landmarks": mediapipe(0)},
        {"pose_landmarks": [mediapipe(0)]},
        [mediapipe(0)],
        [[point["x"], point["y"], point["z"], point["visibility"]] for point in mediapipe(0)],
        [[point["x"], point["y"], point["visibility"]] for point in mediapipe(0)],
    ],
)
def test_the_ways_to_write_mediapipe_landmarks_agree(tmp_path, frame):
    plain = read_keypoints(save(tmp_path, [mediapipe(0)]), width=640, height=480)
    found = read_keypoints(save(tmp_path, [frame]), width=640, height=480)
    np.testing.assert_array_equal(found.keypoints, plain.keypoints)


def test_several_mediapipe_people_are_followed(tmp_path):
    def away(frame: int) -> list[dict]:
        return [{**point, "x": point["x"] + 0.3} for point in mediapipe(frame)]

    frames = [[mediapipe(f), away(f)] if f % 2 else [away(f), mediapipe(f)] for f in range(6)]
    found = read_keypoints(save(tmp_path, frames), width=640, height=480)
    assert found.keypoints.shape[0] == 2
    assert (np.ptp(found.keypoints[:, :, 0, 0], axis=1) < 1).all()


def as_lists(points: list[dict]) -> list[list]:
    return [[point["x"], point["y"], point["z"], point["visibility"]] for point in points]


@pytest.mark.parametrize("form", [list, as_lists])
def test_people_whose_first_landmark_is_missing_are_still_several(tmp_path, form):
    def person(shift: float) -> list:
        return [None, *form([{**p, "x": p["x"] + shift} for p in mediapipe(0)])[1:]]

    whole = [[form(mediapipe(0)), person(0.3)]] * 12
    found = read_keypoints(save(tmp_path, [[person(0.0), person(0.3)]] * 12), width=640, height=480)
    expected = read_keypoints(save(tmp_path, whole), width=640, height=480)
    assert np.isnan(found.keypoints[:, :, 0, :2]).all()
    np.testing.assert_array_equal(found.keypoints[:, :, 1:], expected.keypoints[:, :, 1:])


def test_one_person_whose_first_landmark_is_missing_stays_one(tmp_path):
    frames = [[None, *mediapipe(0)[1:]]]
    found = read_keypoints(save(tmp_path, frames), width=640, height=480)
    assert found.keypoints.shape == (1, 1, 33, 3)
    assert np.isnan(found.keypoints[0, 0, 0, 0])


def test_people_without_any_landmark_are_several_and_nowhere(tmp_path):
    frames = [[[None] * 33, [None] * 33], mediapipe(0)]
    found = read_keypoints(save(tmp_path, frames), width=640, height=480)
    assert np.isfinite(found.keypoints[:, 1, :, 0]).any()


def tidy(people: np.ndarray) -> list[list]:
    rows = [["person", "frame", "time_s", "keypoint", "x", "y", "score"]]
    for person, track in enumerate(people):
        for frame, points in enumerate(track):
            for name, (x, y, score) in zip(COCO_17.names, points.tolist(), strict=True):
                rows.append([person, frame, frame / 30, name, x, y, score])
    return rows


def wide(people: np.ndarray) -> list[list]:
    parts = ("x", "y", "confidence")
    rows = [["frame", "person", *(f"{name}_{part}" for name in COCO_17.names for part in parts)]]
    for person, track in enumerate(people):
        rows += [[f, person, *points.ravel().tolist()] for f, points in enumerate(track)]
    return rows


def table(directory: Path, rows: list[list], delimiter: str = ",") -> Path:
    with (directory / "clip.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return directory / "clip.csv"


@pytest.mark.parametrize("form", [tidy, wide])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_are_read_in_any_order_of_rows(tmp_path, form, delimiter):
    rows = form(PEOPLE)
    rows[1:] = [rows[1 + i] for i in np.random.default_rng(0).permutation(len(rows) - 1)]
    found = read_keypoints(table(tmp_path, rows, delimiter))
    assert found.layout is COCO_17
    np.testing.assert_allclose(found.keypoints, PEOPLE, rtol=1e-6)


def test_empty_cells_are_missing_and_absent_scores_are_one(tmp_path):
    text = "frame,Nose_x,Nose_y,LHip_x,LHip_y\n0,5,6,,\n2,7,8,9,10\n"
    found = read_keypoints(save(tmp_path, text, "clip.csv"))
    hip, nose = (COCO_17.index(name) for name in ("left_hip", "nose"))
    assert found.keypoints.shape == (1, 3, 17, 3)
    np.testing.assert_array_equal(
        seen_people(found.keypoints[0][:, [nose, hip]]),
        [[[5, 6, 1], [-1, -1, 0]], [[-1, -1, 0]] * 2, [[7, 8, 1], [9, 10, 1]]],
    )


def good() -> dict:
    return {"layout": "coco-17", "people": [{"id": 1, "frames": [PEOPLE[0, 0].tolist()]}]}


def changed(*keys: str | int, value: object) -> dict:
    """Our own form with one thing in it replaced."""
    result = at = json.loads(json.dumps(good()))
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    return result


POINTS = ("people", 0, "frames", 0)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("7", r"got a number; expected"),
        ("[]", "got an empty list"),
        ("{}", "got an object without people or frames"),
        ({"people": []}, "no layout and no keypoints"),
        (changed("layout", value="coco-19"), r"got 'coco-19', expected one of blazepose-33"),
        (changed("layout", value=["nose", "tail"]), r"unknown name 'tail'"),
        (changed("layout", value=["nose", "Nose"]), r"names repeat: nose"),
        (changed("layout", value=3), r"layout: got a number"),
        (changed(*POINTS, value=[[1, 2, 1]] * 16), r"frames\[0\]: got 16 keypoints, expected 17"),
        (changed(*POINTS, value="nobody"), r"frames\[0\]: got text, expected a list"),
        (changed(*POINTS, 3, value=[1, "b", 1]), r"frames\[0\]\[3\]: got 'b', expected a number"),
        (changed(*POINTS, 3, value=["1", "2", "1"]), r"got '1', expected a number"),
        (changed(*POINTS, 3, value=[1, True, 1]), r"got true or false, expected a number"),
        (changed(*POINTS, 3, value=[1]), r"got 1 values, expected \[x, y, score\]"),
        (changed(*POINTS, 3, value=[1, 10**400, 1]), r"got a number of 401 digits"),
        (changed(*POINTS, 3, value=[1, float("nan"), 1]), r"keypoint 3 is 1, nan, 1"),
        (changed(*POINTS, 3, value=[1, float("inf"), 1]), r"keypoint 3 is 1, inf, 1"),
        (changed(*POINTS, 3, value=[1, 2, None]), r"keypoint 3 is 1, 2, nan"),
        (changed(*POINTS, 3, value=[1, 2, 87]), r"got a score of 87, expected 0 to 1 as the"),
        (changed("people", 0, value=[]), r"people\[0\]: no list of frames"),
        (changed("people", value=good()["people"] * 2), r"people\[1\]: id 1 is there twice"),
        (changed("fps", value=0), r"fps: got 0, expected a positive number"),
        (changed("fps", value=10**400), r"fps: got a far larger number, expected a positive"),
        (changed("fps", value=float("nan")), r"fps: got nan, expected a positive number"),
        (changed("width", value=-(10**400)), r"width: got a far larger number"),
        (changed("height", value=2_000_000), r"height: got 2000000, expected .* at most 1e\+06"),
        (changed("width", value="wide"), r"width: got 'wide', expected a number"),
        (changed("height", value=10.5), r"height: got 10.5, expected a whole number"),
        ([mediapipe(0)], r"coordinates are shares of the image"),
        ([mediapipe(0)[:32]], r"frame 0: got 32 keypoints, expected 33"),
        ([[{"a": 1}]], r"frame 0: got an object without landmarks"),
        ([[[[[[[[1]]]]]]]], r"frame 0: got"),
        ([{"image_id": 0, "keypoints": [1, 2, 1] * 19}], r"\[0\]: keypoints: got 19"),
        ([{"image_id": 0, "keypoints": [1, 2]}], r"got 2 values, expected x, y, score of each"),
        ([{"image_id": 0}], r"\[0\].keypoints: got null"),
        ([{"image_id": "a", "keypoints": []}], r"image_id: got 'a', expected a frame number"),
        ([{"image_id": 9**9, "keypoints": [1, 2, 1] * 17}], r"got frame numbers"),
        (coco(PEOPLE, tracked=True) * 2, r"track_id 5 is twice in image 0"),
        ({"people": [{"pose_keypoints_2d": [1, 2, 1] * 19}]}, r"keypoints: got 19 of them"),
    ],
)
def test_bad_json_is_one_clear_line(tmp_path, value, message):
    source = save(tmp_path, value)
    with pytest.raises(InputError, match=message) as caught:
        read_keypoints(source)
    assert str(caught.value).startswith(str(source))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column named frame"),
        ("a,b\n1,2\n", "no column named frame"),
        ("frame,nose_x,nose_y\n", "no rows below the column names"),
        ("frame\n0\n", "no keypoints in it"),
        ("frame,nose_x\n0,1\n", "nose has only one of the columns _x and _y"),
        ("frame,tail_x,tail_y\n0,1,2\n", "unknown name 'tail'"),
        ("frame,nose_x,nose_y,Nose_x\n0,1,2,3\n", "column names repeat"),
        ("frame,nose_x,nose_y\n0,1\n", "row 2: got 2 values, expected 3"),
        ("frame,nose_x,nose_y\n0,1,left\n", "row 2: got 'left', expected a number"),
        ("frame,nose_x,nose_y\n0,1,\n", "row 2: keypoint 0 is 1, nan, 1"),
        ("frame,nose_x,nose_y\n0.5,1,2\n", "frame: got '0.5', expected a whole number"),
        ("frame,nose_x,nose_y\n-1,1,2\n", "frame: got '-1'"),
        ("frame,nose_x,nose_y\n1e12,1,2\n", "frame: got '1e12'"),
        ("frame,nose_x,nose_y\n0,1,2\n0,1,2\n", "has frame 0 twice; with several people add"),
        ("frame,keypoint,x,y\n0,nose,1,2\n0,Nose,1,2\n", "frame 0 has Nose twice"),
        ("frame,keypoint,x,y\n0,tail,1,2\n", "unknown name 'tail'"),
        ("frame;nose_x;nose_y\n0;960,5;200,0\n", "got '960,5', expected a number, not a decimal"),
        ("frame,nose_x,nose_y\n0,960,5,200,0\n", "got 5 values, expected 3; are there decimal"),
        ('frame,nose_x,nose_y\n0,"1,2\n', "not a CSV file"),
    ],
)
def test_bad_csv_is_one_clear_line(tmp_path, text, message):
    source = save(tmp_path, text, "clip.csv")
    with pytest.raises(InputError, match=message) as caught:
        read_keypoints(source)
    assert str(caught.value).startswith(str(source))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["clip.json", "clip.csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path, name, encoding):
    (tmp_path / name).write_bytes("frame,nose_x,nose_y\n0,1,2\n".encode(encoding))
    with pytest.raises(InputError, match="got UTF-16, not UTF-8; save the file as UTF-8"):
        read_keypoints(tmp_path / name)


@pytest.mark.parametrize("name", ["clip.json", "clip.csv"])
def test_bytes_that_are_no_text_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x81\xfeframe")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_keypoints(tmp_path / name)


def test_missing_files_other_names_and_empty_directories_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file; expected keypoints"):
        read_keypoints(tmp_path / "clip.json")
    with pytest.raises(InputError, match=r"ends in \.txt, expected \.json"):
        read_keypoints(save(tmp_path, "", "clip.txt"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no keypoint files in it; expected a file for every"):
        read_keypoints(tmp_path / "empty")


def test_an_openpose_directory_of_two_videos_is_refused(tmp_path):
    openpose(tmp_path, PEOPLE[:, :2])
    save(tmp_path, {"people": []}, "other_000000000001_keypoints.json")
    with pytest.raises(InputError, match="frame numbers repeat"):
        read_keypoints(tmp_path)


def test_a_broken_openpose_file_is_named(tmp_path):
    openpose(tmp_path, PEOPLE[:, :2])
    broken = save(tmp_path, "[1", "clip_000000000001_keypoints.json")
    with pytest.raises(InputError, match="not valid JSON") as caught:
        read_keypoints(tmp_path)
    assert str(caught.value).startswith(str(broken))


def test_files_that_are_too_large_are_refused(tmp_path, monkeypatch):
    source = save(tmp_path, good())
    monkeypatch.setattr(keypoint_json, "MAX_JSON_BYTES", 10)
    with pytest.raises(InputError, match="expected at most"):
        read_keypoints(source)
    monkeypatch.undo()
    monkeypatch.setattr(keypoint_files, "_MOST_VALUES", 10)
    with pytest.raises(InputError, match="too many to hold"):
        read_keypoints(source)


def test_too_many_frames_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keypoint_settling, "MAX_FRAMES", 5)
    with pytest.raises(InputError, match="got frame numbers 0 to 11, expected 0 to 4"):
        read_keypoints(openpose(tmp_path, PEOPLE))


def test_a_file_that_exists_or_has_another_name_is_not_written(tmp_path):
    file = KeypointFile(COCO_17, PEOPLE)
    target = save(tmp_path, "mine")
    with pytest.raises(InputError, match="exists already"):
        write_keypoints(target, file)
    assert target.read_text() == "mine"
    write_keypoints(target, file, overwrite=True)
    assert len(read_keypoints(target).keypoints) == 2
    with pytest.raises(InputError, match=r"ends in \.json"):
        write_keypoints(tmp_path / "clip.csv", file)


def test_a_keypoint_file_checks_its_shape():
    with pytest.raises(InputError, match="keypoints: got shape"):
        KeypointFile(BODY_25, PEOPLE)
