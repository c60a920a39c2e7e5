"""Libraries of recordings: directories and archives, good and bad."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest

from overpose.mocap.bvh import write_bvh
from overpose.mocap.library import open_library
from overpose.mocap.procedural import procedural_motion
from overpose.support.errors import InputError

ASF = """\
:units
  length 0.45
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
:bonedata
  begin
    name leg
    direction 0 -1 0
    length 7
    dof rx
  end
:hierarchy
  begin
    root leg
  end
"""

AMC = ":DEGREES\n" + "".join(f"{f}\nroot 0 7 {f} 0 0 0\nleg {f}\n" for f in range(1, 26))

FILES = {
    f"subjects/{subject}/{name}": ASF if name.endswith("asf") else AMC
    for subject, names in {
        "02": ("02.asf", "02_10.amc", "02_02.amc"),
        "10": ("10.asf", "10_01.amc"),
        "127": ("127.asf", "127_01.amc"),
    }.items()
    for name in names
}
TRIALS = ["02_02", "02_10", "10_01", "127_01"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    place = tmp_path / "cache"
    monkeypatch.setenv("OVERPOSE_CACHE", str(place))
    return place


def fill(directory, files=FILES):
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def tar(path, files=FILES, extra=()):
    with tarfile.open(path, "w:" + {"xz": "xz", "gz": "gz"}.get(path.suffix[1:], "")) as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
        for member in extra:
            archive.addfile(member)
    return path


def zipped(path, files=FILES):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize("inside", ["", "wrapped", "only/subjects"])
def test_a_directory_is_read_with_or_without_one_around_it(tmp_path, inside):
    fill(tmp_path / "data" / (inside if inside == "wrapped" else ""))
    place = tmp_path / "data" / ("subjects" if inside == "only/subjects" else "")
    library = open_library(place)
    assert library.trials() == TRIALS
    assert library.subjects() == ["02", "10", "127"]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz", "a.zip"])
@pytest.mark.parametrize("wrap", ["", "all_asfamc/"])
def test_an_archive_gives_the_motion_of_the_directory(tmp_path, name, wrap):
    files = {wrap + key: text for key, text in FILES.items()}
    path = (zipped if name.endswith("zip") else tar)(tmp_path / name, files)
    library = open_library(path)
    assert library.trials() == TRIALS
    expected = open_library(fill(tmp_path / "data")).motion("10_01")
    got = library.motion("10_01")
    np.testing.assert_array_equal(got.positions_mm(), expected.positions_mm())
    assert (got.subject, got.trial, got.fps) == ("10", "10_01", 120.0)


def test_a_motion_comes_at_the_frame_rate_asked_for(tmp_path):
    library = open_library(fill(tmp_path / "data"), fps=100.0)
    assert (len(library.motion("02_02")), library.motion("02_02").fps) == (25, 100.0)
    slow = library.motion("02_02", fps=25)
    assert (len(slow), slow.fps) == (7, 25.0)


def test_an_archive_is_unpacked_once(tmp_path, cache):
    path = tar(tmp_path / "a.tar.gz")
    open_library(path)
    (unpacked,) = (cache / "mocap").iterdir()
    mark = unpacked / "mark"
    mark.touch()
    assert open_library(path).trials() == TRIALS
    assert [*(cache / "mocap").iterdir()] == [unpacked]
    assert mark.exists()


@pytest.mark.parametrize("change", ["more", "less", "longer", "linked"])
def test_an_unpacked_zip_that_was_changed_is_unpacked_anew(tmp_path, cache, change):
    path = zipped(tmp_path / "a.zip")
    open_library(path)
    amc = sorted(cache.glob("mocap/*/subjects/02/*.amc"))[0]
    before = amc.read_bytes()
    if change == "more":
        amc.with_name("02_99.amc").write_text("planted")
    elif change == "less":
        amc.unlink()
    elif change == "longer":
        amc.write_bytes(before + b"1")
    else:
        (tmp_path / "elsewhere").write_bytes(before)
        amc.unlink()
        amc.symlink_to(tmp_path / "elsewhere")
    assert open_library(path).trials() == TRIALS
    assert amc.read_bytes() == before
    assert not amc.is_symlink()


def test_an_archive_of_other_content_is_not_mixed_up(tmp_path):
    path = tar(tmp_path / "a.tar")
    open_library(path)
    fewer = {key: text for key, text in FILES.items() if "/127/" not in key}
    assert open_library(tar(path, fewer)).trials() == TRIALS[:-1]


def link(name, kind, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        link("subjects/03/03.asf", tarfile.SYMTYPE, "/etc/passwd"),
        link("subjects/03", tarfile.SYMTYPE, "../02"),
        link("subjects/03/03.asf", tarfile.LNKTYPE, "subjects/02/02.asf"),
        link("subjects/03/03.asf", tarfile.CHRTYPE, ""),
        link("subjects/03/03.asf", tarfile.FIFOTYPE, ""),
    ],
    ids=["absolute link", "relative link", "hard link", "device", "pipe"],
)
def test_archives_with_links_or_devices_are_refused_and_leave_nothing(tmp_path, cache, member):
    path = tar(tmp_path / "a.tar.gz", extra=[member])
    with pytest.raises(InputError, match="is a link or a device"):
        open_library(path)
    assert [*(cache / "mocap").iterdir()] == []


@pytest.mark.parametrize("name", ["../evil.asf", "/tmp/evil.asf", "subjects/../../evil.amc"])
@pytest.mark.parametrize("pack", [tar, zipped])
def test_archives_whose_members_escape_are_refused_and_leave_nothing(tmp_path, cache, name, pack):
    path = pack(tmp_path / ("a.zip" if pack is zipped else "a.tar"), {**FILES, name: ASF})
    with pytest.raises(InputError, match="outside the directory; refused"):
        open_library(path)
    assert [*(cache / "mocap").iterdir()] == []
    assert not [*tmp_path.rglob("evil.*")]


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as archive:
        member = zipfile.ZipInfo("subjects/03/03.asf")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(InputError, match="is a link or a device"):
        open_library(path)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz", "a.zip"])
def test_a_truncated_archive_is_refused_and_leaves_nothing(tmp_path, cache, name):
    path = (zipped if name.endswith("zip") else tar)(tmp_path / name)
    content = path.read_bytes()
    path.write_bytes(content[: min(len(content) // 2, 1300)])
    with pytest.raises(InputError, match=r"a\..*not a whole archive"):
        open_library(path)
    assert [*(cache / "mocap").iterdir()] == []


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.xz", "a.zip"])
def test_an_archive_with_garbled_bytes_is_refused_and_leaves_nothing(tmp_path, cache, name):
    numbers = np.random.default_rng(0).integers(0, 10, 100_000)
    files = {**FILES, "subjects/10/10_02.amc": "".join(map(str, numbers))}
    path = tmp_path / name
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, text in files.items():
                archive.writestr(member, text)
    else:
        tar(path, files)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole archive"):
        open_library(path)
    assert [*(cache / "mocap").iterdir()] == []


def test_a_tar_with_a_garbled_header_is_refused(tmp_path):
    path = tar(tmp_path / "a.tar")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"subjects/10/10.asf", b"subjects/11/10.asf"))
    with pytest.raises(InputError, match=r"not a whole archive.*garbled"):
        open_library(path)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip")
    content = path.read_bytes()
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(mark) + place
        content = content[:at] + b"\x01" + content[at + 1 :]  # the flag "encrypted"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"not a whole archive.*encrypted"):
        open_library(path)


@pytest.mark.parametrize("name", ["a.tar.xz", "a.tar", "a.zip"])
def test_a_file_that_only_has_the_name_of_an_archive_is_refused(tmp_path, name):
    (tmp_path / name).write_text("hello" * 1000)
    with pytest.raises(InputError, match="not a whole archive"):
        open_library(tmp_path / name)


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such directory or archive"):
        open_library(tmp_path / "nowhere")


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(InputError, match="got a file, expected a directory or an archive"):
        open_library(tmp_path / "a.txt")


def test_a_directory_without_trials_is_refused(tmp_path):
    (tmp_path / "data" / "subjects" / "01").mkdir(parents=True)
    with pytest.raises(InputError, match=r"no trials in it; expected subjects/01/01\.asf"):
        open_library(tmp_path / "data")


def test_a_trial_without_its_skeleton_is_refused(tmp_path):
    directory = fill(tmp_path / "data")
    (directory / "subjects" / "02" / "02.asf").unlink()
    with pytest.raises(InputError, match=r"02_02\.amc: its skeleton .*02\.asf is missing"):
        open_library(directory).motion("02_02")


def test_an_unknown_trial_is_refused(tmp_path):
    with pytest.raises(InputError, match="no trial '77_01'; it has 4, 02_02 to 127_01"):
        open_library(fill(tmp_path / "data")).motion("77_01")


def test_the_real_library_holds_every_trial_of_the_benchmark(cmu, shared_dir):
    splits = json.loads((shared_dir / "mocap" / "splits.json").read_text())
    named = {t for a in splits["actions"].values() for part in a.values() for t in part}
    assert named <= set(cmu.trials())
    assert {*splits["train_subjects"], *splits["test_subjects"]} == set(cmu.subjects())


def test_bvh_files_are_trials_called_like_the_files(tmp_path):
    walk = procedural_motion("walking", "P01", 1, 20, 25.0)
    for name in ("P02_1", "P01_10", "P01_2"):
        write_bvh(walk, tmp_path / f"{name}.bvh")
    library = open_library(tmp_path)
    assert library.trials() == ["P01_2", "P01_10", "P02_1"]
    assert library.subjects() == ["P01", "P02"]
    motion = library.motion("P01_10", 12.5)
    assert (motion.subject, motion.trial, motion.fps) == ("P01", "P01_10", 12.5)
    expected = walk.resample(12.5)
    for bone, name in enumerate(expected.skeleton.names):
        np.testing.assert_allclose(
            motion.positions_mm()[:, motion.skeleton.index(name)],
            expected.positions_mm()[:, bone],
            atol=0.1,
        )
    assert open_library(tmp_path / "P02_1.bvh").trials() == ["P02_1"]


def test_a_bvh_file_of_another_skeleton_is_refused_in_one_line(tmp_path):
    path = tmp_path / "mine_1.bvh"
    write_bvh(procedural_motion("walking", "P01", 1, 5), path)
    path.write_text(path.read_text().replace("lfemur", "LeftUpLeg"))
    with pytest.raises(InputError, match=r"mine_1\.bvh: got a skeleton without lfemur") as caught:
        open_library(path).motion("mine_1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("asf", "amc"), [("asf", "amc"), ("ASF", "AMC"), ("asf", "Amc")])
def test_trials_may_lie_beside_their_skeletons(tmp_path, asf, amc):
    for name in (f"anna.{asf}", f"anna_1.{amc}", f"ben_1.{amc}"):
        (tmp_path / name).write_text(ASF if name.endswith(asf) else AMC)
    library = open_library(tmp_path)
    assert library.trials() == ["anna_1"]
    assert library.subjects() == ["anna"]
    assert len(library.motion("anna_1")) == 25


def test_cmu_files_are_taken_before_bvh_files_beside_them(tmp_path):
    directory = fill(tmp_path / "data")
    write_bvh(procedural_motion("walking", "P01", 1, 5), directory / "P01_1.bvh")
    assert "P01_1" not in open_library(directory).trials()


@pytest.mark.parametrize(("asf", "amc"), [(".ASF", ".AMC"), (".asf", ".AMC"), (".Asf", ".amc")])
def test_endings_in_capitals_are_the_same_endings(tmp_path, asf, amc):
    plain = fill(tmp_path / "plain")
    capitals = fill(tmp_path / "capitals")
    for path in sorted(capitals.rglob("*")):
        if path.suffix in (".asf", ".amc"):
            path.rename(path.with_suffix(asf if path.suffix == ".asf" else amc))
    library, expected = open_library(capitals), open_library(plain)
    assert library.trials() == expected.trials()
    got, wanted = library.motion("02_10"), expected.motion("02_10")
    np.testing.assert_array_equal(got.positions_mm(), wanted.positions_mm())


def test_an_archive_with_capitals_gives_its_trials(tmp_path):
    capitals = {
        name.replace(".asf", ".ASF").replace(".amc", ".AMC"): t for name, t in FILES.items()
    }
    found = open_library(tar(tmp_path / "a.tar.gz", capitals))
    assert found.trials() == open_library(fill(tmp_path / "plain")).trials()


def test_bvh_files_of_blender_are_read_z_up(tmp_path):
    write_bvh(procedural_motion("walking", "P01", 1, 5), tmp_path / "P01_1.bvh")
    upright = open_library(tmp_path).motion("P01_1").positions_mm()
    lying = open_library(tmp_path, up="z").motion("P01_1").positions_mm()
    x, y, z = np.moveaxis(lying, -1, 0)
    np.testing.assert_allclose(np.stack([x, -z, y], axis=-1), upright, atol=1e-6)
