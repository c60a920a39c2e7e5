"""PoseTrack: the npz contract, round trips, damaged and foreign files."""

import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overpose import __version__
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M, Skeleton
from overpose.support.errors import InputError

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
coordinates = st.floats(width=32, allow_nan=True, allow_infinity=False)
same_directory = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def make_track(people: int = 2, frames: int = 3, keypoints: int = 4) -> PoseTrack:
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 300, (people, frames, 17, 3)).astype(np.float32)
    roots = rng.normal(0, 3000, (people, frames, 3)).astype(np.float32)
    if people and frames > 1:
        poses[0, 1], roots[0, 1] = np.nan, np.nan
    return PoseTrack(
        poses_mm=poses,
        root_mm=roots,
        keypoints_px=rng.uniform(0, 640, (people, frames, keypoints, 3)).astype(np.float32),
        keypoint_names=tuple(f"point {i}" for i in range(keypoints)),
        fps=29.97,
        width=640,
        height=480,
        focal_px=700.5,
        focal_is_estimated=True,
        model="latent",
    )


@st.composite
def tracks(draw: st.DrawFn) -> PoseTrack:
    people, frames, keypoints = draw(st.tuples(*[st.integers(0, 3)] * 3))
    shapes = {
        "poses_mm": (people, frames, 17, 3),
        "root_mm": (people, frames, 3),
        "keypoints_px": (people, frames, keypoints, 3),
    }
    return PoseTrack(
        **{
            name: draw(arrays(np.float32, shape, elements=coordinates, fill=coordinates))
            for name, shape in shapes.items()
        },
        keypoint_names=tuple(
            draw(st.lists(names, min_size=keypoints, max_size=keypoints, unique=True))
        ),
        fps=draw(st.floats(1e-3, 1e3)),
        width=draw(st.integers(1, 10**5)),
        height=draw(st.integers(1, 10**5)),
        focal_px=draw(st.floats(1e-2, 1e6)),
        focal_is_estimated=draw(st.booleans()),
        model=draw(names),
        overpose_version=__version__,
        person_score=draw(
            st.none()
            | arrays(np.float32, people, elements=st.floats(0, 1, width=32) | st.just(np.nan))
        ),
        feet_mm=draw(st.none() | arrays(np.float32, (people, frames, 4, 3), elements=coordinates)),
        joint_error_mm=draw(
            st.none()
            | arrays(np.float32, (people, frames, 17), elements=st.floats(0, 900, width=32))
        ),
    )


def assert_same(one: PoseTrack, other: PoseTrack) -> None:
    for field in fields(PoseTrack):
        left, right = getattr(one, field.name), getattr(other, field.name)
        assert type(left) is type(right)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right


@same_directory
@given(track=tracks())
def test_a_saved_track_loads_as_it_was(track: PoseTrack, tmp_path: Path) -> None:
    track.save(tmp_path / "track.npz", overwrite=True)
    assert_same(PoseTrack.load(tmp_path / "track.npz"), track)


def test_the_file_holds_the_contracts_arrays_and_no_pickle(tmp_path: Path) -> None:
    track = make_track()
    track.save(tmp_path / "track.npz")
    with np.load(tmp_path / "track.npz", allow_pickle=False) as archive:
        kinds = {name: (archive[name].dtype.kind, archive[name].shape) for name in archive.files}
        assert archive["joint_names"].tolist() == list(HUMAN36M.joint_names)
        assert archive["parents"].tolist() == list(HUMAN36M.parents)
        assert archive["overpose_version"].item() == __version__
        assert archive["poses_mm"].dtype == np.float32
    assert kinds == {
        "poses_mm": ("f", (2, 3, 17, 3)),
        "root_mm": ("f", (2, 3, 3)),
        "keypoints_px": ("f", (2, 3, 4, 3)),
        "keypoint_names": ("U", (4,)),
        "joint_names": ("U", (17,)),
        "parents": ("i", (17,)),
        "fps": ("f", ()),
        "width": ("i", ()),
        "height": ("i", ()),
        "focal_px": ("f", ()),
        "focal_is_estimated": ("b", ()),
        "overpose_version": ("U", ()),
        "model": ("U", ()),
    }


def test_what_a_track_lacks_is_not_in_its_file(tmp_path: Path) -> None:
    scored = replace(make_track(), person_score=np.array([0.5, 1.0], np.float32))
    for name, track in (("scored", scored), ("plain", make_track())):
        track.save(tmp_path / f"{name}.npz")
    with np.load(tmp_path / "scored.npz") as more, np.load(tmp_path / "plain.npz") as fewer:
        assert set(more.files) - set(fewer.files) == {"person_score"}


