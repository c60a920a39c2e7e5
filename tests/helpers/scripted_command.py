"""The command line with discs in place of people, and what it says and leaves; for tests."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scripted_people import FPS, HEIGHT, WIDTH, ScriptedEngines, standing_px

from overpose.app import main
from overpose.keypoints.engines import Engine
from overpose.keypoints.keypoint_files import KeypointFile, write_keypoints
from overpose.keypoints.people import BlazePoseFinder
from overpose.layouts import BLAZEPOSE_33


def _finders(threads: int) -> Callable[[float], BlazePoseFinder]:
    return lambda fps: BlazePoseFinder(ScriptedEngines(), fps)


SCRIPTED = Engine("full", "discs", _finders)
"""The stand-in for BlazePose, so that nothing is downloaded."""


def run(*arguments: object, engine: Engine = SCRIPTED) -> int:
    """The exit status of the command line; `predict` takes the engine unless it is given one."""
    named = arguments[0] != "predict" or "--keypoints" in arguments
    keypoints = () if named else ("--keypoints", "full")
    try:
        main([str(argument) for argument in (*arguments, *keypoints)], engines=(engine,))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The only line of error."""
    lines = [line for line in capsys.readouterr().err.splitlines() if "overpose: error:" in line]
    assert len(lines) == 1
    return lines[0]


def files_of(directory: Path) -> dict[str, bytes]:
    """Names and content of what lies in a directory."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def keypoints_at(path: Path, people: int = 1) -> Path:
    """A file of keypoints of people who stand still for 12 frames."""
    points = np.full((people, 12, 33, 3), 0.9, np.float32)
    points[..., :2] = standing_px(150, 120)
    settings = {"fps": FPS, "width": WIDTH, "height": HEIGHT}
    write_keypoints(path, KeypointFile(BLAZEPOSE_33, points, **settings))
    return path
