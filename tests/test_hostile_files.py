"""Readers of a user's files raise `InputError` of one line, nothing else, whatever is in them."""

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from overpose.datasets.description import read_description
from overpose.datasets.human36m.files import open_masks, probe_video, read_metadata, read_poses
from overpose.datasets.own.checks import check_own_data
from overpose.datasets.own.files import read_image
from overpose.datasets.rendering.recorded import read_splits
from overpose.mocap.library import open_library
from overpose.networks.model_files import read_model_config
from overpose.report.rows import parse_row, read_report
from overpose.support.errors import InputError
from overpose.support.files import read_json
from overpose.training.loop import read_metrics

DEEP = "[" * 100_000
CONTENTS: dict[str, bytes | None] = {
    "empty": b"",
    "binary": bytes(range(256)) * 40,
    "zeros": bytes(5000),
    "deep JSON": DEEP.encode(),
    "deep object": b'{"a":' * 100_000,
    "digits": b'{"version": 1' + b"0" * 5000 + b"}",
    "large": b'{"format_version": 1e999, "actions": 1e400, "rows": 1e999, "w0": NaN}',
    "NaN": b'{"format_version": NaN, "train_subjects": NaN, "rows": NaN}',
    "list": b"[1, 2, 3]",
    "null": b"null",
    "text": b"\xff\xfehello\nworld,\r\n;;;",
    "quotes": b'a,b\n"' + b"x" * 200_000,
    "names": json.dumps({"train_subjects": [["a"]], "test_subjects": [{}], "actions": {}}).encode(),
    "kinds": json.dumps({"format_version": [], "kind": {}, "shards": {"a": 1}}).encode(),
    "XML": b"<a>" * 50_000,
    "entities": b'<!DOCTYPE a [<!ENTITY b "c">]><a><w0>&b;</w0></a>',
    "a directory": None,
}


def own_table(path: Path) -> None:
    findings = check_own_data(path.parent, processes=1)
    if findings.problems:
        raise InputError(findings.problems[0])


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "JSON": ("any.json", read_json),
    "splits": ("splits.json", read_splits),
    "report": ("report.json", read_report),
    "model": ("config.json", lambda path: read_model_config(path.parent)),
    "dataset": ("dataset.json", lambda path: read_description(path.parent, verify=False)),
    "metrics": ("metrics.jsonl", lambda path: read_metrics(path.parent)),
    "own CSV": ("samples.csv", own_table),
    "own Parquet": ("samples.parquet", own_table),
    "metadata": ("metadata.xml", read_metadata),
    "CDF": ("a.cdf", read_poses),
    "MAT": ("a.mat", lambda path: open_masks(path)),
    "video": ("a.mp4", probe_video),
    "trial": ("a.bvh", lambda path: open_library(path).motion("a")),
    "archive": ("a.zip", open_library),
    "tar": ("a.tar.gz", open_library),
}


TAKEN = {
    "JSON": {"large", "NaN", "names", "kinds"},
    "metrics": {"empty", "large", "NaN", "names", "kinds"},
}
"""What readers of any objects take."""


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (reader, content)
        for reader in READERS
        for content in CONTENTS
        if content not in TAKEN.get(reader, ())
    ],
)
def test_what_is_no_such_file_is_refused_in_one_line(
    reader: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path / "cache"))
    name, read = READERS[reader]
    data = CONTENTS[content]
    path = tmp_path / "given" / name
    path.parent.mkdir()
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    with pytest.raises(InputError) as error:
        read(path)
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("reader", list(READERS))
def test_a_file_that_may_not_be_read_is_refused(reader: str, tmp_path: Path) -> None:
    name, read = READERS[reader]
    path = tmp_path / name
    path.write_bytes(b"{}")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("whoever runs this may read everything")
    with pytest.raises(InputError):
        read(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, -1, True, "1", [1]])
def test_numbers_of_a_report_are_numbers(number: object) -> None:
    row = {
        "method": "mean_pose", "action": "mean", "seed": 0, "mpjpe_mm": number, "p_mpjpe_mm": 1.0,
        "limb_ratio": 1.0,
    }  # fmt: skip
    with pytest.raises(InputError):
        parse_row(row)


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return len(content).to_bytes(4, "big") + kind + content + checksum.to_bytes(4, "big")


def test_pictures_that_say_more_than_they_hold_take_no_memory(tmp_path: Path) -> None:
    small = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    path = tmp_path / "a.png"
    path.write_bytes(small)
    assert read_image(path) is not None
    path.write_bytes(small + b"trailing")
    assert read_image(path) is not None
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    side = (30_000).to_bytes(4, "big")
    wide = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", side + side + bytes((8, 2, 0, 0, 0)))
    for content in (
        wide + chunk(b"IDAT", zlib.compress(bytes(10_000_000))) + chunk(b"IEND", b""),
        small[:33] + b"\x7f\xff\xff\x00" + small[37:],
        small[:33] + b"\x7f\xff\xff\x00tEXt" + small[33:],
    ):
        path.write_bytes(content)
        assert read_image(path) is None
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
