"""Arrays of strangers' npz files: nothing is run, no size is believed, one line for any damage."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from overpose.support.errors import InputError
from overpose.support.npz import read_npz


def npy(array: np.ndarray, *changes: tuple[bytes, bytes]) -> bytes:
    """An array in numpy's format, its header changed to something as long."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    content = buffer.getvalue()
    for old, new in changes:
        assert old in content
        assert len(old) == len(new)
        content = content.replace(old, new)
    return content


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            bundle.writestr(name.replace("__", "."), content)
    return path


@settings(max_examples=30, deadline=None)
@given(
    array=arrays.arrays(
        st.sampled_from(["<f4", ">f8", "i8", "?", "<U3", ">U2"]), arrays.array_shapes(min_dims=0)
    )
)
def test_what_numpy_wrote_is_read(tmp_path_factory: pytest.TempPathFactory, array) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    np.savez_compressed(path, wanted=array, other=np.zeros(2))
    found = read_npz(path, ["wanted", "absent"], "a track")
    assert list(found) == ["wanted"]
    np.testing.assert_array_equal(found["wanted"], array)
    assert found["wanted"].dtype == array.dtype


FLOATS = np.zeros(4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(FLOATS, (b"(4,)", b"(9,)")), "a is not as long as its header says"),
        (npy(FLOATS, (b"(4,), } ", b"(4000,)}")), "a is not as long as its header says"),
        (npy(np.zeros((4, 4)), (b"(4, 4)", b"(-4,4)")), "a is not as long as its header says"),
        (npy(FLOATS, (b"(4,)", b",4)(")), "damaged, or not a track"),
        (npy(FLOATS, (b"(4,)", b"[((\n")), "damaged, or not a track"),
        (npy(FLOATS, (b"descr", b"dexcr")), "damaged, or not a track"),
        (npy(FLOATS, (b"<f8", b"|O ")), "a"),
        (npy(np.array("ab"), (b"b\0\0\0", b"b\0\x22\0")), "a holds text with impossible"),
        (b"29.97", "a is not an array"),
        (b"", "a is not an array"),
        (npy(FLOATS)[:-3], "a is not as long as its header says"),
    ],
)
def test_damage_is_one_clear_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_npz(archive(tmp_path / "x.npz", a__npy=content), ["a"], "a track")
    assert str(caught.value).startswith(str(tmp_path / "x.npz"))
    assert "\n" not in str(caught.value)


def test_an_entry_without_the_ending_is_no_array(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a is not an array"):
        read_npz(archive(tmp_path / "x.npz", a=npy(FLOATS)), ["a"], "a track")


def test_a_small_file_that_unpacks_to_much_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as bundle:
        with bundle.open("a.npy", "w", force_zip64=True) as file:
            for _ in range(300):
                file.write(bytes(2**20))
        bundle.writestr("b.npy", npy(FLOATS))
    with pytest.raises(InputError, match="unpacks to far more than its"):
        read_npz(tmp_path / "x.npz", ["a", "b"], "a track")
    assert list(read_npz(tmp_path / "x.npz", ["b"], "a track")) == ["b"]
