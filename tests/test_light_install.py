"""What runs, and how quickly it starts, where only the base dependencies are installed."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from overpose.video.keypoint_files import KeypointFile, write_keypoints
from overpose.video.layouts import BLAZEPOSE_33

EXTRAS = (
    "torch",
    "numba",
    "matplotlib",
    "pandas",
    "pyarrow",
    "jaxtyping",
    "anny",
    "h5py",
    "cdflib",
)
"""Packages that only extras bring."""
SLOW = ("scipy", "rich", "av", "ezc3d", "viser", "overpose.mocap.bvh", "overpose.viewer")
"""What takes long to import and the prediction of a photo does without."""


def python(code: str, *arguments: str) -> str:
    """Standard output of a fresh Python that finds no package of an extra."""
    done = subprocess.run(
        [sys.executable, "-c", _HIDDEN + code, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    python(
        """
from overpose.app import main
keypoints, out = sys.argv[1:]
formats = ["json", "csv", "bvh", "c3d", "trc"]
main(["predict", keypoints, "--out", out, "--html", "--formats", *formats])
main(["export", f"{out}/walk.npz", "--out", f"{out}/again"])
main(["view", f"{out}/walk.npz", "--html", f"{out}/again/walk.html"])
import overpose.viewer.overlay, overpose.viewer.scene, overpose.video.demo
""",
        str(found),
        str(tmp_path / "out"),
    )
    made = {path.name for path in (tmp_path / "out" / "again").iterdir()}
    assert made == {f"walk.{end}" for end in ("json", "csv", "bvh", "c3d", "trc", "html")}


def test_a_photo_waits_for_no_import_it_does_not_need() -> None:
    code = "import overpose.app, overpose.assets, overpose.video.predict; print(*sys.modules)"
    loaded = set(python(code).split())
    assert "cv2" in loaded
    assert loaded & set(SLOW) == set()
