"""What runs, and how quickly it starts, where only the base dependencies are installed."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from moving_person import moving_track
from PIL import Image

from overpose.keypoints.keypoint_files import KeypointFile, write_keypoints
from overpose.layouts import BLAZEPOSE_33
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.support.assets import DOWNLOADS, asset_path
from overpose.support.extras import PACKAGES, advice

EXTRAS = (
    "torch",
    "numba",
    "matplotlib",
    "pandas",
    "pyarrow",
    "jaxtyping",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "anny",
    "h5py",
    "cdflib",
)
"""Packages that only extras bring."""
SLOW = ("scipy", "rich", "av", "ezc3d", "viser", "overpose.mocap.bvh", "overpose.viewer")
"""What takes long to import and the prediction of a photo does without."""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a fresh Python does that finds no package of an extra."""
    command = [sys.executable, "-c", _HIDDEN + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


_HIDDEN = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""


def test_predict_export_and_view_need_no_package_of_an_extra(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(100, 400, (1, 30, 33, 3)).astype(np.float32)
    points[..., 2] = 0.9
    found = tmp_path / "walk.json"
    write_keypoints(found, KeypointFile(BLAZEPOSE_33, points, fps=25.0, width=640, height=480))
    done = python(
        """
from overpose.app import main
keypoints, out = sys.argv[1:]
formats = ["json", "csv", "bvh", "c3d", "trc", "angles"]
main(["predict", keypoints, "--out", out, "--html", "--formats", *formats])
main(["export", f"{out}/walk.npz", "--out", f"{out}/again"])
main(["view", f"{out}/walk.npz", "--html", f"{out}/again/walk.html"])
import overpose.viewer.overlay, overpose.viewer.scene, overpose.experiments.demo
""",
        str(found),
        str(tmp_path / "out"),
    )
    assert done.returncode == 0, done.stderr
    made = {path.name for path in (tmp_path / "out" / "again").iterdir()}
    ends = (".json", ".csv", ".bvh", ".c3d", ".trc", "_angles.csv", ".mot", ".html")
    assert made == {f"walk{end}" for end in ends}


def test_a_photo_waits_for_no_import_it_does_not_need() -> None:
    rooms = "overpose.app, overpose.support.assets, overpose.experiments.predict"
    code = f"import {rooms}; print(*sys.modules)"
    loaded = set(python(code).stdout.split())
    assert "cv2" in loaded
    assert loaded & set(SLOW) == set()


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        (("train", "--data", "data", "--out", "OUT"), "pyarrow", "train"),
        (("data", "check", "data"), "pyarrow", "train"),
        (("table", "tracks", "--out", "OUT"), "pyarrow", "table"),
        (("predict", "PHOTO", "--model", "MODEL", "--out", "OUT"), "PyTorch", "train"),
    ],
)
def test_a_command_whose_extra_is_missing_says_what_to_install(
    command: tuple[str, ...], package: str, extra: str, tmp_path: Path
) -> None:
    places = {"OUT": tmp_path / "out", "PHOTO": tmp_path / "a.png", "MODEL": tmp_path / "model"}
    Image.new("RGB", (8, 8)).save(places["PHOTO"])
    config = ImageEncoderConfig(16, 14, (3,), (4,), (8,))
    save_model(PosePredictor(PosePredictorConfig("direct", config)), places["MODEL"])
    arguments = (str(places.get(word, word)) for word in command)
    done = python("from overpose.app import main; main(sys.argv[1:])", *arguments)
    assert done.returncode == 1
    assert done.stderr == (
        f"overpose: error: overpose {command[0]} needs {package}: pip install 'overpose[{extra}]'\n"
    )


def test_a_name_whose_extra_is_missing_says_what_to_install() -> None:
    done = python(
        """
import overpose
for name in ("open_dataset", "train"):
    try:
        getattr(overpose, name)
    except ModuleNotFoundError as error:
        print(error)
"""
    )
    assert done.stdout.splitlines() == [
        f"overpose.{name} needs pyarrow: pip install 'overpose[train]'"
        for name in ("open_dataset", "train")
    ], done.stderr


def test_assets_gets_what_prediction_needs_before_the_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("overpose.support.assets.download_asset", asset_path)
    monkeypatch.setattr("overpose.support.asset_download.sys.executable", "/nowhere/python")
    assert run("assets") == 1
    said = capsys.readouterr()
    assert [line.split(":")[0] for line in said.out.splitlines()] == list(DOWNLOADS)
    assert "body-2.npz: no such file, and it cannot be built here" in said.err


def test_bodies_are_written_without_any_package_of_an_extra(tmp_path: Path) -> None:
    if not asset_path("body").is_file():
        pytest.skip("needs the body in the cache, which is not there")
    moving_track(1).save(tmp_path / "walk.npz")
    code = "from overpose.app import main; main(sys.argv[1:])"
    done = python(
        code, "export", str(tmp_path / "walk.npz"), "--out", str(tmp_path), "--formats", "glb"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "walk.glb").stat().st_size > 500_000


@pytest.mark.parametrize("extra", ["train", "onnx"])
def test_every_package_of_an_extra_is_known_to_the_command_line(extra: str) -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"][extra]
    known = {module for module, (_, brings) in PACKAGES.items() if brings == extra}
    assert {re.split(r"[<>=]", each)[0] for each in wanted} == known


def test_a_missing_module_of_no_extra_is_a_bug() -> None:
    assert advice("train", ModuleNotFoundError("No module named 'x'", name="overpose.x")) is None
