"""Showing files."""

from pathlib import Path

import pytest

from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.viewer.show import load_tracks, show_files


def test_tracks_are_named_by_their_files(track: PoseTrack, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("left.npz", "right.npz")]
    for path in paths:
        track.save(path)
    assert list(load_tracks(paths)) == ["left", "right"]


def test_files_of_one_name_are_told_apart_by_their_directories(
    track: PoseTrack, tmp_path: Path
) -> None:
    paths = [tmp_path / name / "same" / "clip.npz" for name in ("a", "b")]
    paths.append(tmp_path / "other.npz")
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        track.save(path)
    assert list(load_tracks(paths)) == ["a/same/clip", "b/same/clip", "other"]


def test_no_file_and_the_same_file_twice_are_errors(track: PoseTrack, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got no file"):
        load_tracks([])
    track.save(tmp_path / "a.npz")
    with pytest.raises(InputError, match="more than once"):
        load_tracks([tmp_path / "a.npz", tmp_path / "." / "a.npz"])


def test_a_page_of_two_files_is_written(track: PoseTrack, tmp_path: Path, capsys) -> None:
    for name in ("one", "two"):
        track.save(tmp_path / f"{name}.npz")
    out = tmp_path / "new" / "out.html"
    show_files([tmp_path / "one.npz", tmp_path / "two.npz"], html=out)
    text = out.read_text(encoding="utf-8")
    assert "<h1>one, two</h1>" in text
    assert "two \\u00b7 person 2" in text
    assert str(out) in capsys.readouterr().err


def test_a_file_that_is_no_track_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"a\.npz"):
        show_files([tmp_path / "a.npz"], html=tmp_path / "out.html")


def test_a_page_never_replaces_what_it_shows(track: PoseTrack, tmp_path: Path) -> None:
    track.save(tmp_path / "a.npz")
    (tmp_path / "clip.mp4").write_bytes(b"video")
    (tmp_path / "link.html").symlink_to(tmp_path / "a.npz")
    for html in ("a.npz", "link.html", "clip.mp4"):
        with pytest.raises(InputError, match="would replace the input"):
            show_files(
                [tmp_path / "a.npz"],
                html=tmp_path / html,
                video=tmp_path / "clip.mp4",
                overwrite=True,
            )
    assert (tmp_path / "clip.mp4").read_bytes() == b"video"
