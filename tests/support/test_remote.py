"""What workers of a cluster do with units, and what is refused before it is asked; without Ray."""

import hashlib
import pickle
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from buckets import bucket
from command_line import run
from fsspec.implementations.memory import MemoryFileSystem

from overpose.experiments.prediction import Prediction
from overpose.support import on_cluster, remote
from overpose.support.cluster import Cluster
from overpose.support.errors import InputError
from overpose.support.object_storage import path_of
from overpose.support.progress import say
from overpose.support.remote import Answer, Task, do_task
from overpose.support.version import VERSION

__all__ = ["bucket"]


def make_copier(extra: Path) -> Callable[[Path, Path, Callable[[], None]], int]:
    def copy(path: Path, out: Path, check: Callable[[], None]) -> int:
        say("copying")
        (out / path.name).write_bytes(path.read_bytes() + extra.read_bytes())
        return path.stat().st_size

    return copy


@pytest.fixture(autouse=True)
def by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """References are what they refer to."""
    monkeypatch.setattr(remote, "_fetched", lambda reference: reference)
    monkeypatch.setattr(remote, "_here", {})
    monkeypatch.setattr(remote, "_made", {})


def task_of(unit: Path, extra: Path, version: str = VERSION) -> tuple[Task, list[bytes]]:
    given = on_cluster._pickled(extra, [extra])
    key = hashlib.sha256(given).hexdigest()
    pickled = on_cluster._pickled(unit, [unit])
    return Task(version, key, make_copier, pickled, (str(extra),)), [given]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    unit, extra = tmp_path / "clip.bin", tmp_path / "model.bin"
    unit.write_bytes(b"abc")
    extra.write_bytes(b"de")
    return unit, extra


def answer_of(task: Task, held: list[bytes]) -> Answer:
    answer = do_task(task, held)
    assert isinstance(answer, Answer)
    return answer


def test_a_worker_gives_back_files_with_their_hash_and_what_was_said(
    files: tuple[Path, Path],
) -> None:
    answer = answer_of(*task_of(*files))
    assert answer.files == [("clip.bin", hashlib.sha256(b"abcde").hexdigest(), b"abcde")]
    assert (answer.result, answer.said) == (3, ["copying"])


def test_what_a_worker_does_not_see_is_asked_for_and_sent(files: tuple[Path, Path]) -> None:
    task, held = task_of(*files)
    sent = {str(path): on_cluster._sent(path) for path in files}
    for path in files:
        path.unlink()
    asked: list[str] = []
    for _ in range(3):
        given = {path: sent[path] for path in asked}
        answer = answer_of(
            Task(VERSION, task.key, make_copier, task.unit, task.shared, given), held
        )
        if not answer.unseen:
            break
        asked = list(answer.unseen)
    assert sorted(asked) == sorted(map(str, files))
    assert answer.files[0][2] == b"abcde"


def test_what_is_in_object_storage_is_read_here_and_written_here(
    tmp_path: Path, bucket: MemoryFileSystem
) -> None:
    for name in ("in/clip.bin", "models/model.bin"):
        bucket.pipe_file(f"data/{name}", name.encode())
    unit, extra = path_of("s3://data/in/clip.bin"), path_of("s3://data/models/model.bin")
    task, held = task_of(unit, extra)
    bucket.store.clear()  # workers do not see it
    assert answer_of(task, held).unseen
    for name in ("in/clip.bin", "models/model.bin"):
        bucket.pipe_file(f"data/{name}", name.encode())
    sent = {str(path): on_cluster._sent(path_of(str(path))) for path in (unit, extra)}
    answer = answer_of(Task(VERSION, task.key, make_copier, task.unit, task.shared, sent), held)
    on_cluster.write_answer(answer, path_of("s3://data/out"))
    assert bucket.cat_file("data/out/clip.bin") == b"in/clip.binmodels/model.bin"
    with pytest.raises(InputError, match="s3://data/none: cannot be read"):
        on_cluster._sent(path_of("s3://data/none"))


@pytest.mark.parametrize("other", [b"of somebody else", b"abd"])
def test_another_file_of_that_name_is_not_taken_for_the_one_meant(
    files: tuple[Path, Path], other: bytes
) -> None:
    task, held = task_of(*files)
    files[0].write_bytes(other)
    assert list(answer_of(task, held).unseen) == [str(files[0])]


@pytest.mark.parametrize(
    "there",
    [{"a": b"1"}, {"a": b"1", "b": b"2", "c": b""}, {"a": b"1", "c": b"2"}, {"a": b"1", "b": b"3"}],
)
def test_another_directory_of_that_name_is_not_taken_for_the_one_meant(
    tmp_path: Path, there: dict[str, bytes]
) -> None:
    """Two models of one kind have files of the same names and sizes."""
    place = tmp_path / "model"

    def fill(files: dict[str, bytes]) -> None:
        place.mkdir()
        for name, content in files.items():
            (place / name).write_bytes(content)

    fill({"a": b"1", "b": b"2"})
    given = on_cluster._pickled(place, [place])
    assert pickle.loads(given) == place
    shutil.rmtree(place)
    fill(there)
    with pytest.raises(remote._Unseen, match="model"):
        pickle.loads(given)
    shutil.rmtree(place)
    place.write_bytes(b"12")
    with pytest.raises(remote._Unseen, match="model"):
        pickle.loads(given)


