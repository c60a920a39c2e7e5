"""What training windows hold: keypoints that are the target pose seen by the window's camera, and
errors of the sizes that the configuration states."""

from dataclasses import replace

import numpy as np
import pytest

from overpose.layouts import BLAZEPOSE_33
from overpose.networks.keypoint_windows import INPUT_NAMES, INPUTS, MAIN
from overpose.skeleton import FEET, HUMAN36M
from overpose.support.errors import InputError
from overpose.synthetic.batches import BatchConfig, BatchSource
from overpose.synthetic.detections import IMAGE_SIZE, Detections
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.lenses import Lens, Shots
from overpose.synthetic.pool import STEP_MM

OFFSETS = (-4, -1, 0, 2)
MIDDLE = OFFSETS.index(0)
FRAMES = 12
CLEAN = BatchConfig(
    detected=0.0, generic=0.0, shift=0.0, generic_noise=0.0, drop=0.0, drop_part=0.0,
    drop_frame=0.0, swap=0.0, focal_error=0.0, assumed=0.0, shots=Shots(distance_m=(1.8, 4.0)),
)  # fmt: skip
EXACT = DetectorModel(
    np.zeros((100, 99), np.float32),
    np.zeros((1, FRAMES, 33, 3), np.float32),
    np.zeros((1, FRAMES, 36), np.float32),
)
BODY = (*HUMAN36M.joint_names, *(name.replace("toe", "foot_index") for name in FEET.names))
SHARED = [place for place, name in enumerate(INPUT_NAMES) if name in BODY]
JOINTS = [BODY.index(INPUT_NAMES[place]) for place in SHARED]


def people(clips: int) -> np.ndarray:
    """(clips, FRAMES, 50, 3) mm: scattered points that move; joints and landmarks of one name
    coincide."""
    rng = np.random.default_rng(7)
    names = (*HUMAN36M.joint_names, *BLAZEPOSE_33.names)
    place = {name: rng.normal(0, (180, 180, 400), (clips, 1, 3)) for name in sorted({*names})}
    pace = {name: rng.normal(0, 25, (clips, 1, 3)) for name in sorted({*names})}
    time = np.arange(FRAMES)[:, None]
    return np.stack([place[name] + pace[name] * time for name in names], axis=2)


@pytest.fixture(scope="module")
def pool() -> np.ndarray:
    return np.rint(people(5) / STEP_MM).astype(np.int16)


@pytest.fixture(scope="module")
def detections() -> Detections:
    """A detector without error, of people to the left and right of the image's middle."""
    points = people(5) + np.linspace((-500, 200, 3500), (500, -200, 4500), 5)[:, None, None]
    focal = np.linspace(250, 350, 5)
    keypoints = np.ones((5, FRAMES, 2, 33, 3))
    rays = points[..., 17:, :2] / points[..., 17:, 2:]
    keypoints[..., :2] = (rays * focal[:, None, None, None] + IMAGE_SIZE / 2)[:, :, None]
    return Detections(
        points.astype(np.float32), focal.astype(np.float32), keypoints.astype(np.float32)
    )


