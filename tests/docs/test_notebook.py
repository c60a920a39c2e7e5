"""The notebook runs from top to bottom, and is committed with what it shows."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from scripted_people import write_clip

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "predict.ipynb"
STAND_INS = """
import sys
from pathlib import Path
sys.path.insert(0, {helpers!r})
from scripted_people import ScriptedEngines
from overpose.keypoints.blazepose import BlazePose
from overpose.support import assets
BlazePose.from_assets = lambda *_, **__: ScriptedEngines()
assets.download_asset = lambda name: Path("clip.mp4")
"""
"""Coloured discs are people, so that nothing is downloaded."""


def test_the_notebook_runs_on_a_small_clip(tmp_path: Path) -> None:
    write_clip(
        tmp_path / "clip.mp4",
        [{"red": (100 + i, 120), "green": (240, 120)} for i in range(20)],
    )
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    setup = STAND_INS.format(helpers=str(ROOT / "tests" / "helpers"))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(setup))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    written = sorted(path.name for path in (tmp_path / "overpose-notebook").iterdir())
    assert written == ["clip.csv", "clip.html", "clip_person1.bvh", "clip_person2.bvh"]


def test_the_notebook_is_committed_as_one_run_left_it() -> None:
    cells = [c for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    pictures = [c for c in cells if any("image/png" in o.get("data", {}) for o in c.outputs)]
    drawing = [cell for cell in cells if "plt.show()" in cell.source]
    assert pictures == drawing
