"""The archives of Human3.6M: unpacked once and whole, inside their directory."""

import io
import lzma
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from human36m_miniature import (
    MASKS,
    POSES,
    SUBJECTS,
    convert,
    found,
    pack,
    pack_member,
    said,
)

from overpose.datasets.human36m.layout import find_human36m
from overpose.support.errors import InputError


def test_official_archives_are_unpacked_and_read(miniature: Path, tmp_path: Path) -> None:
    source = tmp_path / "archives"
    source.mkdir()
    shutil.copy(miniature / "metadata.xml", source)
    for subject in ("S1", "S9"):
        pack(source / f"Poses_D3_Positions_{subject}.tgz", miniature, [f"{subject}/{POSES}"])
        pack(source / f"Videos_{subject}.tgz", miniature, [f"{subject}/Videos"])
    # As the archives of other mirrors: without the folders around the files.
    folder = miniature / "S9" / MASKS
    names = [path.name for path in folder.iterdir()]
    pack(source / "Segments_mat_gt_bs_S9.tgz", folder, names)
    with pytest.raises(InputError, match="archives only"):
        find_human36m(source)
    dataset = convert(source, tmp_path / "d", image_size=16, every=4)
    plain = convert(miniature, tmp_path / "plain", image_size=16, every=4)
    np.testing.assert_array_equal(dataset.poses_mm, plain.poses_mm)
    dataset.mask(int(np.flatnonzero(dataset.subjects == "S9")[0]))
    (unpacked,) = (tmp_path / "d-unpacked").iterdir()
    again = found(source, unpack_to=unpacked)
    assert len(again.recordings) == 16
    assert not list(unpacked.glob(".*.part"))


def test_a_corrupt_archive_is_one_error_and_leaves_nothing(miniature: Path, tmp_path: Path) -> None:
    whole = pack(tmp_path / "Videos_S1.tgz", miniature, ["S1/Videos"])
    content = whole.read_bytes()
    altered = bytearray(content)
    altered[len(altered) // 2] ^= 255
    for damaged in (content[: len(content) // 2], bytes(altered), b"nothing", content[:-8]):
        whole.write_bytes(damaged)
        with pytest.raises(
            InputError, match=r"Videos_S1\.tgz: not a whole archive .* get it again"
        ):
            find_human36m(whole, unpack_to=tmp_path / "to")
        assert not list((tmp_path / "to").rglob("*.mp4"))


@pytest.mark.parametrize(
    "name", ["../escaped.mp4", "/tmp/escaped.mp4", "S1/../../escaped.mp4", "..\\escaped.mp4"]
)
def test_a_member_that_would_leave_its_directory_is_refused(tmp_path: Path, name: str) -> None:
    archive = pack_member(tmp_path / "Videos_S1.tgz", tarfile.TarInfo(name), b"content")
    with pytest.raises(InputError, match="would land outside the directory"):
        find_human36m(archive, unpack_to=tmp_path / "inner" / "to")
    assert not list(tmp_path.rglob("escaped*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_archives_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("S1/Videos/Walking 1.54138969.mp4")
    member.type, member.linkname = kind, "/etc/passwd"
    archive = pack_member(tmp_path / "Videos_S1.tgz", member)
    with pytest.raises(InputError, match="a link or a device"):
        find_human36m(archive, unpack_to=tmp_path / "to")


def test_archives_beside_folders_are_only_mentioned(copy: Path, tmp_path: Path) -> None:
    pack(copy / "Videos_S5.tgz", copy, ["S1/Videos"])
    assert said(found(copy, unpack_to=tmp_path / "to").problems, "Videos_S5.tgz", "not read")
    assert not (tmp_path / "to").exists()


def test_archives_of_two_sources_are_not_mixed_for_the_same_output(
    miniature: Path, tmp_path: Path
) -> None:
    options = {"image_size": 16, "every": 4, "overwrite": True}
    for subject in SUBJECTS:
        source = tmp_path / subject
        source.mkdir()
        shutil.copy(miniature / "metadata.xml", source)
        pack(source / "archive.tgz", miniature, [subject])
        with convert(source, tmp_path / "d", **options) as dataset:  # type: ignore[arg-type]
            assert set(dataset.subjects.tolist()) == {subject}
    assert len(list((tmp_path / "d-unpacked").iterdir())) == 2


def test_what_an_archive_brought_that_is_no_longer_there_is_used_and_said(
    miniature: Path, tmp_path: Path
) -> None:
    shutil.copy(miniature / "metadata.xml", tmp_path)
    for subject in SUBJECTS:
        pack(tmp_path / f"{subject}.tgz", miniature, [subject])
    assert not said(found(tmp_path, unpack_to=tmp_path / "to").problems, "S1.tgz")
    (tmp_path / "S1.tgz").unlink()
    inventory = found(tmp_path, unpack_to=tmp_path / "to")
    assert said(inventory.problems, "S1.tgz: unpacked into", "not in the source now")
    assert len(inventory.recordings) == 16


@pytest.mark.parametrize("name", [".", "./", "/", ""])
def test_a_file_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    archive = pack_member(tmp_path / "Videos_S1.tgz", member, b"content")
    with pytest.raises(InputError, match=r"Videos_S1\.tgz: .*(has no name|outside)"):
        find_human36m(archive, unpack_to=tmp_path / "to")


def test_a_corrupt_archive_compressed_by_xz_is_one_error(miniature: Path, tmp_path: Path) -> None:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        tar.add(miniature / "S1" / POSES, arcname=f"S1/{POSES}")
    content = lzma.compress(plain.getvalue())
    altered = bytearray(content)
    altered[len(altered) // 2] ^= 255
    archive = tmp_path / "Poses_D3_Positions_S1.tar"
    for damaged in (content[: len(content) // 2], bytes(altered)):
        archive.write_bytes(damaged)
        with pytest.raises(InputError, match=r"S1\.tar: not a whole archive .* get it again"):
            find_human36m(archive, unpack_to=tmp_path / "to")
        assert not list((tmp_path / "to").rglob("*.cdf"))
