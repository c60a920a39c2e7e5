"""The table of a corpus: what the tracks hold, read by programs that know nothing of overpose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from command_line import run
from moving_person import moving_track

from overpose.formats import table as corpus
from overpose.poses import PoseTrack
from overpose.skeleton import FEET, HUMAN36M

JOINTS = HUMAN36M.joint_names
WORLD = np.array(
    [[1.0, 0.0, 0.0, 0.0], [0.0, -0.6, -0.8, 1500.0], [0.0, 0.8, -0.6, 0.0], [0.0, 0.0, 0.0, 1.0]]
)


def known_track() -> PoseTrack:
    """Two people with all that is optional; the second is doubtful, and away for ten frames."""
    track = moving_track(2)
    rng = np.random.default_rng(0)
    errors = rng.uniform(5, 50, (2, track.frames, 17)).astype(np.float32)
    errors[0, 3, 5] = np.nan
    return replace(
        track,
        person_score=np.array([0.9, 0.2], np.float32),
        feet_mm=rng.normal(0, 300, (2, track.frames, 4, 3)).astype(np.float32),
        joint_error_mm=errors,
        foot_contact=rng.uniform(size=(2, track.frames, 2)) < 0.5,
        camera_to_world=WORLD,
        world_is_estimated=True,
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A directory as `predict` leaves it: two tracks, and another format of one."""
    place = tmp_path / "out"
    place.mkdir()
    known_track().save(place / "b.npz")
    moving_track(1, 7).save(place / "a.npz")
    (place / "a.csv").write_text("person,frame\n")
    return place


def table_of(*given: Path, out: Path) -> Path:
    """The table that the command makes."""
    assert run("table", *map(str, given), "--out", str(out / "corpus.parquet")) == 0
    return out / "corpus.parquet"


def values_of(column: pa.ChunkedArray, *names: tuple[str, ...] | str) -> np.ndarray:
    """(rows, names, names of the next, …) of structs of structs; NaN for null."""
    if not names:
        return column.to_numpy()
    own, *further = names
    parts = [values_of(pa.compute.struct_field(column, name), *further) for name in own]
    return np.stack(parts, axis=1)


