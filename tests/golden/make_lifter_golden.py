"""Makes the keypoints and poses of the golden test of the shipped lifters.

    python tests/golden/make_lifter_golden.py            # both files
    python tests/golden/make_lifter_golden.py --poses    # only what is made of the keypoints there

Keypoints: procedural people (nothing measured on a person) before a camera, with noise, dropouts,
absences and now and then a keypoint far off. Poses change only on purpose: when the shipped weights
or what becomes of them are meant to change.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "helpers")]

from lifter_cases import CASES, HEIGHT, KEYPOINTS, POSES, WIDTH, Case, predicted  # noqa: E402

from overpose.camera import Camera  # noqa: E402
from overpose.layouts import layout_of  # noqa: E402
from overpose.mocap.motion import Motion  # noqa: E402
from overpose.mocap.procedural import procedural_motion  # noqa: E402

HEAD_MM = {
    "nose": (0, 100, -15), "eye_inner": (18, 85, 20), "eye": (32, 80, 20),
    "eye_outer": (45, 70, 20), "ear": (75, 0, 5), "mouth": (25, 85, -50),
}  # fmt: skip
"""From the middle of the head: to its left (to the right of the right side), forward, up."""
BONES = {
    "shoulder": "clavicle", "elbow": "humerus", "wrist": "wrist", "hip": "hipjoint",
    "knee": "femur", "ankle": "tibia", "pinky": "hand", "index": "fingers", "thumb": "thumb",
    "foot_index": "toes", "small_toe": "foot",
}  # fmt: skip
"""The bone at whose end each other keypoint lies."""


def points_world_mm(motion: Motion, names: tuple[str, ...]) -> np.ndarray:
    """(frames, K, 3) world positions of keypoints on a procedural person."""
    ends, turns = motion.positions_mm(), motion.global_rotations()
    index = motion.skeleton.index
    head = (ends[:, index("upperneck")] + ends[:, index("head")]) / 2

    def of_side(part: str, side: int) -> np.ndarray:
        letter = "l" if side > 0 else "r"
        if part in HEAD_MM:
            aside, forward, up = HEAD_MM[part]
            return head + turns[:, index("head")] @ np.array([side * aside, -forward, up])
        if part == "heel":
            return ends[:, index(f"{letter}tibia")] + np.array([0.0, 0.0, -60.0])
        return ends[:, index(letter + BONES[part])]

    def of(name: str) -> np.ndarray:
        words = name.split("_")
        side = 1 if "left" in words else -1 if "right" in words else 0
        part = "_".join(word for word in words if word not in ("left", "right"))
        middles = {"neck": "shoulder", "mid_hip": "hip"}
        if part in middles:
            return (of_side(middles[part], 1) + of_side(middles[part], -1)) / 2
        return of_side(part, side)

    return np.stack([of(name) for name in names], axis=1)


def keypoints_of(name: str, case: Case) -> np.ndarray:
    """(people, frames, K, 3) what a detector might give of a case, rounded to 0.01 px and 0.001."""
    layout = layout_of(case.layout)
    rng = np.random.default_rng(sum(map(ord, name)))
    camera = Camera.look_at((300.0, -5200.0, 1500.0), (0.0, 0.0, 900.0), 1000.0, WIDTH, HEIGHT)
    people = []
    for number, action in enumerate(case.actions):
        skipped = 20 if case.frames == 1 else 0
        motion = procedural_motion(
            action, f"G{number}", 5 + number, case.frames + skipped, max(case.fps, 10.0)
        )
        points = points_world_mm(motion, layout.names)[skipped:]
        middle = points.mean(axis=(0, 1)) * (1, 1, 0)
        place = np.array([-1300.0 + 1300.0 * number, 600.0 * number, 0.0])
        # those who walk keep half of their way, so that they stay in the image and cross
        drift = (points.mean(axis=1) * (1, 1, 0) - middle)[:, None] / 2
        way = np.linspace(0.0, case.travel_mm[number], len(points))[:, None, None] * (1, 0, 0)
        pixels = camera.project(points - middle - drift + place + way)
        found = _as_found(pixels, layout.names, number, rng)
        found[slice(*case.unseen)] = (np.nan, np.nan, 0.0)
        people.append(found)
    keypoints = np.stack(people)
    keypoints[..., :2] = keypoints[..., :2].round(2)
    keypoints[..., 2] = keypoints[..., 2].round(3)
    return keypoints.astype(np.float32)


def _as_found(
    pixels: np.ndarray, names: tuple[str, ...], number: int, rng: np.random.Generator
) -> np.ndarray:
    frames, count = pixels.shape[:2]
    scores = rng.uniform(0.6, 0.99, (frames, count))
    spread = np.where(scores < 0.7, 4.0, 1.5)[..., None]
    found = pixels + spread * rng.standard_normal(pixels.shape)
    far = rng.random((frames, count)) < 0.01
    found[far] += rng.uniform(-60, 60, (int(far.sum()), 2))
    scores[far] *= 0.5
    if frames == 1:
        lost = np.zeros((1, count), bool)
        lost[:, names.index("right_wrist")] = number == 1
    else:
        lost = rng.random((frames, count)) < 0.03
        hidden = names.index(("left_wrist", "right_ankle", "left_knee")[number])
        lost[frames // 3 : frames // 2, hidden] = True
        if number == 1:
            lost[:4] = True  # comes later
            gap = frames // 2
            lost[gap : gap + 3] = True  # a short absence, to be bridged
    found[lost] = np.nan
    scores[lost] = 0.0
    return np.concatenate([found, scores[..., None]], axis=-1)


def main() -> None:
    """Write the files."""
    if "--poses" in sys.argv[1:]:
        with np.load(KEYPOINTS, allow_pickle=False) as stored:
            keypoints = {name: stored[name] for name in CASES}
    else:
        keypoints = {name: keypoints_of(name, case) for name, case in CASES.items()}
        np.savez_compressed(KEYPOINTS, allow_pickle=False, **keypoints)
    made = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, points in keypoints.items():
            for field, array in predicted(name, points, Path(directory)).items():
                made[f"{name}.{field}"] = array
    np.savez_compressed(POSES, allow_pickle=False, **made)


if __name__ == "__main__":
    main()
