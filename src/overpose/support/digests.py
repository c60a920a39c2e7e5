"""SHA-256 of texts, bytes, arrays and files: what tells two of them apart, or notices damage."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np


def sha256(*parts: str | bytes | np.ndarray) -> str:
    """Of the parts one after the other, in hex: texts as UTF-8, arrays as their bytes."""
    return sha256_of_parts(parts)


def sha256_of_parts(parts: Iterable[str | bytes | np.ndarray]) -> str:
    """As `sha256`, of parts that are made one at a time."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            part = part.tobytes()
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Of a file, read in pieces, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
