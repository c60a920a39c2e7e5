"""`s3://` on a server of its own: the bytes of a run on files here, or one line."""

import json
import os
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import pytest
from moving_person import moving_track
from scripted_command import error_of, files_of, keypoints_at, run
from scripted_people import write_clip
from tiny_dataset import write_tiny_dataset

from overpose.app import main
from overpose.datasets.store import open_dataset
from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.support.files import writing_file
from overpose.support.object_storage import (
    BLOCK_BYTES,
    RemoteFile,
    RemotePath,
    StorageError,
    path_of,
)

RENDER = (
    "--image-size=16", "--supersample=1", "--samples-per-shard=4", "--max-train=12",
    "--max-val=0", "--max-test=4",
)  # fmt: skip
LIFTER = Path(__file__).parents[1] / "networks" / "saved-f8fa25d" / "lifter-finetuned"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, and keypoints, which need no detector."""
    place = tmp_path_factory.mktemp("inputs")
    write_clip(place / "clip.mp4", [{"red": (100 + i, 120), "green": (240, 120)} for i in range(9)])
    for name in ("a", "b", "c"):
        keypoints_at(place / f"{name}.json")
    return place


def objects_of(system: Any, name: str) -> dict[str, bytes]:
    system.invalidate_cache()
    return {key.removeprefix(f"{name}/"): system.cat_file(key) for key in system.find(name)}


def test_a_clip_there_and_results_there_are_those_of_files_here(
    inputs: Path, tmp_path: Path, bucket: Any
) -> None:
    bucket.put_file(str(inputs / "clip.mp4"), "data/clips/clip.mp4")
    for clip, out in (
        (inputs / "clip.mp4", tmp_path / "out"),
        ("s3://data/clips/clip.mp4", "s3://data/out"),
    ):
        assert run("predict", clip, "--out", out, "--formats", "json", "--html") == 0
    assert objects_of(bucket, "data/out") == files_of(tmp_path / "out")


def test_models_keypoints_and_parts_may_be_there(inputs: Path, tmp_path: Path, bucket: Any) -> None:
    bucket.put(str(inputs) + "/", "data/in/", recursive=True)
    bucket.put(str(LIFTER) + "/", "data/models/lifter-finetuned/", recursive=True)
    for where, model, out in (
        (inputs, LIFTER, tmp_path / "out"),
        ("s3://data/in", "s3://data/models/lifter-finetuned", "s3://data/out"),
    ):
        given = [f"{where}/{name}.json" for name in ("a", "b", "c")]
        assert run("predict", *given, "--model", model, "--shard", "0/2", "--out", out) == 0
    assert objects_of(bucket, "data/out") == files_of(tmp_path / "out")


def test_tracks_are_loaded_and_saved_there(tmp_path: Path, bucket: Any) -> None:
    track = moving_track(1)
    track.save(tmp_path / "a.npz")
    track.save("s3://data/a.npz")
    assert bucket.cat_file("data/a.npz") == (tmp_path / "a.npz").read_bytes()
    np.testing.assert_array_equal(PoseTrack.load("s3://data/a.npz").poses_mm, track.poses_mm)


def test_what_is_rendered_there_is_what_is_rendered_here(tmp_path: Path, bucket: Any) -> None:
    for out, processes in ((tmp_path / "out", 1), ("s3://data/out", 2)):
        main(["render", *RENDER, "--out", str(out), "--processes", str(processes)])
    assert objects_of(bucket, "data/out") == files_of(tmp_path / "out")


@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray")
@pytest.mark.filterwarnings("ignore")  # Ray warns of itself
def test_a_cluster_does_what_is_there_without_credentials_of_its_own(
    inputs: Path, tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(str(inputs) + "/", "data/in/", recursive=True)
    bucket.put(str(LIFTER) + "/", "data/models/lifter-finetuned/", recursive=True)
    bucket.info("data/in/a.json")  # logged in; workers find nothing to do so with
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for where, model, out, ray in (
        (inputs, LIFTER, tmp_path / "out", ()),
        ("s3://data/in", "s3://data/models/lifter-finetuned", "s3://data/out", ("--ray", "local")),
    ):
        given = [f"{where}/{name}.json" for name in ("a", "b", "c")]
        given += ["--model", str(model), "--out", str(out), *ray]
        assert command_line.run("predict", *given) == 0
    assert objects_of(bucket, "data/out") == files_of(tmp_path / "out")


def test_a_dataset_there_is_read_by_pieces(tmp_path: Path, bucket: Any) -> None:
    here = write_tiny_dataset(tmp_path / "tiny", masks=True)
    write_tiny_dataset(path_of("s3://data/tiny"), masks=True)
    assert objects_of(bucket, "data/tiny") == files_of(here)
    with open_dataset(here) as own, open_dataset("s3://data/tiny") as other:
        some = [40, 3, 3, 17]
        np.testing.assert_array_equal(other.masked_images(some), own.masked_images(some))
        bucket.rm_file("data/tiny/images-00000.shard")
        with pytest.raises(InputError, match=r"images-00000.shard: the shard is missing"):
            other.images(some)


def test_a_file_is_read_by_blocks(bucket: Any) -> None:
    content = np.random.default_rng(0).bytes(3 * BLOCK_BYTES)
    bucket.pipe_file("data/large.bin", content)
    path = path_of("s3://data/large.bin")
    assert isinstance(path, RemotePath)
    with RemoteFile(path) as file:
        file.seek(2 * BLOCK_BYTES + 5)
        assert file.read(100) == content[2 * BLOCK_BYTES + 5 :][:100]
        assert file._file.cache.total_requested_bytes == BLOCK_BYTES


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """What is uploaded in three parts."""
    monkeypatch.setattr("s3fs.core.calculate_chunksize", lambda *_, **__: 5 << 20)
    return np.random.default_rng(1).bytes(11 << 20)


def test_what_is_uploaded_in_parts_appears_when_it_is_whole(bucket: Any, in_parts: bytes) -> None:
    path = path_of("s3://data/large.bin")
    with writing_file(path) as temporary:
        temporary.write_bytes(in_parts)
        assert not path.exists()
    assert bucket.info("data/large.bin")["ETag"].strip('"').endswith("-3")
    assert bucket.cat_file("data/large.bin") == in_parts


def test_an_upload_of_which_a_part_fails_leaves_nothing(
    bucket: Any, in_parts: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, sent = bucket._call_s3, []

    async def failing(method: str, *arguments: Any, **options: Any) -> Any:
        if method == "upload_part":
            sent.append(method)
            if len(sent) > 1:
                raise ConnectionResetError("reset by peer")
        return await call(method, *arguments, **options)

    monkeypatch.setattr(bucket, "_call_s3", failing)
    path = path_of("s3://data/large.bin")
    with (
        pytest.raises(StorageError, match="the server cannot be reached"),
        writing_file(path) as temporary,
    ):
        temporary.write_bytes(in_parts)
    assert objects_of(bucket, "data") == {}
    assert not bucket.call_s3("list_multipart_uploads", Bucket="data").get("Uploads")


@pytest.fixture
def locked(bucket: Any) -> str:
    """A bucket that nobody may read or write."""
    bucket.mkdir("locked")
    bucket.pipe_file("locked/a.json", b"{}")
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    statement = denied | {"Resource": "arn:aws:s3:::locked/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    bucket.call_s3("put_bucket_policy", Bucket="locked", Policy=json.dumps(policy))
    return "s3://locked"


def test_refused_access_is_one_line(
    locked: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", f"{locked}/a.json", "--out", tmp_path / "out") == 1
    assert f"{locked}/a.json: access is refused" in error_of(capsys)
    assert run("predict", inputs / "a.json", "--out", f"{locked}/out") == 1
    said = error_of(capsys)
    assert f"{locked}/out" in said
    assert "access is refused" in said


@pytest.mark.parametrize(
    ("given", "out", "said"),
    [
        ("s3://data/none.mp4", "OUT", "s3://data/none.mp4: no such file"),
        ("s3://nowhere/none.mp4", "OUT", "s3://nowhere/none.mp4: no such file"),
        ("INPUT", "s3://nowhere/out", "s3://nowhere/out: there is no such bucket"),
        ("gs://data/a.mp4", "OUT", "pip install 'overpose[storage]' gcsfs"),
    ],
)
def test_what_is_not_there_is_one_line(
    given: str,
    out: str,
    said: str,
    inputs: Path,
    tmp_path: Path,
    bucket: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = {"INPUT": inputs / "a.json", "OUT": tmp_path / "out"}
    assert run("predict", words.get(given, given), "--out", words.get(out, out)) == 1
    assert said in error_of(capsys)


def test_no_credentials_are_one_line(
    settings: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert run("predict", "s3://data/a.mp4", "--out", tmp_path / "out") == 1
    assert "s3://data/a.mp4: no credentials for it" in error_of(capsys)


def test_a_server_that_is_not_there_is_given_up(
    settings: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    begun = time.monotonic()
    assert run("predict", "s3://data/a.mp4", "--out", tmp_path / "out") == 1
    assert "s3://data/a.mp4: the server cannot be reached" in error_of(capsys)
    assert time.monotonic() - begun < 60