def draw(
    pool: np.ndarray,
    config: BatchConfig,
    detections: Detections | None = None,
    size: int = 60,
    offsets: tuple[int, ...] = OFFSETS,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Keypoints (size, frames, 37, 2) as rays of the virtual camera, NaN where missing; their
    scores; the apparent sizes; and poses with the feet after them (size, 21, 3)."""
    source = BatchSource(pool, EXACT, detections, offsets, config)
    features, poses, feet = source.draw(size, np.random.default_rng(0))
    apparent = np.exp(features[:, -1].astype(np.float64) - 1.5)
    frames = features[:, :-1].reshape(size, len(offsets), len(INPUT_NAMES), 3)
    rays = frames[..., :2] * apparent[:, None, None, None]
    return (
        np.where(frames[..., 2:] > 0, rays, np.nan),
        frames[..., 2],
        apparent,
        np.concatenate([poses, feet], axis=1),
    )


def misses(rays: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """(n,) how far bodies (n, 21, 3), put where they fit best, project from rays (n, 37, 2): rms.

    A joint P at P + T is seen at u when P + T = (u, 1) (P + T) . z: linear in T.
    """
    found = np.empty(len(poses))
    for number, (window, pose) in enumerate(zip(rays[:, SHARED], poses[:, JOINTS], strict=True)):
        seen = np.isfinite(window).all(axis=1)
        u, p = window[seen], pose[seen].astype(np.float64)
        equations = np.zeros((len(u), 2, 3))
        equations[:, 0, 0] = equations[:, 1, 1] = 1.0
        equations[..., 2] = -u
        wanted = u * p[:, 2:] - p[:, :2]
        place = np.linalg.lstsq(equations.reshape(-1, 3), wanted.ravel(), rcond=None)[0]
        there = p + place
        assert there[:, 2].min() > 0
        found[number] = np.sqrt(np.square(there[:, :2] / there[:, 2:] - u).sum(axis=1).mean())
    return found


SHARES = [
    pytest.param(CLEAN, id="from the pool"),
    pytest.param(replace(CLEAN, generic=1.0), id="generic"),
    pytest.param(replace(CLEAN, detected=1.0), id="detected"),
]


@pytest.mark.parametrize("config", SHARES)
def test_the_target_pose_projects_onto_the_keypoints(
    pool: np.ndarray, detections: Detections, config: BatchConfig
) -> None:
    rays, _, _, poses = draw(pool, config, detections)
    assert misses(rays[:, MIDDLE], poses).max() < 1e-5
    assert np.median(misses(rays[:, 0], poses)) > 1e-3  # another frame is another pose


@pytest.mark.parametrize("config", SHARES)
@pytest.mark.parametrize("offsets", [(-3, -2, 0), (0, 1, 4)])
def test_the_target_is_the_frame_of_offset_zero_wherever_it_stands(
    pool: np.ndarray, detections: Detections, config: BatchConfig, offsets: tuple[int, ...]
) -> None:
    rays, _, _, poses = draw(pool, config, detections, offsets=offsets)
    assert misses(rays[:, offsets.index(0)], poses).max() < 1e-5


def test_quiet_windows_err_less_and_say_so(pool: np.ndarray) -> None:
    """By the same factor: where keypoints err by half as much, scores are half as far from 1."""
    errors = np.full((1, FRAMES, 33, 3), (0.1, 0.0, 0.0), np.float32)
    unsure = replace(EXACT, residuals=errors)
    config = replace(CLEAN, quiet=1.0)
    features, *_ = BatchSource(pool, unsure, None, OFFSETS, config).draw(
        200, np.random.default_rng(0)
    )
    frames = features[:, :-1].reshape(200, len(OFFSETS), len(INPUT_NAMES), 3)[:, MIDDLE, :33]
    factor = (1 - (frames[..., 2] - 0.25) / 0.75) / 0.5  # the logit 0 is a score of 0.5
    assert np.ptp(factor, axis=1).max() < 1e-4
    assert np.histogram(factor[:, 0], 4, (0, 1))[0].min() > 30
    loud, *_ = BatchSource(pool, unsure, None, OFFSETS, CLEAN).draw(9, np.random.default_rng(0))
    assert np.allclose(loud[:, 2:99:3], 0.25 + 0.75 * 0.5)


@pytest.mark.parametrize("config", SHARES)
def test_the_virtual_camera_looks_at_the_person(
    pool: np.ndarray, detections: Detections, config: BatchConfig
) -> None:
    rays, _, apparent, _ = draw(pool, config, detections)
    main = rays[:, :, MAIN]
    assert np.abs(main[:, MIDDLE].mean(axis=1)).max() < 0.03
    assert np.allclose(np.sqrt(np.square(main).sum(axis=-1).mean(axis=(1, 2))), apparent, rtol=1e-4)


def test_poses_alone_are_those_of_windows_of_one_frame(pool: np.ndarray) -> None:
    """The code learns from the same poses, in the same axes, as the network."""
    source = BatchSource(pool, EXACT, None, (0,), CLEAN)
    alone = source.poses(50, np.random.default_rng(0))
    drawn = source.draw(50, np.random.default_rng(0))
    assert np.allclose(alone, drawn.poses_mm, atol=1e-2)


def test_people_look_as_large_as_by_the_focal_length_that_is_assumed(pool: np.ndarray) -> None:
    """A phone's 26 mm taken for 28.8: people seem smaller by their ratio, the pose is the same."""
    phone = Shots((Lens("phone", 1.0, (26.0, 26.0)),), distance_m=(2.0, 2.0))
    known = draw(pool, replace(CLEAN, shots=phone))
    taken = draw(pool, replace(CLEAN, shots=phone, assumed=1.0))
    ratio = np.log(taken[2] / known[2])
    assert np.allclose(ratio, np.log(26.0 / 28.8), atol=0.02)
    turned = np.abs(taken[3] - known[3]).max(axis=(1, 2))
    assert np.median(turned) < 30  # the virtual camera looks along another ray


def test_people_are_drawn_in_sizes_a_little_apart(pool: np.ndarray) -> None:
    poses = BatchSource(pool[:1, :1], EXACT, None, (0,), CLEAN).poses(500, np.random.default_rng(0))
    lengths = np.linalg.norm(poses[:, HUMAN36M.index("spine")], axis=1)
    assert np.log(lengths).std() == pytest.approx(0.03, rel=0.15)


def test_nobody_is_drawn_where_the_detector_found_nobody(
    pool: np.ndarray, detections: Detections
) -> None:
    """In any window the frame that is predicted is one with keypoints, the others may be lost."""
    keypoints = detections.keypoints_px.copy()
    keypoints[:, 3:] = np.nan
    lost = Detections(detections.points_mm, detections.focal_px, keypoints)
    rays, _, _, _ = draw(pool, replace(CLEAN, detected=1.0), lost, offsets=(-4, 0, 4))
    seen = np.isfinite(rays[:, :, 0, 0])
    assert seen[:, 1].all()
    assert not seen[:, 2].any()
    keypoints[:] = np.nan
    with pytest.raises(InputError, match="found nobody"):
        draw(
            pool, replace(CLEAN, detected=1.0), Detections(lost.points_mm, lost.focal_px, keypoints)
        )


def test_scores_are_mirrored_with_their_keypoints(pool: np.ndarray, detections: Detections) -> None:
    """A left wrist that is badly seen is a right one for half the people, who are mirrored."""
    keypoints = detections.keypoints_px.copy()
    keypoints[..., BLAZEPOSE_33.names.index("left_wrist"), 2] = 0.0
    hidden = Detections(detections.points_mm, detections.focal_px, keypoints)
    _, sureness, _, _ = draw(pool, replace(CLEAN, detected=1.0), hidden, size=200)
    wrists = [INPUT_NAMES.index(f"{side}_wrist") for side in ("left", "right")]
    low = sureness[:, MIDDLE, wrists] < 0.5
    assert (low.sum(axis=1) == 1).all()
    assert 0.4 < low[:, 0].mean() < 0.6


def errors(
    pool: np.ndarray, config: BatchConfig, size: int = 200, offsets: tuple[int, ...] = OFFSETS
) -> np.ndarray:
    """(size, frames, 37, 2) what a configuration adds to the clean keypoints of the same stream, in
    sizes of the person, about each window's mean: the virtual camera moves with the person."""
    shape = {"detected": config.detected, "generic": config.generic}
    spoiled, _, _, _ = draw(pool, config, size=size, offsets=offsets)
    clean, _, apparent, _ = draw(pool, replace(CLEAN, **shape), size=size, offsets=offsets)
    difference = (spoiled - clean) / apparent[:, None, None, None]
    seen = np.isfinite(clean).all(axis=-1)
    mean = [window[kept].mean(axis=0) for window, kept in zip(difference, seen, strict=True)]
    return difference - np.array(mean)[:, None, None]


def test_keypoints_are_shifted_by_the_stated_share_of_the_person(pool: np.ndarray) -> None:
    """As long as the window: detectors and skeletons do not mean the same points."""
    found = errors(pool, replace(CLEAN, shift=0.03))[:, :, :33]
    assert found.std() == pytest.approx(0.03, rel=0.2)
    assert np.abs(found - found.mean(axis=1, keepdims=True)).max() < 0.02


def test_a_generic_detector_errs_by_the_stated_share_of_the_person(pool: np.ndarray) -> None:
    found = errors(pool, replace(CLEAN, generic=1.0, generic_noise=0.02))
    strength = 0.02 * np.exp(-0.7 + 0.7**2)  # rms of a log-normal factor
    unit = np.sqrt(0.8**2 + 0.85**2 / 2 + 0.3**2 * np.exp(2 * 0.5**2))
    assert np.sqrt(np.nanmean(np.square(found))) == pytest.approx(strength * unit, rel=0.25)


def test_errors_of_a_generic_detector_wander_over_time(pool: np.ndarray) -> None:
    """Of their variance 0.64 lasts, 0.36 comes and goes in waves, 0.15 is new in every frame."""
    offsets = (-24, -12, 0, 12, 24)
    found = errors(pool, replace(CLEAN, generic=1.0, generic_noise=0.02), offsets=offsets)
    passing = found.var(axis=1, ddof=1, keepdims=True)
    share = np.nanmean(passing, axis=(1, 2, 3)) / np.nanmean(np.square(found), axis=(1, 2, 3))
    assert share.mean() == pytest.approx(0.51 / 1.15, rel=0.2)


def test_generic_windows_hold_the_points_of_one_layout(pool: np.ndarray) -> None:
    _, scores, _, _ = draw(pool, replace(CLEAN, generic=1.0), size=100)
    layouts = {frozenset(np.flatnonzero(window[0])) for window in scores}
    sizes = sorted(len(layout) for layout in layouts)
    assert sizes == [17, 17, 25 - 2]  # COCO, Human3.6M, BODY_25 without both small toes
    named = [{INPUT_NAMES[place] for place in layout} for layout in layouts]
    assert sum("pelvis" in names for names in named) == 2
    assert sum("left_ear" in names for names in named) == 2
    assert sum("spine" in names for names in named) == 1


@pytest.mark.parametrize(
    ("config", "share"),
    [
        (replace(CLEAN, drop=0.1), 0.1),
        (replace(CLEAN, drop_frame=0.2), 0.2),
        (replace(CLEAN, drop_part=0.3), 0.3 * (11 + 6 + 4) / 33),
    ],
    ids=["points", "frames", "parts"],
)
def test_as_much_is_missing_as_stated(pool: np.ndarray, config: BatchConfig, share: float) -> None:
    _, scores, _, _ = draw(pool, config, size=300)
    lost = scores[:, :, :33] == 0
    assert lost.mean() == pytest.approx(share, rel=0.2)
    if not config.drop_frame:
        assert (lost == lost[:, :1]).all()  # throughout a window
    if not config.drop:
        face = lost[:, :, :11]
        assert (face == face[:, :, :1]).all()  # together


def test_swapped_sides_last_for_a_stretch_of_the_window(pool: np.ndarray) -> None:
    clean, _, _, _ = draw(pool, CLEAN)
    swapped, _, _, _ = draw(pool, replace(CLEAN, swap=1.0))
    other = clean[:, :, INPUTS.mirror]
    names = [place for place in range(33) if INPUTS.mirror[place] != place]
    as_is = np.abs(swapped - clean)[:, :, names].max(axis=(2, 3)) < 0.05
    crossed = np.abs(swapped - other)[:, :, names].max(axis=(2, 3)) < 0.05
    # The camera looks where the middle frame's people are: sides swapped do not move it.
    assert (as_is ^ crossed).all()
    assert crossed.any(axis=1).all()
    turns = (crossed[:, 1:] != crossed[:, :-1]).sum(axis=1)
    assert turns.max() <= 2
    assert 0.3 < crossed.mean() < 0.9


def test_known_focal_lengths_are_wrong_as_much_as_stated(pool: np.ndarray) -> None:
    _, _, clean, _ = draw(pool, CLEAN, size=400)
    _, _, wrong, _ = draw(pool, replace(CLEAN, focal_error=0.12), size=400)
    assert np.log(wrong / clean).std() == pytest.approx(0.12, rel=0.2)
    some = replace(CLEAN, assumed=0.5, shots=Shots((Lens("long", 1.0, (85.0, 85.0)),)))
    _, _, taken, _ = draw(pool, some, size=400)
    _, _, known, _ = draw(pool, replace(some, assumed=0.0), size=400)
    assert 0.4 < (np.abs(np.log(taken / known)) > 0.1).mean() < 0.6


def frame_seen(size: int, config: BatchConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(size, 3) each, camera axes: the middle, upwards and sideways of a frame of known axes."""
    pole = np.zeros((1, 1, 50, 3))
    pole[..., 2] = np.linspace(-500, 500, 50)
    pole[..., :17, :] = pole[..., 17:18, :] + (300.0, 0.0, 0.0)
    pole = np.rint(pole / STEP_MM).astype(np.int16)
    source = BatchSource(pole, EXACT, None, (0,), config)
    points = source._seen(size, np.random.default_rng(0), np.zeros(1, np.int64))[0][:, 0]
    up = points[:, -1] - points[:, 17]
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    return points.mean(axis=1), up, points[:, 0] - points[:, 17]


def test_people_are_seen_from_all_sides_at_the_stated_angles_and_distances() -> None:
    shots = Shots((Lens("one", 1.0, (50.0, 50.0)),), distance_m=(3.0, 6.0))
    config = BatchConfig(shots=shots, elevation_degrees=(20.0, 5.0), roll_degrees=0.0)
    middle, up, across = frame_seen(2000, config)
    distance = middle[:, 2]
    assert 2990 < distance.min() < 3050
    assert 5950 < distance.max() < 6010
    assert np.allclose(middle[:, :2].std(axis=0), 60, rtol=0.1)  # aimed nearly at the middle
    assert (up[:, 1] < 0).all()  # y points down
    assert np.abs(up[:, 0]).max() < 1e-3  # without roll
    elevation = np.degrees(np.arcsin(-up[:, 2]))  # from above, the head is nearer
    assert elevation.mean() == pytest.approx(20, abs=0.5)
    assert elevation.std() == pytest.approx(5, rel=0.1)
    azimuth = np.arctan2(across[:, 2], across[:, 0])
    assert np.histogram(azimuth, 8, (-np.pi, np.pi))[0].min() > 150


def test_the_camera_is_rolled_as_stated_and_a_tenth_of_the_time_by_thrice_as_much() -> None:
    _, up, _ = frame_seen(3000, BatchConfig(elevation_degrees=(0.0, 0.0), roll_degrees=5.0))
    roll = np.degrees(np.arctan2(up[:, 0], -up[:, 1]))
    assert roll.mean() == pytest.approx(0, abs=0.5)
    assert roll.std() == pytest.approx(5 * np.sqrt(0.9 + 0.1 * 9), rel=0.1)
    assert (np.abs(roll) > 15).mean() == pytest.approx(0.1 * 0.317 + 0.9 * 0.0027, rel=0.3)
