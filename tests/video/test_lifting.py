"""Lifting: what keypoints a lifter is shown, and how its poses come back to the camera's axes."""

import numpy as np
import pytest

from overpose.layouts import BLAZEPOSE_33, BODY_25, KeypointLayout
from overpose.networks.keypoint_windows import FRAME_SIZE, INPUT_NAMES, MAIN
from overpose.networks.lifted import Lifted, ankles_mm
from overpose.skeleton import HUMAN36M
from overpose.video.lifting import MODEL_FPS, lift

WIDTH, FOCAL = 640.0, 600.0
OFFSETS = (-3, 0, 3)


class Mixer:
    """A lifter whose poses depend on every number of a window, left and right differently."""

    def __init__(self, offsets: tuple[int, ...] = OFFSETS) -> None:
        self.offsets = offsets
        size = len(offsets) * FRAME_SIZE + 1
        self.weights = np.random.default_rng(0).normal(0, 10, (size, 51)).astype(np.float32)

    def predict(self, features: np.ndarray) -> np.ndarray:
        return (features @ self.weights).reshape(-1, 17, 3)


class AllAhead:
    """A lifter that puts every joint a metre ahead on its optical axis, and keeps what it sees."""

    def __init__(self, offsets: tuple[int, ...] = (0,)) -> None:
        self.offsets = offsets
        self.seen: list[np.ndarray] = []

    def predict(self, features: np.ndarray) -> np.ndarray:
        self.seen.append(features)
        return np.tile(np.float32([0, 0, 1000]), (len(features), 17, 1))


def walk(frames: int = 12, layout: KeypointLayout = BLAZEPOSE_33) -> np.ndarray:
    """(frames, K, 3) keypoints of somebody who moves, to the right of the image's middle."""
    rng = np.random.default_rng(1)
    person = rng.uniform((380, 100), (520, 400), (len(layout.names), 2))
    drift = rng.normal(0, 3, (frames, len(layout.names), 2)).cumsum(axis=0)
    scores = rng.uniform(0.2, 1.0, (frames, len(layout.names), 1))
    return np.concatenate([person + drift, scores], axis=-1).astype(np.float32)


def lifted(lifter, keypoints: np.ndarray, layout: KeypointLayout = BLAZEPOSE_33, **camera):
    settings = {"focal_px": FOCAL, "center_px": (WIDTH / 2, 240.0), "fps": MODEL_FPS, **camera}
    return lift(lifter, keypoints, layout, **settings).poses_mm


def test_in_a_mirror_the_same_person_has_the_mirrored_pose() -> None:
    """Whatever the lifter prefers: keypoints and scores change sides, x changes its sign."""
    keypoints = walk()
    names = BLAZEPOSE_33.names
    swap = {"left": "right", "right": "left"}
    other = [
        names.index("_".join(swap.get(word, word) for word in name.split("_"))) for name in names
    ]
    mirrored = keypoints[:, other] * (-1, 1, 1) + (WIDTH, 0, 0)
    poses = lifted(Mixer(), keypoints)
    expected = poses[:, HUMAN36M.mirror] * (-1, 1, 1)
    np.testing.assert_allclose(lifted(Mixer(), mirrored.astype(np.float32)), expected, atol=0.05)
    assert np.abs(poses - expected).max() > 1


class Whole(Mixer):
    """A lifter that knows feet, 100 mm ahead of the ankles, and left joints 10 mm better."""

    def predict_all(self, features: np.ndarray) -> Lifted:
        poses = self.predict(features)
        errors = np.where(["left" in name for name in HUMAN36M.joint_names], 20, 30)
        errors = np.tile(errors.astype(np.float32), (len(poses), 1))
        return Lifted(poses, ankles_mm(poses) + np.float32([0, 0, 100]), errors)


