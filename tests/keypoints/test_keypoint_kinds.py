"""Keypoint files as detectors write them: every way to say missing, score, place and time."""

import json
from pathlib import Path

import numpy as np
import pytest
from walkers import path, walker

from overpose.keypoints import keypoint_json
from overpose.keypoints.keypoint_files import read_keypoints
from overpose.layouts import (
    BODY_25,
    COCO_17,
    COCO_18,
    HALPE_26,
    HUMAN36M_17,
    WHOLEBODY_133,
    converted,
)
from overpose.support.errors import InputError

FRAMES = 12
PERSON = walker(path((200, 300), (300, 300), FRAMES)).astype(np.float32)
TWO = np.stack([PERSON, walker(path((700, 320), (600, 320), FRAMES)).astype(np.float32)])
SIZE = {"width": 1000, "height": 600}
KNEE = COCO_17.index("left_knee")
SHOWN = np.arange(FRAMES)


def save(directory: Path, value: object, name: str = "clip.json") -> Path:
    target = directory / name
    target.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return target


def coco(person: np.ndarray = PERSON, **more: object) -> list[dict]:
    frames = enumerate(person.reshape(len(person), -1).tolist())
    return [{"image_id": frame, "keypoints": flat, **more} for frame, flat in frames]


def assert_missing(found: np.ndarray) -> None:
    """Only the knee of frame 5 is missing from `PERSON`."""
    expected = PERSON.copy()
    expected[5, KNEE] = (np.nan, np.nan, 0)
    np.testing.assert_allclose(found, expected[None], rtol=1e-4)


NAN = float("nan")
WRITTEN = [[0, 0, 0], [0, 0, 0.3], [-1, -1, 0], [-1, -1, -1], [0.0, 0.0, 0.9], [None] * 3]


@pytest.mark.parametrize("written", [*WRITTEN, [NAN, NAN, NAN], [NAN, NAN, 0.4]])
@pytest.mark.parametrize("form", ["coco", "own", "openpose", "mmpose", "ultralytics"])
def test_missing_is_missing_however_it_is_written(tmp_path, written, form):
    people = PERSON.tolist()
    people[5][KNEE] = written
    if form == "coco":
        value = [
            {"image_id": frame, "keypoints": [x for point in each for x in point]}
            for frame, each in enumerate(people)
        ]
    elif form == "own":
        value = {"layout": "coco-17", "people": [{"frames": people}]}
    elif form == "mmpose":
        value = [mmpose_frame(frame, [each]) for frame, each in enumerate(people)]
    elif form == "ultralytics":
        value = [[ultralytics_person(each)] for each in people]
    else:
        for frame, each in enumerate(people):
            flat = [x for point in each for x in point]
            save(tmp_path, {"people": [{"pose_keypoints_2d": flat}]}, f"a_{frame:06d}.json")
        assert_missing(read_keypoints(tmp_path).keypoints)
        return
    assert_missing(read_keypoints(save(tmp_path, value)).keypoints)


@pytest.mark.parametrize("written", ["0,0,0", "0,0,0.3", "-1,-1,0", ",,", "NaN,nan,NA", "null,,"])
@pytest.mark.parametrize("form", ["tidy", "wide", "left out"])
def test_missing_is_missing_in_tables(tmp_path, written, form):
    def cells(frame: int, row: int) -> str:
        gone = (frame, row) == (5, KNEE)
        return written if gone else ",".join(map(repr, PERSON[frame, row].tolist()))

    names = COCO_17.names
    if form == "wide":
        header = "frame," + ",".join(f"{name}_{part}" for name in names for part in ["xy", ""][0])
        header = "frame," + ",".join(f"{n}_x,{n}_y,{n}_score" for n in names)
        rows = [f"{f}," + ",".join(cells(f, r) for r in range(17)) for f in range(FRAMES)]
    else:
        header = "frame,keypoint,x,y,score"
        rows = [
            f"{frame},{name},{cells(frame, row)}"
            for frame in range(FRAMES)
            for row, name in enumerate(names)
            if form != "left out" or (frame, row) != (5, KNEE)
        ]
    assert_missing(read_keypoints(save(tmp_path, "\n".join([header, *rows]), "a.csv")).keypoints)


