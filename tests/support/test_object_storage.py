"""Names in object storage as paths: read where they are, written whole or not at all."""

import os
import pickle
import sys
from pathlib import Path

import pytest
from buckets import bucket, contents
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

from overpose.support.errors import InputError
from overpose.support.files import require_place, require_writable, write_json, writing_file
from overpose.support.object_storage import RemotePath, StorageError, path_of, read_ranges

__all__ = ["bucket"]


@pytest.mark.parametrize(
    "name", ["clip.mp4", "s3:clip", "s3:/a/b", "http://a/b", "c:\\s3://a", "./s3://a", ""]
)
def test_every_other_name_is_a_file(name: str) -> None:
    assert not isinstance(path_of(name), RemotePath)
    assert path_of(name) == Path(name)


def test_an_address_has_the_names_of_a_path() -> None:
    path = path_of("s3://data/clips/walk.one.mp4")
    assert isinstance(path, RemotePath)
    assert (path.name, path.stem, path.suffix) == ("walk.one.mp4", "walk.one", ".mp4")
    for same in (
        path_of("gs://data/a") / ".." / "b",
        path.parent / path.name,
        path.with_name("x.npz"),
        path.resolve(),
        pickle.loads(pickle.dumps(path)),
    ):
        assert isinstance(same, RemotePath)
    assert str(path.parent / "b c.npz") == "s3://data/clips/b c.npz"
    assert str(pickle.loads(pickle.dumps(path))) == str(path)


@pytest.mark.parametrize("name", ["s3://", "gs:///"])
def test_an_address_has_a_bucket(name: str) -> None:
    with pytest.raises(InputError, match=r"expected [gs][s3]://BUCKET/NAME"):
        path_of(name)


def test_what_is_there_is_read_like_files(bucket: MemoryFileSystem) -> None:
    bucket.pipe({"data/a.txt": "grün\nzwei\n".encode(), "data/in/b.bin": bytes(range(200))})
    top = path_of("s3://data")
    assert [(path.name, path.is_dir()) for path in sorted(top.iterdir())] == [
        ("a.txt", False),
        ("in", True),
    ]
    assert (top / "a.txt").read_text(encoding="utf-8") == "grün\nzwei\n"
    with (top / "a.txt").open(encoding="utf-8") as file:
        assert [line.strip() for line in file] == ["grün", "zwei"]
    with (top / "in" / "b.bin").open("rb") as file:
        file.seek(100)
        assert file.read(3) == bytes([100, 101, 102])
        assert file.seek(-1, 2) == 199
        assert file.read() == bytes([199])
    assert (top / "in" / "b.bin").stat().st_size == 200
    assert [path.name for path in top.glob("*.txt")] == ["a.txt"]
    pieces = [(top / "in" / "b.bin", 3, 2), (top / "in" / "b.bin", 198, 2)]
    assert read_ranges(pieces) == [b"\3\4", b"\xc6\xc7"]


def test_what_is_not_there_is_missing(bucket: MemoryFileSystem) -> None:
    path = path_of("s3://data/none")
    assert not path.exists()
    assert not path.is_file()
    assert not path.is_dir()
    assert list(path.glob("*")) == []
    path.unlink(missing_ok=True)
    for ask in (path.stat, path.read_bytes, lambda: path.open("rb"), lambda: list(path.iterdir())):
        with pytest.raises(FileNotFoundError):
            ask()


def test_no_library_takes_an_address_for_a_file_here(
    bucket: MemoryFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bucket.pipe_file("data/a.txt", b"1")
    path = path_of("s3://data/a.txt")
    attempts = (
        lambda: os.listdir(path),  # noqa: PTH208
        lambda: path.open("w"),
        lambda: path.write_text("2"),
        lambda: path.replace(path_of("s3://data/b.txt")),
        lambda: list(path.parent.rglob("*")),
    )
    for attempt in attempts:
        with pytest.raises(InputError, match=r"^s3://data.*some commands only"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_became_a_path_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="as text"):
        write_json(Path("s3://data/a.json"), {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_appears_when_it_is_whole(bucket: MemoryFileSystem) -> None:
    path = path_of("s3://data/in/a.txt")
    with writing_file(path) as temporary:
        temporary.write_text("one")
        assert contents(bucket, "data") == {}
    assert contents(bucket, "data") == {"in/a.txt": b"one"}
    with pytest.raises(IsADirectoryError), writing_file(path) as temporary:
        temporary.parent.write_text("two")
    assert contents(bucket, "data") == {"in/a.txt": b"one"}


def test_a_broken_upload_is_removed(
    bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(local: str, name: str) -> None:
        bucket.pipe_file(name, Path(local).read_bytes()[:4])
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(bucket, "put_file", half)
    with pytest.raises(StorageError, match="cannot be reached"):
        write_json(path_of("s3://data/a.json"), {"some": "thing"})
    assert contents(bucket, "data") == {}


def test_an_upload_that_arrives_short_is_removed(
    bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(local: str, name: str) -> None:
        bucket.pipe_file(name, Path(local).read_bytes()[:4])

    monkeypatch.setattr(bucket, "put_file", short)
    with pytest.raises(StorageError, match="4 bytes arrived"):
        write_json(path_of("s3://data/a.json"), {"some": "thing"})
    assert contents(bucket, "data") == {}


def test_nothing_is_replaced_unasked_there_either(bucket: MemoryFileSystem) -> None:
    bucket.pipe_file("data/a.json", b"mine")
    with pytest.raises(InputError, match="--overwrite"):
        require_writable(path_of("s3://data/a.json"), overwrite=False)
    require_writable(path_of("s3://data/a.json"), overwrite=True)
    require_writable(path_of("s3://data/b.json"), overwrite=False)


def test_a_place_is_tried_and_left_as_it_was(bucket: MemoryFileSystem) -> None:
    require_place(path_of("s3://data/out"))
    assert contents(bucket, "data") == {}


def test_a_place_that_cannot_be_written_to_says_so(
    bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str, content: bytes) -> None:
        raise PermissionError("Forbidden")

    monkeypatch.setattr(bucket, "pipe_file", refused)
    with pytest.raises(InputError, match=r"s3://data/out.*refused"):
        require_place(path_of("s3://data/out"))


def test_after_an_error_a_file_gives_nothing_more(
    bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.pipe_file("data/a.bin", bytes(1000))
    with path_of("s3://data/a.bin").open("rb") as file:
        assert len(file.read(10)) == 10

        def gone(self: MemoryFile, size: int = -1) -> bytes:
            raise TimeoutError("timed out")

        with monkeypatch.context() as patch:
            patch.setattr(MemoryFile, "read", gone)
            with pytest.raises(StorageError, match="cannot be reached"):
                file.read(10)
        with pytest.raises(StorageError, match="cannot be reached"):
            file.read(10)


@pytest.mark.parametrize(("name", "wanted"), [("s3", ""), ("gs", " gcsfs")])
def test_packages_that_are_missing_are_named(
    name: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(InputError, match=rf"pip install 'overpose\[storage\]'{wanted}$"):
        path_of(f"{name}://data/a.txt").exists()