def test_feet_have_names_and_errors_are_distances() -> None:
    feet = np.zeros((2, 3, 4, 3), np.float32)
    assert replace(make_track(), feet_mm=feet).foot_names == (
        "left_heel", "left_toe", "right_heel", "right_toe",
    )  # fmt: skip
    assert make_track().foot_names is None
    with pytest.raises(InputError, match="foot_names: got 2 names, expected 4"):
        replace(make_track(), feet_mm=feet, foot_names=("heel", "toe"))
    with pytest.raises(InputError, match="joint_error_mm: got a negative distance"):
        replace(make_track(), joint_error_mm=np.full((2, 3, 17), -1, np.float32))


@pytest.mark.parametrize("kept", [[], [1], [1, 0]])
def test_the_track_of_some_people_has_theirs_alone(kept: list[int]) -> None:
    track = replace(make_track(), person_score=np.array([0.5, 1.0], np.float32))
    part = track.of_people(kept)
    for name in ("poses_mm", "root_mm", "keypoints_px", "person_score"):
        np.testing.assert_array_equal(getattr(part, name), getattr(track, name)[kept])
    assert replace(track, person_score=None).of_people(kept).person_score is None


def test_the_file_is_compressed(tmp_path: Path) -> None:
    make_track().save(tmp_path / "track.npz")
    with zipfile.ZipFile(tmp_path / "track.npz") as archive:
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_the_same_track_makes_the_same_bytes(tmp_path: Path) -> None:
    make_track().save(tmp_path / "one.npz")
    make_track().save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_photo_is_a_video_of_one_frame(tmp_path: Path) -> None:
    photo = replace(make_track(people=1, frames=1), fps=1)
    photo.save(tmp_path / "photo.npz")
    assert PoseTrack.load(tmp_path / "photo.npz").frames == 1


def test_a_person_is_seen_where_the_pose_is_whole() -> None:
    assert make_track().seen.tolist() == [[True, False, True], [True, True, True]]


def test_the_skeleton_is_the_house_skeleton_unless_the_names_differ() -> None:
    track = make_track()
    assert track.skeleton is HUMAN36M
    renamed = replace(track, joint_names=("root", *HUMAN36M.joint_names[1:]))
    assert renamed.skeleton == Skeleton("track", renamed.joint_names, HUMAN36M.parents)


def test_saving_over_a_file_needs_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "track.npz"
    path.write_text("precious")
    with pytest.raises(InputError, match="--overwrite"):
        make_track().save(path)
    assert path.read_text() == "precious"
    make_track().save(path, overwrite=True)
    assert_same(PoseTrack.load(path), make_track())


def test_a_failed_save_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file, **_) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="No space"):
        make_track().save(tmp_path / "track.npz")
    assert list(tmp_path.iterdir()) == []