@pytest.mark.parametrize("highest", [6.5, 1.3, 100.0])
def test_scores_beyond_1_are_scaled_and_said_once(tmp_path, capsys, highest):
    raised = PERSON.copy()
    raised[..., 2] = np.linspace(0.5, highest, raised[..., 2].size).reshape(raised.shape[:2])
    found = read_keypoints(save(tmp_path, coco(raised, track_id=1))).keypoints[0]
    np.testing.assert_allclose(found[..., 2], raised[..., 2] / highest, rtol=1e-5)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"scores go up to {highest:g}; all are divided by that" in said


def test_flags_of_visibility_are_no_scores_to_scale(tmp_path, capsys):
    flagged = PERSON.copy()
    flagged[..., 2] = np.arange(17) % 3
    found = read_keypoints(save(tmp_path, coco(flagged))).keypoints[0]
    np.testing.assert_array_equal(found[..., 2], np.minimum(flagged[..., 2], 1))
    assert not capsys.readouterr().err


@pytest.mark.parametrize("low", [0.0, -1.0])
@pytest.mark.parametrize("tracked", [True, False])
def test_shares_of_the_image_become_pixels_from_0_or_from_minus_1(tmp_path, capsys, low, tracked):
    shares = PERSON.copy()
    shares[..., :2] = shares[..., :2] / (1000, 600) * (1 - low) + low
    value = save(tmp_path, coco(shares, **({"track_id": 1} if tracked else {})))
    found = read_keypoints(value, **SIZE).keypoints[0]
    np.testing.assert_allclose(found, PERSON, rtol=1e-4)
    assert ("-1 to 1 from edge to edge" in capsys.readouterr().err) == (low < 0)
    with pytest.raises(InputError, match="coordinates are shares of the image"):
        read_keypoints(value)


def numbered(directory: Path, first: int, *, leave: tuple[int, ...] = ()) -> Path:
    """OpenPose's files of `PERSON`, numbered from `first`; those of frames in `leave` are empty."""
    for frame, points in enumerate(PERSON):
        flat = converted(points, COCO_17, BODY_25)
        people = [{"pose_keypoints_2d": np.nan_to_num(flat).ravel().tolist()}]
        value = {"version": 1.3, "people": [] if frame in leave else people}
        save(directory, value, f"my_clip_{frame + first:012d}_keypoints.json")
    return directory


@pytest.mark.parametrize(("first", "told"), [(0, False), (1, False), (100, True)])
def test_frame_numbers_of_a_video_start_where_its_files_do(tmp_path, capsys, first, told):
    found = read_keypoints(numbered(tmp_path, first, leave=(0, 4)), shown=SHOWN).keypoints
    assert found.shape[:2] == (1, FRAMES)
    seen = np.isfinite(found[0, :, BODY_25.index("nose"), 0])
    assert seen.tolist() == [frame not in (0, 4) for frame in range(FRAMES)]
    assert ("taken for number 100" in capsys.readouterr().err) == told


@pytest.mark.parametrize("names", ["{}", "{}.jpg", "frames/a_{}.png"])
@pytest.mark.parametrize("first", [0, 1])
def test_images_without_anybody_are_left_out_and_keep_their_place(tmp_path, names, first):
    results = coco()
    gone = (0, 2, 3, FRAMES - 1) if first == 0 else (2, 3)
    for each in results:
        number = each["image_id"] + first
        each["image_id"] = number if names == "{}" else names.format(number)
    kept = [each for frame, each in enumerate(results) if frame not in gone]
    found = read_keypoints(save(tmp_path, kept), shown=SHOWN).keypoints[0]
    assert len(found) == FRAMES
    seen = [frame for frame in range(FRAMES) if frame not in gone]
    assert np.flatnonzero(np.isfinite(found[:, 0, 0])).tolist() == seen
    np.testing.assert_allclose(found[seen], PERSON[seen], rtol=1e-4)