def test_feet_and_errors_come_with_the_poses_and_prefer_no_side() -> None:
    keypoints = walk()
    keypoints[4] = np.nan
    settings = {"focal_px": FOCAL, "center_px": (WIDTH / 2, 240.0), "fps": MODEL_FPS}
    found = lift(Whole(), keypoints, BLAZEPOSE_33, **settings)
    np.testing.assert_array_equal(found.poses_mm, lifted(Mixer(), keypoints))
    assert found.feet_mm is not None
    assert found.joint_error_mm is not None
    assert np.isnan(found.feet_mm[4]).all()
    assert np.isnan(found.joint_error_mm[4]).all()
    seen = np.delete(np.arange(12), 4)
    hanging = (found.feet_mm - ankles_mm(found.poses_mm))[seen]
    assert hanging.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(hanging, axis=-1), 100, rtol=0.02)
    paired = [HUMAN36M.index(f"{side}_wrist") for side in ("left", "right")]
    np.testing.assert_allclose(found.joint_error_mm[seen][:, paired], 25)
    plain = lift(Mixer(), keypoints, BLAZEPOSE_33, **settings)
    assert plain.feet_mm is None
    assert plain.joint_error_mm is None


def test_poses_come_back_from_the_virtual_camera_to_the_real_one() -> None:
    """What lies ahead of the virtual camera lies towards the person."""
    keypoints = walk()
    poses = lifted(AllAhead(), keypoints)
    rays = (keypoints[:, MAIN, :2] - (WIDTH / 2, 240)) / FOCAL
    middle = rays.mean(axis=1)
    np.testing.assert_allclose(np.linalg.norm(poses, axis=-1), 1000, rtol=1e-4)
    np.testing.assert_allclose(poses[:, 0, :2] / poses[:, 0, 2:], middle, atol=1e-3)
    assert (middle[:, 0] > 0.1).all()


def test_the_virtual_camera_looks_at_the_frame_that_is_predicted() -> None:
    keypoints = walk() + np.float32([8, 0, 0]) * np.arange(12)[:, None, None]
    one, window = (lifted(AllAhead(offsets), keypoints) for offsets in ((0,), (-2, 0, 1)))
    np.testing.assert_allclose(window, one, atol=0.05)


def test_only_the_place_about_the_principal_point_counts() -> None:
    keypoints = walk()
    moved = keypoints + np.float32([70, -30, 0])
    poses = lifted(Mixer(), keypoints)
    there = lifted(Mixer(), moved, center_px=(WIDTH / 2 + 70, 240.0 - 30))
    np.testing.assert_allclose(there, poses, atol=0.05)
    assert np.abs(lifted(Mixer(), moved) - poses).max() > 1


def test_an_image_of_twice_the_size_gives_the_same_poses() -> None:
    keypoints = walk()
    large = keypoints * np.float32([2, 2, 1])
    there = lifted(Mixer(), large, focal_px=2 * FOCAL, center_px=(WIDTH, 480.0))
    np.testing.assert_allclose(there, lifted(Mixer(), keypoints), atol=0.05)


def test_windows_span_the_same_time_at_twice_the_frame_rate() -> None:
    keypoints = walk(frames=31)
    fast = lifted(Mixer(), keypoints, fps=2 * MODEL_FPS)
    slow = lifted(Mixer(), keypoints[::2], fps=MODEL_FPS)
    inner = slice(3, -3)  # beyond the ends, the last frame of each is repeated
    np.testing.assert_allclose(fast[::2][inner], slow[inner], atol=0.05)


def test_windows_are_centred_on_their_frame() -> None:
    """Three frames on, and the windows of both hold it: other frames do not count."""
    keypoints = walk(frames=21)
    changed = keypoints.copy()
    changed[10] += np.float32([15, 5, 0]) * np.arange(33)[:, None]
    different = np.abs(lifted(Mixer(), changed) - lifted(Mixer(), keypoints)).max(axis=(1, 2)) > 0.1
    assert np.flatnonzero(different).tolist() == [7, 10, 13]


@pytest.mark.parametrize(("keypoint", "input_name"), [("mid_hip", "pelvis"), ("neck", "neck")])
def test_points_of_other_layouts_reach_their_inputs(keypoint: str, input_name: str) -> None:
    keypoints = walk(2, BODY_25)
    lifter = AllAhead()
    lifted(lifter, keypoints, BODY_25)
    keypoints[:, BODY_25.names.index(keypoint), 2] = np.nan
    lifted(lifter, keypoints, BODY_25)
    before, _, after, _ = (seen[:, :-1].reshape(2, len(INPUT_NAMES), 3) for seen in lifter.seen)
    changed = np.flatnonzero((before != after).any(axis=(0, 2)))
    assert changed.tolist() == [INPUT_NAMES.index(input_name)]
