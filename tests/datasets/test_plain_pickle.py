"""Pickled numpy files read as plain data: data comes back, a programme does not run."""

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overpose.datasets.human36m.plain_pickle import read_object
from overpose.support.errors import InputError


def written(path: Path, content: bytes, shape: str = "()", descr: str = "'|O'") -> Path:
    """An npz file with the object `key`, its pickle given byte by byte."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(117) + "\n"
    npy = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("key.npy", npy)
    return path


def pickled(value: Any, protocol: int) -> bytes:
    """As numpy saves an object array of one object."""
    return pickle.dumps(np.array(value, dtype=object), protocol=protocol)


DATA = {
    "S1": {
        "Walking 1": np.arange(24, dtype=np.float32).reshape(4, 2, 3),
        "columns first": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big end first": np.arange(5, dtype=">i4"),
        "views": [np.zeros((2, 0)), np.array([True, False])],
        "objects": np.array([np.arange(2), "text", None], dtype=object),
    },
    "numbers": (1, -2.5, True, None, "täxt", [], {}),
    7: np.float64(0.25),
}


def equal(a: Any, b: Any) -> bool:
    if isinstance(b, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in b)
    if isinstance(b, list | tuple):
        return type(a) is type(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(b, np.ndarray) and b.dtype == object:
        return a.dtype == object and equal(a.tolist(), b.tolist())
    if isinstance(b, np.ndarray | np.generic):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return bool(a == b)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_comes_back_whatever_the_protocol(tmp_path: Path, protocol: int) -> None:
    assert equal(read_object(written(tmp_path / "a.npz", pickled(DATA, protocol)), "key"), DATA)


def test_what_numpy_saves_comes_back(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", key=np.array(DATA, dtype=object), other=1)
    assert equal(read_object(tmp_path / "a.npz", "key"), DATA)


def test_names_of_older_numpy_are_known(tmp_path: Path) -> None:
    content = pickled({"a": np.arange(3.0)}, 3).replace(b"numpy._core.", b"numpy.core.")
    assert b"numpy.core.multiarray" in content
    value = read_object(written(tmp_path / "a.npz", content), "key")
    np.testing.assert_array_equal(value["a"], np.arange(3.0))


class Programme:
    """Calls a function when it is unpickled the usual way."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.mkdir, eval, exec, __import__, getattr, np.load, np.save])
def test_a_programme_is_refused_and_not_run(tmp_path: Path, protocol: int, function: Any) -> None:
    trap = tmp_path / "trap"
    argument: Any = str(trap)
    if function in (eval, exec):
        argument = f"__import__('os').mkdir({str(trap)!r})"
    content = pickled({"S1": [Programme(function, argument)]}, protocol)
    path = written(tmp_path / "a.npz", content)
    with pytest.raises(InputError, match=r"wants to run .* refused: do not trust this file"):
        read_object(path, "key")
    assert not trap.exists()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.npz"]


def test_the_trap_of_these_tests_would_spring(tmp_path: Path) -> None:
    pickle.loads(pickled([Programme(os.mkdir, str(tmp_path / "trap"))], 2))
    assert (tmp_path / "trap").is_dir()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL and REDUCE
        b"(S'true'\nios\nsystem\n.",  # INST
        b"cnumpy\nndarray\n(dS'a'\nI1\nsb.",  # a state for the class itself
        b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.",  # a dtype on its own
        b"cnumpy.core.multiarray\n_reconstruct\n.",  # a function as a value
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntS'b'\ntR.",
        b"cnumpy\ndtype\n(S'V8'\ntR.",
        b"cnumpy\ndtype\n((lp0\ntR.",
        b"\x80\x02\x82\x01.",  # an extension's number
        b"S'a'\nQ.",  # a persistent name
        b"\x80\x04\x8f.",  # a set
        b"(lp0\ng0\na.",  # a list in itself
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"",
        b"garbage",
    ],
)
def test_hostile_or_damaged_pickles_are_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path / "a.npz", content)
    with pytest.raises(InputError, match=r"a\.npz") as caught:
        read_object(path, "key")
    assert "\n" not in str(caught.value)


def test_a_forged_dtype_cannot_pass_bytes_off_as_objects(tmp_path: Path) -> None:
    # numpy's own reader takes the flags of a dtype from the file.
    array = pickle.dumps(np.zeros(1), protocol=2)
    for old, new in ((b"f8", b"O8"), (b"f8", b"S8"), (b"f8", b"M8")):
        with pytest.raises(InputError, match="refused"):
            read_object(written(tmp_path / "a.npz", array.replace(old, new)), "key")


def test_one_thing_named_many_times_is_made_once(tmp_path: Path) -> None:
    value: list = [0]
    for _ in range(12):
        value = [value] * 50
    read = read_object(written(tmp_path / "a.npz", pickled({"a": value}, 4)), "key")
    assert read["a"][0] is read["a"][49]


def test_files_that_are_no_npz_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.npz: no such file"):
        read_object(tmp_path / "absent.npz", "key")
    (tmp_path / "text.npz").write_text("nothing")
    with pytest.raises(InputError, match="not a whole npz file"):
        read_object(tmp_path / "text.npz", "key")
    np.savez(tmp_path / "a.npz", key=np.arange(3))
    with pytest.raises(InputError, match=r"key is int64 \(3,\), expected a dictionary"):
        read_object(tmp_path / "a.npz", "key")
    with pytest.raises(InputError, match="no other in it, it has key"):
        read_object(tmp_path / "a.npz", "other")
    assert read_object(tmp_path / "a.npz", "other", optional=True) is None
    content = io.BytesIO()
    np.savez(content, key=np.array({"a": np.zeros(1000)}, dtype=object))
    (tmp_path / "cut.npz").write_bytes(content.getvalue()[:-40])
    with pytest.raises(InputError, match="not a whole npz file"):
        read_object(tmp_path / "cut.npz", "key")