def test_names_with_leading_zeros_count_from_1(tmp_path):
    results = [{**each, "image_id": f"{each['image_id'] + 1:04d}.jpg"} for each in coco()]
    found = read_keypoints(save(tmp_path, results[:-1]), shown=SHOWN).keypoints[0]
    assert np.flatnonzero(np.isfinite(found[:, 0, 0])).tolist() == list(range(FRAMES - 1))


def test_more_frames_than_the_video_has_are_refused_or_cut(tmp_path, capsys):
    source = save(tmp_path, coco())
    with pytest.raises(InputError, match="keypoints of 12 frames for a video of 6"):
        read_keypoints(source, shown=np.arange(6))
    assert read_keypoints(source, shown=np.arange(11)).keypoints.shape[1] == 11
    assert "keypoints of 12 frames for a video of 11; cut there" in capsys.readouterr().err
    with pytest.raises(InputError, match="frame numbers 50 to 61 for a video of 6 frames"):
        read_keypoints(save(tmp_path, [{**e, "image_id": e["image_id"] + 50} for e in coco()]),
                       shown=np.arange(6))  # fmt: skip


def test_keypoints_of_a_variable_rate_lie_at_the_times_of_their_frames(tmp_path):
    shown = np.array([0, 1, 2, 3, 3, 3, 4, 6, 7, 8, 9, 10, 10, 11])  # frame 5 is never shown
    found = read_keypoints(save(tmp_path, coco()), fps=10, shown=shown)
    np.testing.assert_allclose(found.keypoints[0], PERSON[shown], rtol=1e-4)
    own = {"fps": 30, "layout": "coco-17", "people": [{"frames": PERSON.tolist()}]}
    kept = read_keypoints(save(tmp_path, own), fps=10, shown=shown)
    assert (kept.fps, kept.keypoints.shape[1]) == (30, FRAMES)


def test_frames_are_decoded_only_for_files_that_do_not_say_their_rate(tmp_path):
    own = {"fps": 30, "layout": "coco-17", "people": [{"frames": PERSON.tolist()}]}
    assert read_keypoints(save(tmp_path, own), shown=lambda: pytest.fail("decoded")).fps == 30
    found = read_keypoints(save(tmp_path, coco()), fps=10, shown=lambda: np.arange(FRAMES))
    np.testing.assert_allclose(found.keypoints[0], PERSON, rtol=1e-4)


def openpose_like(
    directory: Path, people: np.ndarray, name: str = "{:012d}_keypoints.json"
) -> Path:
    for frame, points in enumerate(people):
        person = {"person_id": [-1], "pose_keypoints_2d": points.ravel().tolist()}
        save(directory, {"version": 1.3, "people": [person]}, "clip_" + name.format(frame))
    return directory


@pytest.mark.parametrize(
    ("layout", "extra"), [(HALPE_26, 0), (HALPE_26, 110), (COCO_18, 0), (WHOLEBODY_133, 110)]
)
@pytest.mark.parametrize("name", ["{:012d}_keypoints.json", "{:06d}.json"])
def test_layouts_are_taken_by_their_number_of_keypoints(tmp_path, layout, extra, name):
    points = np.nan_to_num(converted(PERSON, COCO_17, layout)).astype(np.float64)
    points = np.concatenate([points, np.full((FRAMES, extra, 3), 7.0)], axis=1)
    found = read_keypoints(openpose_like(tmp_path, points, name))
    assert found.layout is layout
    back = converted(found.keypoints, layout, COCO_17)
    np.testing.assert_allclose(back[0], PERSON, rtol=1e-4)


def test_a_layout_given_by_name_is_taken_and_a_wrong_number_refused(tmp_path):
    openpose_like(tmp_path, PERSON)
    assert read_keypoints(tmp_path, layout="h36m").layout is HUMAN36M_17
    with pytest.raises(
        InputError, match=r"got 17 keypoints, expected 26|expected 136 \(halpe-26\)"
    ):
        read_keypoints(tmp_path, layout="HALPE_26")


def mmpose_frame(frame: int, people: list) -> dict:
    return {"frame_id": frame, "instances": [mmpose_person(each) for each in people]}


