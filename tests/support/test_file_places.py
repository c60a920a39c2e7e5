"""Where files may be written, and which names are one place."""

from pathlib import Path

import pytest

from overpose.support import files
from overpose.support.errors import InputError
from overpose.support.files import (
    require_apart,
    require_writable,
    writing_directory,
    writing_file,
)


def test_existing_output_is_refused_unless_overwriting(tmp_path: Path) -> None:
    file, full = tmp_path / "file", tmp_path / "full"
    file.touch()
    full.mkdir()
    (full / "x").touch()
    for path in (file, full):
        with pytest.raises(InputError, match="--overwrite"):
            require_writable(path, overwrite=False)
        require_writable(path, overwrite=True)


def test_absent_paths_and_empty_directories_are_writable(tmp_path: Path) -> None:
    require_writable(tmp_path / "absent", overwrite=False)
    require_writable(tmp_path, overwrite=False)


@pytest.mark.parametrize("link", ["same", "symlink", "hard link", "dots", "directory link"])
def test_an_output_that_is_an_input_is_refused_under_any_name(tmp_path: Path, link: str) -> None:
    source = tmp_path / "in" / "walk.json"
    source.parent.mkdir()
    source.write_text("mine")
    output = tmp_path / "out.json"
    if link == "same":
        output = source
    elif link == "symlink":
        output.symlink_to(source)
    elif link == "hard link":
        output.hardlink_to(source)
    elif link == "dots":
        output = tmp_path / "in" / ".." / "in" / "walk.json"
    else:
        (tmp_path / "alias").symlink_to(source.parent)
        output = tmp_path / "alias" / "walk.json"
    with pytest.raises(InputError, match=r"would replace the input .*walk\.json"):
        require_apart([output], [source])
    require_apart([tmp_path / "in" / "other.json"], [source, tmp_path / "missing"])


def test_two_outputs_in_one_place_are_refused(tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(tmp_path)
    require_apart([tmp_path / "a", tmp_path / "b", tmp_path / "new" / "a"], [])
    for other in (tmp_path / "a", tmp_path / "alias" / "a", tmp_path / "new" / ".." / "a"):
        with pytest.raises(InputError, match="two results would be this file"):
            require_apart([tmp_path / "a", other], [])


@pytest.mark.parametrize("folds", [True, False])
def test_names_that_differ_in_case_are_one_file_where_the_file_system_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folds: bool
) -> None:
    monkeypatch.setattr(files, "_folds_case", lambda directory: folds)
    outputs = [tmp_path / "Walk.npz", tmp_path / "walk.npz"]
    if folds:
        with pytest.raises(InputError, match="two results would be this file"):
            require_apart(outputs, [])
    else:
        require_apart(outputs, [])


def test_whether_case_matters_is_asked_of_the_file_system(tmp_path: Path) -> None:
    below = tmp_path / "Somewhere"
    below.mkdir()
    assert files._folds_case(below / "not" / "yet") == (tmp_path / "sOMEWHERE").exists()
    (tmp_path / "sOMEWHERE").symlink_to(below)  # as a file system without case would answer
    assert files._folds_case(below / "not" / "yet")
    (below / "2024").mkdir()  # which says nothing of case
    assert files._folds_case(below / "2024")


@pytest.mark.parametrize("name", ["x" * 255, "x" * 241 + ".npz", "ä" * 127, "日" * 85])
def test_names_of_any_length_that_is_allowed_can_be_written(tmp_path: Path, name: str) -> None:
    with writing_file(tmp_path / name) as temporary:
        assert temporary.name != name
        temporary.write_text("whole")
    with writing_directory(tmp_path / "d" / name) as temporary:
        (temporary / "inside").write_text("whole")
    with writing_directory(tmp_path / "d" / name) as temporary:
        (temporary / "inside").write_text("new")
    assert (tmp_path / name).read_text() == "whole"
    assert (tmp_path / "d" / name / "inside").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["d", name])


def test_a_name_that_is_too_long_is_not_writable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got a name of 256 bytes"):
        require_writable(tmp_path / ("ä" * 128), overwrite=True)