def test_large_files_are_told_apart_by_both_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "COMPARED", 1)
    path = tmp_path / "clip.mp4"
    marks = set()
    for place in (None, 0, 4095, 29_999, 26_000, 20_000):  # the last one lies between them
        content = bytearray(30_000)
        if place is not None:
            content[place] = 1
        path.write_bytes(content)
        marks.add(remote.mark_of(path))
    assert len(marks) == 5
    assert None not in marks


def test_an_input_that_cannot_be_given_to_a_cluster_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = SimpleNamespace(
        remote=lambda **_: lambda function: SimpleNamespace(remote=partial(partial, function)),
        put=lambda value: value,
        get=lambda call: call(),
        wait=lambda pending, **_: (pending[:1], pending[1:]),
        cluster_resources=lambda: {"CPU": 1},
        nodes=lambda: [{"Alive": True}],
    )
    monkeypatch.setattr(on_cluster, "connected", lambda *_: nullcontext(ray))
    monkeypatch.setattr(on_cluster, "wait_for_a_cpu", lambda *_: None)
    places = [tmp_path / name for name in ("a.bin", "gone.bin", "b.bin", "model.bin")]
    for place in places:
        place.write_bytes(b"1")
    places[1].unlink()
    (tmp_path / "out").mkdir()

    def results(**given: Any) -> list[Any]:
        made = on_cluster.do_on_cluster(
            places[:3], make_copier, places[3], tmp_path / "out", Cluster("local", 1), {},
            shared=[places[3]], reads=lambda unit: [unit], **given,
        )  # fmt: skip
        return list(made)

    found = results(unread=lambda unit, error: str(error))
    lost = f"{places[1]}: cannot be read (No such file or directory)"
    assert sorted(map(str, found)) == [lost, "1", "1"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.bin", "b.bin"]
    with pytest.raises(InputError, match=r"gone\.bin: cannot be read"):
        results()
    places[3].unlink()
    with pytest.raises(InputError, match=r"model\.bin: cannot be read"):
        results(unread=lambda unit, error: str(error))


def test_a_worker_of_another_version_says_so(files: tuple[Path, Path]) -> None:
    answer = do_task(*task_of(*files, version="0.0.1"))
    assert isinstance(answer, str)
    assert "0.0.1" in answer
    assert VERSION in answer


def test_files_that_come_back_damaged_or_elsewhere_are_not_written(tmp_path: Path) -> None:
    for name, content in (("clip.npz", b"bc"), ("../clip.npz", b"ab")):
        answer = Answer(files=[(name, hashlib.sha256(b"ab").hexdigest(), content)])
        with pytest.raises(InputError, match="came back damaged"):
            on_cluster.write_answer(answer, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_too_large_to_be_sent_is_one_line(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_cluster, "MOST_SENT", 2)
    with pytest.raises(InputError, match=r"clip\.bin: got 3 bytes that a worker does not see"):
        on_cluster._sent(files[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ray", "127.0.0.1:1"), "nothing answers at 127.0.0.1:1"),
        (("--ray", "somewhere"), "expected local or HOST:PORT"),
        (("--ray", "local", "--shard", "0/2"), "got it with --shard"),
    ],
)
def test_a_cluster_that_cannot_be_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    (tmp_path / "k.json").write_text("{}")
    given = ("predict", str(tmp_path / "k.json"), "--out", str(tmp_path / "out"))
    assert run(*given, *options) == 1
    assert message in capsys.readouterr().err
    assert run("render", "--out", str(tmp_path / "data"), *options) == 1
    assert message in capsys.readouterr().err


def test_a_cluster_with_a_webcam_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predict", "--webcam", "0", "--ray", "local") == 1
    assert "ray: got it with --webcam" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("camera", "sent"),
    [
        ("calib.toml", ["calib.toml"]),
        ("colmap/cameras.txt", ["cameras.txt", "images.txt"]),
        ("colmap", ["cameras.txt", "images.txt"]),
    ],
)
def test_a_cluster_is_given_whatever_files_an_input_is_predicted_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, camera: str, sent: list[str]
) -> None:
    """Where a machine does not see them, they are sent; of COLMAP's directory what is read."""
    given = []

    def do_units(units: list, work: object, asked: Prediction, *where: object, **names: Any) -> Any:
        keypoints, place = names["shared"]
        assert place == asked.options.camera
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        given.append((keypoints, [(file.name, file.read_text()) for file in files]))
        return iter(())

    monkeypatch.setattr("overpose.experiments.predict.do_units", do_units)
    (tmp_path / "colmap").mkdir()
    for name in ("calib.toml", "colmap/cameras.txt", "colmap/images.txt", "colmap/other.mp4"):
        (tmp_path / name).write_text(name)
    for name in ("clip.mp4", "keypoints.json"):
        (tmp_path / name).touch()
    wanted = ("--camera", tmp_path / camera, "--keypoints", tmp_path / "keypoints.json")
    wanted += ("--out", tmp_path / "out", "--ray", "local")
    assert run("predict", *map(str, (tmp_path / "clip.mp4", *wanted))) == 0
    folder = "" if camera == "calib.toml" else "colmap/"
    contents = [(name, folder + name) for name in sent]
    assert given == [(tmp_path / "keypoints.json", contents)]