def mmpose_person(points: list) -> dict:
    return {
        "keypoints": [point[:2] for point in points],
        "keypoint_scores": [point[2] for point in points],
        "bbox": [[1.0, 2.0, 3.0, 4.0]],
        "bbox_score": 0.9,
    }


def ultralytics_person(points: list, **more: object) -> dict:
    x, y, visible = (list(column) for column in zip(*points, strict=True))
    keypoints = {"x": x, "y": y, "visible": visible}
    box = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    more = {"name": "person", "class": 0, "confidence": 0.9, "box": box, **more}
    return {**more, "keypoints": keypoints}


def assert_both(found: np.ndarray) -> None:
    if found[0, 0, 0, 0] > 400:
        found = found[::-1]
    np.testing.assert_allclose(found, TWO, rtol=1e-4)


@pytest.mark.parametrize("form", ["inferencer", "demo"])
def test_mmposes_files_of_videos_are_read(tmp_path, form):
    first = 0 if form == "inferencer" else 1
    frames = [mmpose_frame(f + first, TWO[:, f].tolist()) for f in range(FRAMES)]
    value = {"meta_info": {"dataset_name": "coco"}, "instance_info": frames}
    assert_both(read_keypoints(save(tmp_path, value if first else frames)).keypoints)


def test_mmpose_says_when_its_model_has_the_joints_of_human36m(tmp_path):
    frames = [mmpose_frame(f + 1, [PERSON[f].tolist()]) for f in range(FRAMES)]
    value = {"meta_info": {"dataset_name": "h36m"}, "instance_info": frames}
    assert read_keypoints(save(tmp_path, value)).layout is HUMAN36M_17


def test_mmposes_files_of_pictures_are_read_alone_and_as_a_directory(tmp_path):
    for frame in range(FRAMES):
        people = [mmpose_person(each) for each in TWO[:, frame].tolist()]
        save(tmp_path, people if frame != 3 else [], f"{frame:06d}.json")
    found = read_keypoints(tmp_path).keypoints
    assert np.isnan(found[:, 3, :, 0]).all()
    assert found.shape[:2] == (2, FRAMES)
    photo = read_keypoints(tmp_path / "000000.json").keypoints
    assert photo.shape == (2, 1, 17, 3)


@pytest.mark.parametrize("tracked", [True, False])
def test_ultralytics_json_is_read_by_frame_and_as_a_photo(tmp_path, tracked):
    def person(frame: int, number: int) -> dict:
        more = {"track_id": number + 3} if tracked else {}
        return ultralytics_person(TWO[number, frame].tolist(), **more)

    frames = [[person(frame, 0), person(frame, 1)] for frame in range(FRAMES)]
    assert_both(read_keypoints(save(tmp_path, frames)).keypoints)
    assert read_keypoints(save(tmp_path, frames[0])).keypoints.shape == (2, 1, 17, 3)


@pytest.mark.parametrize("extra", ["", " 0.9", " 0.9 {}", " {}"])
def test_ultralytics_text_files_count_from_1_and_hold_shares(tmp_path, extra):
    shares = TWO / np.float32([1000, 600, 1])
    for frame in range(1, FRAMES):  # nobody in the first
        lines = [
            "0 0.5 0.5 0.2 0.7 " + " ".join(f"{v:.6f}" for v in each.ravel()) + extra.format(n + 5)
            for n, each in enumerate(shares[:, frame])
        ]
        save(tmp_path, "\n".join(lines) + "\n", f"my_clip_{frame + 1}.txt")
    found = read_keypoints(tmp_path, shown=SHOWN, **SIZE).keypoints
    if found[0, 1, 0, 0] > 400:
        found = found[::-1]
    assert np.isnan(found[:, 0, :, 0]).all()
    np.testing.assert_allclose(found[:, 1:], TWO[:, 1:], atol=2e-3)


