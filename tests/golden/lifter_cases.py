"""The cases of the golden test of the shipped lifters, and how `overpose predict` gets each."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from command_line import run

HERE = Path(__file__).parent
KEYPOINTS = HERE / "lifter_keypoints.npz"
"""By case: (people, frames, K, 3) float32 x, y px and score; NaN where missing."""
POSES = HERE / "lifter_poses.npz"
"""By case and field of the track: what was made of them."""
FIELDS = ("poses_mm", "root_mm", "keypoints_px", "focal_px")
WIDTH, HEIGHT = 1280, 720


@dataclass(frozen=True)
class Case:
    """A file of keypoints and the options it is predicted with.

    Attributes:
        layout: name of the keypoint layout.
        fps: frames a second.
        actions: what each person does: procedural actions.
        frames: how many; 1 is a photo.
        options: of `overpose predict`.
        identified: whether the file says who is who; else people are tracked.
        travel_mm: how far each person goes to the right in all, besides what the action does.
        unseen: first frame and end of a time in which nobody is found.
    """

    layout: str
    fps: float
    actions: tuple[str, ...]
    frames: int
    options: tuple[str, ...] = ()
    identified: bool = True
    travel_mm: tuple[float, ...] = (0.0, 0.0, 0.0)
    unseen: tuple[int, int] = (0, 0)


CASES = {
    "blazepose-tracked": Case(
        "blazepose-33", 25.0, ("walking", "running", "gesturing"), 60, identified=False
    ),
    "blazepose-crossing": Case(
        *("blazepose-33", 30.0, ("gesturing", "walking"), 50),
        identified=False,
        travel_mm=(2600.0, -2600.0),
        unseen=(8, 15),
    ),
    "coco-one-euro": Case(
        *("coco-17", 50.0, ("dance", "punching"), 70),
        options=("--smooth", "one-euro", "--height-m", "1.7", "--fov-deg", "55"),
    ),
    "body25-slow": Case(
        *("body-25", 10.0, ("exercise", "walking"), 25),
        options=("--smooth", "none", "--no-constant-limbs", "--bridge-s", "0.5"),
    ),
    "blazepose-most-present": Case(
        *("blazepose-33", 30.0, ("exercise", "dance"), 45),
        options=("--people", "1", "--focal-px", "1100"),
    ),
    "blazepose-photo": Case("blazepose-33", 1.0, ("dance", "walking", "punching"), 1),
    "coco-photo": Case("coco-17", 1.0, ("exercise", "gesturing"), 1),
}


def predicted(name: str, keypoints: np.ndarray, directory: Path) -> dict[str, np.ndarray]:
    """What the command line makes of the keypoints of a case: `FIELDS` of the track."""
    case = CASES[name]
    missing = None if case.identified else [0, 0, 0]
    people = [[_values(points, missing) for points in person] for person in keypoints]
    value: dict[str, object] = {"fps": case.fps, "width": WIDTH, "height": HEIGHT}
    if case.identified:
        frames = [{"id": number, "frames": each} for number, each in enumerate(people, start=1)]
        value |= {"layout": case.layout, "people": frames}
    else:  # people of each frame in another order
        value["frames"] = [
            [each for each in (*frame[index % 3 :], *frame[: index % 3]) if each is not None]
            for index, frame in enumerate(zip(*people, strict=True))
        ]
    path = directory / f"{name}.json"
    path.write_text(json.dumps(value))
    assert run("predict", str(path), "--out", str(directory), *case.options) == 0
    with np.load(directory / f"{name}.npz", allow_pickle=False) as track:
        return {field: track[field] for field in FIELDS}


def _values(points: np.ndarray, missing: list | None) -> list | None:
    """One person in one frame as JSON has it; None where not seen."""
    if np.isnan(points[:, :2]).all():
        return None
    return [
        missing if np.isnan(x) else [round(float(v), 3) for v in (x, y, score)]
        for x, y, score in points
    ]