def test_saving_refuses_another_suffix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.npz"):
        make_track().save(tmp_path / "track.json")


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"poses_mm": np.zeros((2, 3, 17, 3))}, "poses_mm: got dtype float64"),
        ({"poses_mm": np.zeros((3, 17, 3), np.float32)}, "poses_mm: got shape"),
        ({"poses_mm": np.zeros((2, 3, 16, 3), np.float32)}, "poses_mm: got shape"),
        ({"poses_mm": np.full((2, 3, 17, 3), np.inf, np.float32)}, "poses_mm: got infinity"),
        ({"root_mm": np.zeros((2, 4, 3), np.float32)}, "root_mm: got shape"),
        ({"keypoints_px": np.zeros((2, 3, 5, 3), np.float32)}, "keypoints_px: got shape"),
        ({"keypoints_px": [[1.0]]}, "keypoints_px: got list"),
        ({"keypoint_names": ("a", "a", "b", "c")}, "repeat"),
        ({"keypoint_names": "abcd"}, "keypoint_names: got str"),
        ({"keypoint_names": (1, 2, 3, 4)}, "keypoint_names: got 1"),
        ({"keypoint_names": ("a", "b", "c", "d\0")}, "keypoint_names"),
        ({"joint_names": HUMAN36M.joint_names[:16]}, "got 16 names, expected 17"),
        ({"parents": (-1, *range(1, 17))}, "has parent"),
        ({"parents": (0.5,) * 17}, "parents"),
        ({"fps": 0.0}, "fps"),
        ({"fps": np.nan}, "fps"),
        ({"fps": "25"}, "fps"),
        ({"width": 640.5}, "width"),
        ({"height": 0}, "height"),
        ({"focal_px": -1.0}, "focal_px"),
        ({"focal_px": True}, "focal_px"),
        ({"focal_is_estimated": 1}, "focal_is_estimated"),
        ({"model": None}, "model"),
        ({"person_score": np.ones(3, np.float32)}, "person_score: got shape"),
        ({"person_score": np.ones(2)}, "person_score: got dtype"),
        ({"person_score": np.array([0.5, 1.5], np.float32)}, "from 0 to 1"),
    ],
)
def test_values_outside_the_contract_are_refused(change: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        replace(make_track(), **change)


def write_changed(path: Path, **changes: object) -> None:
    """A saved track with arrays replaced, or left out where the change is None."""
    make_track().save(path)
    with np.load(path) as archive:
        contents = {**{name: archive[name] for name in archive.files}, **changes}
    np.savez(path, **{name: value for name, value in contents.items() if value is not None})  # pyright: ignore[reportArgumentType]


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"root_mm": None, "fps": None}, "no root_mm, fps in it"),
        ({"poses_mm": np.zeros((2, 3, 17, 3))}, "poses_mm: got dtype float64"),
        ({"poses_mm": np.zeros((2, 3, 17), np.float32)}, "poses_mm: got shape"),
        ({"joint_names": np.arange(17)}, "joint_names: got dtype"),
        ({"parents": np.zeros((17, 1), np.int64)}, "parents: got shape"),
        ({"fps": np.array([25.0])}, "fps: got shape"),
        ({"width": np.array(640.0)}, "width"),
        ({"model": np.array(7)}, "model"),
        ({"model": np.array({"a": 1}, dtype=object)}, "model holds a pickle"),
        ({"fps": np.array(1e-300)}, "fps: got 1e-300, expected a positive number"),
        ({"fps": np.array(1e300)}, "fps: got 1e\\+300, expected a positive number"),
        ({"width": np.array(2**40)}, "width: got 1099511627776, expected .* at most 1000000"),
        ({"joint_names": np.full(17, 0x110000, "u4").view("U1")}, "impossible characters"),
        ({"overpose_version": np.array("999.0.0")}, "overpose_version: got 999.0.0"),
    ],
)
def test_files_outside_the_contract_are_refused_by_name(
    change: dict, match: str, tmp_path: Path
) -> None:
    write_changed(tmp_path / "track.npz", **change)
    with pytest.raises(InputError, match=match) as error:
        PoseTrack.load(tmp_path / "track.npz")
    assert str(error.value).startswith(str(tmp_path / "track.npz"))
    assert "\n" not in str(error.value)


def test_a_pickle_in_a_file_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "ran",))

    write_changed(tmp_path / "track.npz", poses_mm=np.array([Trap()], dtype=object))
    with pytest.raises(InputError, match="pickle"):
        PoseTrack.load(tmp_path / "track.npz")
    assert not (tmp_path / "ran").exists()


def test_arrays_of_other_names_and_other_minor_versions_are_accepted(tmp_path: Path) -> None:
    later = __version__.split(".")[0] + ".999.0"
    write_changed(
        tmp_path / "track.npz",
        overpose_version=np.array(later),
        pickled=np.array({}, dtype=object),
        mesh=np.zeros(3),
    )
    assert PoseTrack.load(tmp_path / "track.npz").overpose_version == later


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "no such file"),
        (b"", "not an .npz file"),
        (b"poses", "not an .npz file"),
        (b"\x93NUMPY\x01\x00", "not an .npz file"),
    ],
)
def test_files_that_are_no_npz_are_refused(
    content: bytes | None, match: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "track.npz").write_bytes(content)
    with pytest.raises(InputError, match=match):
        PoseTrack.load(tmp_path / "track.npz")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        PoseTrack.load(tmp_path)


def test_a_zip_of_other_things_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("poses_mm.npy", "not an array")
    with pytest.raises(InputError, match=r"other\.npz"):
        PoseTrack.load(tmp_path / "other.npz")


@same_directory
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_anywhere_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "track.npz"
    make_track().save(path, overwrite=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"track\.npz"):
        PoseTrack.load(path)


@settings(same_directory, max_examples=150)
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_harmless(share: float, flip: int, tmp_path: Path) -> None:
    path = tmp_path / "track.npz"
    make_track().save(path, overwrite=True)
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= flip
    path.write_bytes(content)
    try:
        loaded = PoseTrack.load(path)
    except InputError:
        return
    assert_same(loaded, make_track())


def test_an_entry_that_is_no_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    make_track().save(path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, b"29.97" if name == "fps.npy" else data)
    with pytest.raises(InputError, match=r"a\.npz: fps is not an array"):
        PoseTrack.load(path)