def deeplabcut(animals: tuple[str, ...], parts: dict[str, int]) -> str:
    """DeepLabCut's CSV of `TWO`, body part by row of COCO's."""
    columns = [(a, part, c) for a in animals for part in parts for c in ("x", "y", "likelihood")]
    rows = [["scorer", *["DLC_net"] * len(columns)]]
    if len(animals) > 1:
        rows.append(["individuals", *(animal for animal, _, _ in columns)])
    rows += [
        ["bodyparts", *(part for _, part, _ in columns)],
        ["coords", *(c for *_, c in columns)],
    ]
    for frame in range(FRAMES):
        values = TWO[: len(animals), frame][:, list(parts.values())].ravel()
        rows.append([str(frame), *map(repr, values.tolist())])
    return "\n".join(map(",".join, rows)) + "\n"


@pytest.mark.parametrize("animals", [("one",), ("one", "two")])
def test_deeplabcuts_tables_are_read_and_unknown_parts_left_out(tmp_path, capsys, animals):
    parts = {"LKnee": KNEE, "racket": 0, "right_knee": COCO_17.index("right_knee")}
    found = read_keypoints(save(tmp_path, deeplabcut(animals, parts), "a.csv"))
    wanted = ["left_knee", "right_knee"]
    np.testing.assert_allclose(
        found.keypoints[..., found.layout.indices(wanted), :],
        TWO[: len(animals)][..., COCO_17.indices(wanted), :],
        rtol=1e-5,
    )
    assert "are left out: racket" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("bodyparts", "body"), "expected DeepLabCut's rows scorer"),
        (lambda t: t.replace("LKnee", "tail"), "none of the body parts tail is a known"),
        (lambda t: t.replace("\n3,", "\nx,"), "got 'x', expected a frame number"),
        (lambda t: t.replace("\n3,", "\n2,"), "frame 2 is there twice"),
        (lambda t: "\n".join(t.split("\n")[:3]), "no rows below the header"),
        (lambda t: t.split("\n")[0], "expected DeepLabCut's rows"),
    ],
)
def test_a_garbled_table_of_deeplabcut_is_one_clear_line(tmp_path, change, message):
    text = deeplabcut(("one",), {"LKnee": KNEE})
    with pytest.raises(InputError, match=message):
        read_keypoints(save(tmp_path, change(text), "a.csv"))


def test_deeplabcuts_h5_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"")
    with pytest.raises(InputError, match="convert it with DeepLabCut's analyze_videos_converth5"):
        read_keypoints(tmp_path / "a.h5")


def sports2d(directory: Path, number: int, people: np.ndarray, z: float = 0.0) -> Path:
    """Sports2D's TRC in pixels: 30/s, times from those of the video, no scores."""
    names = [f"{'L' if n.startswith('left') else 'R'}{n.split('_')[1].title()}" if "_" in n
             else n.title() for n in COCO_17.names]  # fmt: skip
    lines = [
        "PathFileType\t4\t(X/Y/Z)\tclip.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame"
        "\tOrigNumFrames",
        f"30\t30\t{FRAMES}\t17\tm\t30\t0\t{FRAMES}",
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{i}" for i in range(1, 18) for axis in "XYZ"),
    ]
    for frame, points in enumerate(people):
        cells = [f"{x}\t{y}\t{z}" if np.isfinite(x) else "\t\t" for x, y in points[:, :2]]
        lines.append(f"{frame}\t{frame / 30:.6f}\t" + "\t".join(cells))
    return save(directory, "\n".join(lines) + "\n", f"clip_Sports2D_px_person{number:02d}.trc")


def test_sports2ds_pixels_are_read_one_file_or_one_for_each_person(tmp_path):
    lost = TWO.copy()
    lost[0, 5, KNEE] = np.nan
    alone = sports2d(tmp_path, 0, lost[0])
    sports2d(tmp_path, 1, lost[1])
    both = read_keypoints(tmp_path, shown=SHOWN)
    np.testing.assert_allclose(both.keypoints[..., :2], lost[..., :2], rtol=1e-5)
    assert both.keypoints[0, 5, KNEE, 2] == 0
    assert set(np.unique(both.keypoints[1, ..., 2])) == {1}
    np.testing.assert_array_equal(read_keypoints(alone).keypoints, both.keypoints[:1])
    with pytest.raises(InputError, match="got 3D points, expected keypoints in pixels"):
        read_keypoints(sports2d(tmp_path, 2, lost[0], z=0.5))