def test_the_rows_of_a_track_are_its_person_frames(out: Path) -> None:
    track = known_track()
    rows = pq.read_table(table_of(out, out=out), filters=[("source", "=", "b")])
    person, frame = np.nonzero(track.seen)
    assert rows.num_rows == 2 * track.frames - 10
    camera = track.poses_mm[person, frame] + track.root_mm[person, frame][:, None].astype(float)
    world = [[(WORLD @ [*joint, 1])[:3] for joint in joints] for joints in camera]
    expected = {
        "person": person + 1,
        "frame": frame,
        "time_s": frame / 30,
        "person_score": np.array([0.9, 0.2], np.float32)[person],
        "doubtful": person == 1,
        "seen": np.ones(len(person), dtype=np.bool_),
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(rows[name].to_numpy(), values, err_msg=name)
    nested = {
        ("pose_mm", JOINTS, "xyz"): track.poses_mm,
        ("root_mm", "xyz"): track.root_mm,
        ("joint_error_mm", JOINTS): track.joint_error_mm,
        ("feet_mm", FEET.names, "xyz"): track.feet_mm,
        ("foot_contact", ("left", "right")): track.foot_contact,
    }
    for (name, *names), values in nested.items():
        assert values is not None
        found = values_of(rows[name], *names)
        np.testing.assert_array_equal(found, values[person, frame], err_msg=name)
    np.testing.assert_allclose(values_of(rows["world_mm"], JOINTS, "xyz"), world, rtol=1e-6)


def test_keypoints_are_a_list_with_names(tmp_path: Path) -> None:
    track = moving_track(1, 3)
    points = track.keypoints_px.copy()
    points[0, 1, 4] = np.nan
    names = tuple(f"point {number}" for number in range(17))
    replace(track, keypoints_px=points, keypoint_names=names).save(tmp_path / "a.npz")
    (row,) = pq.read_table(
        table_of(tmp_path / "a.npz", out=tmp_path), filters=[("frame", "=", 1)]
    ).to_pylist()
    listed = row["keypoints_px"]
    assert [each["name"] for each in listed] == list(names)
    assert listed[4] == {"name": "point 4", "x": None, "y": None, "score": None}
    assert [listed[3][axis] for axis in ("x", "y", "score")] == points[0, 1, 3].tolist()


def test_what_a_track_does_not_know_is_null(out: Path) -> None:
    rows = pq.read_table(table_of(out, out=out), filters=[("source", "=", "a")])
    unknown = ("person_score", "doubtful", "world_mm", "joint_error_mm", "feet_mm", "foot_contact")
    assert rows.num_rows == 7
    assert {rows[name].null_count for name in unknown} == {7}


def test_somebody_whose_keypoints_alone_are_known_has_rows(tmp_path: Path) -> None:
    track = moving_track(1, 4)
    poses, roots = track.poses_mm.copy(), track.root_mm.copy()
    poses[0, 2], roots[0, 2] = np.nan, np.nan
    replace(track, poses_mm=poses, root_mm=roots).save(tmp_path / "a.npz")
    rows = pq.read_table(table_of(tmp_path, out=tmp_path))
    assert rows["seen"].to_pylist() == [True, True, False, True]
    nose = pa.compute.struct_field(rows["pose_mm"], ["nose", "x"])
    assert nose.is_valid().to_pylist() == [True, True, False, True]


def test_one_joint_can_be_read_alone(out: Path) -> None:
    table = pyarrow.dataset.dataset(table_of(out, out=out))
    high = pyarrow.dataset.field("pose_mm", "right_wrist", "y")
    found = table.to_table(
        columns={"y": high}, filter=pyarrow.dataset.field("source") == "a"
    ).column("y")
    wrist = JOINTS.index("right_wrist")
    np.testing.assert_array_equal(found.to_numpy(), moving_track(1, 7).poses_mm[0, :, wrist, 1])


def test_duckdb_reads_the_table(out: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    table = table_of(out, out=out)
    found = duckdb.sql(
        "SELECT source, person, count(*), max(pose_mm.right_wrist.y), "
        f"count(world_mm.nose.x) FROM '{table}' WHERE seen GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    wrist = JOINTS.index("right_wrist")
    highest = [
        float(np.nanmax(track.poses_mm[person, :, wrist, 1]))
        for track, person in ((moving_track(1, 7), 0), (known_track(), 0), (known_track(), 1))
    ]
    assert found == [
        ("a", 1, 7, highest[0], 0),
        ("b", 1, 40, highest[1], 40),
        ("b", 2, 30, highest[2], 30),
    ]


def test_row_groups_are_of_one_size_however_long_the_tracks_are(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pq.read_table(table_of(out, out=out.parent))
    monkeypatch.setattr(corpus, "ROWS", 16)
    table = table_of(out, out=out)
    groups = pq.ParquetFile(table).metadata
    sizes = [groups.row_group(number).num_rows for number in range(groups.num_row_groups)]
    assert sizes == [16, 16, 16, 16, 13]
    assert pq.read_table(table).equals(whole)


def test_tracks_of_nobody_make_a_table_without_rows(tmp_path: Path) -> None:
    moving_track(0).save(tmp_path / "empty.npz")
    assert pq.read_table(table_of(tmp_path, out=tmp_path)).num_rows == 0


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [each for each in capsys.readouterr().err.splitlines() if "error:" in each]
    return line


def test_damaged_and_foreign_files_are_named_in_one_line_and_nothing_is_written(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = table_of(out, out=out)
    before = table.read_bytes()
    whole = (out / "b.npz").read_bytes()
    (out / "c.npz").write_bytes(whole[: len(whole) // 2])
    np.savez(out / "d.npz", other=np.zeros(3))
    names = tuple(f"joint {number}" for number in range(17))
    replace(moving_track(1, 3), joint_names=names).save(out / "e.npz")
    assert run("table", str(out), "--out", str(table), "--overwrite") == 1
    line = error_of(capsys)
    assert "3 of 5 files cannot be taken" in line
    assert all(f"{out / name}.npz: " in line for name in "cde")
    assert table.read_bytes() == before
    assert not list(out.glob(".*"))


def test_two_tracks_of_one_name_are_refused(
    out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "more"
    again.mkdir()
    moving_track(1, 7).save(again / "a.npz")
    assert run("table", str(out), str(again), "--out", str(tmp_path / "t.parquet")) == 1
    line = error_of(capsys)
    assert str(out / "a.npz") in line
    assert str(again / "a.npz") in line
    assert not (tmp_path / "t.parquet").exists()


@pytest.mark.parametrize(
    ("given", "to", "said"),
    [
        ("nothing", "t.parquet", "no such file"),
        ("out/a.csv", "t.parquet", "expected a pose track (.npz)"),
        ("empty", "t.parquet", "holds no .npz"),
        ("out", "t.csv", "ends in .parquet"),
        ("out", "there.parquet", "--overwrite"),
    ],
)
def test_what_cannot_be_is_one_line(
    given: str, to: str, said: str, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = out.parent
    (place / "empty").mkdir()
    (place / "there.parquet").write_text("mine")
    assert run("table", str(place / given), "--out", str(place / to)) == 1
    assert said in error_of(capsys)
    assert (place / "there.parquet").read_text() == "mine"
