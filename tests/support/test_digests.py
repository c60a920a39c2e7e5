"""Digests against the command-line notion of SHA-256: known values, and parts as one text."""

import hashlib
from pathlib import Path

import numpy as np

from overpose.support.digests import sha256, sha256_of_file, sha256_of_parts

OF_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""FIPS 180-2, appendix B.1."""


def test_the_digest_of_abc_is_that_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256("abc") == sha256(b"a", "bc") == sha256_of_file(tmp_path / "abc") == OF_ABC
    assert sha256_of_parts(iter(["ab", "c"])) == OF_ABC


def test_an_array_counts_by_its_bytes_in_its_order_of_rows() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert sha256(array.T) == hashlib.sha256(np.ascontiguousarray(array.T).tobytes()).hexdigest()