def test_few_entries_that_ask_for_much_memory_are_refused(tmp_path):
    results = [{**coco()[0], "image_id": number, "track_id": 1} for number in (0, 999_999)]
    with pytest.raises(InputError, match=r"got 1000000 frames in \d+ bytes; expected keypoints"):
        read_keypoints(save(tmp_path, results))
    table = save(tmp_path, "frame,keypoint,x,y\n999999,nose,10,20\n", "a.csv")
    with pytest.raises(InputError, match=r"got 1000000 frames in \d+ bytes; expected keypoints"):
        read_keypoints(table)
    with pytest.raises(InputError, match="keypoints of 1000000 frames for a video of 12"):
        read_keypoints(save(tmp_path, results), shown=SHOWN)


@pytest.mark.parametrize(
    "value",
    [
        [{"image_id": 0, "keypoints": {"x": [1.0], "y": [1.0]}}],
        [[{"keypoints": {"x": [1.0] * 17, "y": [1.0] * 16}}]],
        [[{"keypoints": {"x": 3}}]],
        [[{"keypoints": "none"}]],
        [{"frame_id": "a", "instances": [mmpose_person(PERSON[0].tolist())]}],
        [{"frame_id": 10**400, "instances": [mmpose_person(PERSON[0].tolist())]}],
        [{"frame_id": 0, "instances": 3}],
        {"instance_info": [3]},
        {"people": [{"pose_keypoints_2d": {}}]},
        [{"image_id": [0], "keypoints": [1, 2, 3] * 17}],
        [{"image_id": 10**400, "keypoints": [1, 2, 3] * 17}],
    ],
)
def test_garbled_results_of_detectors_are_one_clear_line(tmp_path, value):
    with pytest.raises(InputError) as caught:
        read_keypoints(save(tmp_path, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
def test_lists_are_read_by_element_wherever_the_chunks_end(tmp_path, monkeypatch, chunk, indent):
    monkeypatch.setattr(keypoint_json, "_CHUNK", chunk)
    value = [*coco(PERSON[:2]), {"größe": [1.5, -2, None, {}], "x": "]"}, [], 12, "a,b", 3.25]
    source = save(tmp_path, json.dumps(value, indent=indent) + "\n")
    assert list(keypoint_json.json_elements(source)) == value


@pytest.mark.parametrize("chunk", [1, 1000])
@pytest.mark.parametrize(
    "text", ["[1 2]", "[1,]", "[,1]", "[1", "[", "[1,", "[1] 2", '["a', "[1]]", "[{]", "[nul]"]
)
def test_lists_that_are_no_json_are_one_clear_line(tmp_path, monkeypatch, chunk, text):
    monkeypatch.setattr(keypoint_json, "_CHUNK", chunk)
    with pytest.raises(InputError, match="not valid JSON"):
        list(keypoint_json.json_elements(save(tmp_path, text)))


def test_a_list_may_be_larger_than_what_one_value_may_be(tmp_path, monkeypatch):
    source = save(tmp_path, coco())
    own = save(tmp_path, {"layout": "coco-17", "people": [{"frames": PERSON.tolist()}]}, "own.json")
    monkeypatch.setattr(keypoint_json, "MAX_JSON_BYTES", 2_000)
    monkeypatch.setattr(keypoint_json, "_CHUNK", 500)
    assert read_keypoints(source).keypoints.shape == (1, FRAMES, 17, 3)
    with pytest.raises(InputError, match="expected at most"):
        read_keypoints(own)
    monkeypatch.setattr(keypoint_json, "MAX_JSON_BYTES", 100)
    with pytest.raises(InputError, match="element 0 of the list is too large"):
        read_keypoints(source)


def test_frames_with_and_without_numbers_are_refused(tmp_path):
    frames = [mmpose_frame(0, [PERSON[0].tolist()]), [mmpose_person(PERSON[1].tolist())]]
    with pytest.raises(InputError, match=r"frame 1\.frame_id: got null, expected a whole number"):
        read_keypoints(save(tmp_path, frames))
