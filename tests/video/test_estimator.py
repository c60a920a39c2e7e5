"""The estimator on videos of scripted people: identities, options, live use, keypoint files."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from clips import write_frames
from PIL import Image
from scripted_people import FPS, HEIGHT, WIDTH, ScriptedEngines, draw, standing_px, write_clip

from overpose.keypoints.blazepose import BlazePose
from overpose.keypoints.keypoint_files import KeypointFile
from overpose.keypoints.people import BlazePoseFinder
from overpose.layouts import BLAZEPOSE_33
from overpose.media import photo
from overpose.metrics import limb_length_std
from overpose.networks.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.networks.storage import save_model
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.video.estimator import PoseEstimator, predict_keypoints
from overpose.video.models import shipped_lifter
from overpose.video.options import PredictOptions


@pytest.fixture
def estimator() -> PoseEstimator:
    """The shipped lifters behind the stand-in for BlazePose."""
    engines = cast(BlazePose, ScriptedEngines())
    return PoseEstimator(
        lambda fps: BlazePoseFinder(engines, fps),
        shipped_lifter("photo"),
        shipped_lifter("video"),
        name="scripted",
    )


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Red walks for 40 frames; green comes after 10, and is away from frame 20 to 24."""
    frames = []
    for i in range(40):
        there = i >= 10 and not 20 <= i < 25
        frames.append({"red": (60 + i, 120), "green": (220, 110) if there else None})
    write_clip(tmp_path / "clip.mp4", frames)
    return tmp_path / "clip.mp4"


def joint(poses: np.ndarray, name: str) -> np.ndarray:
    return poses[..., HUMAN36M.index(name), :]


def test_everybody_is_found_in_every_frame_they_are_in(
    estimator: PoseEstimator, clip: Path
) -> None:
    track = estimator.predict(clip, PredictOptions(bridge_s=0))
    assert track.people == 2
    assert (track.frames, track.fps, track.model) == (40, FPS, "scripted")
    assert track.seen[0].all()
    assert not track.seen[1, :10].any()
    assert not track.seen[1, 20:25].any()
    assert track.seen[1, 35:].all()
    assert np.isnan(track.keypoints_px[1, 22]).all()


def test_poses_stand_upright_with_constant_limbs_and_project_onto_the_person(
    estimator: PoseEstimator, clip: Path
) -> None:
    track = estimator.predict(clip)
    poses, root = track.poses_mm[0], track.root_mm[0]
    assert (joint(poses, "head_top")[:, 1] < -300).all()  # y is down
    assert (joint(poses, "left_ankle")[:, 1] > 500).all()
    assert limb_length_std(poses) < 0.1
    hips = root[:, :2] / root[:, 2:] * track.focal_px + (WIDTH / 2, HEIGHT / 2)
    assert np.abs(hips - np.stack([60 + np.arange(40), np.full(40, 120)], axis=1)).max() < 15


def test_frames_that_are_passed_over_are_interpolated_and_said(
    estimator: PoseEstimator, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = estimator.predict(clip, PredictOptions(bridge_s=0))
    some = estimator.predict(clip, PredictOptions(bridge_s=0, every=3))
    said = capsys.readouterr().err
    assert "clip: looked at 14 of 40 frames; the others are interpolated, off by about 0." in said
    assert some.seen[0].all()
    assert not some.seen[1, :10].any()
    apart = np.linalg.norm(some.keypoints_px[0, ..., :2] - whole.keypoints_px[0, ..., :2], axis=-1)
    assert apart[:39].max() < 1.5
    assert some.people == 2


def test_a_short_absence_is_bridged_when_asked_for(estimator: PoseEstimator, clip: Path) -> None:
    track = estimator.predict(clip, PredictOptions(bridge_s=1.0))
    assert track.seen[1, 20:25].all()


def test_people_and_track_choose(estimator: PoseEstimator, clip: Path) -> None:
    assert estimator.predict(clip, PredictOptions(people=1)).people == 1
    second = estimator.predict(clip, PredictOptions(track=2))
    assert second.people == 1
    assert not second.seen[0, :10].any()
    with pytest.raises(InputError, match="track: got 3"):
        estimator.predict(clip, PredictOptions(track=3))


def test_a_given_camera_is_kept_and_a_guess_is_marked(estimator: PoseEstimator, clip: Path) -> None:
    assert estimator.predict(clip).focal_is_estimated
    given = estimator.predict(clip, PredictOptions(focal_px=640.0))
    assert (given.focal_px, given.focal_is_estimated) == (640.0, False)


def test_an_image_and_its_photo_give_one_frame(estimator: PoseEstimator, tmp_path: Path) -> None:
    image = draw({"red": (150, 120)})
    Image.fromarray(image).save(tmp_path / "photo.png")
    track = estimator.predict(image)
    assert track.poses_mm.shape == (1, 1, 17, 3)
    assert track.seen.all()
    assert np.allclose(estimator.predict(tmp_path / "photo.png").poses_mm, track.poses_mm, atol=1)


def test_nobody_gives_a_track_of_no_people(estimator: PoseEstimator) -> None:
    track = estimator.predict(draw({}))
    assert (track.people, track.frames) == (0, 1)
    assert track.keypoint_names == BLAZEPOSE_33.names


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros((20, 20), np.uint8), "image: got shape"),
        (np.zeros((0, 20, 3), np.uint8), "expected at least one pixel"),
        ([[[0, 0, 0]]], "got a list, expected the name of a file"),
        (None, "got a NoneType, expected the name of a file"),
    ],
)
def test_what_is_no_image_and_no_file_is_refused(
    estimator: PoseEstimator, source: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        estimator.predict(source)


def test_live_tracking_gives_every_frame_as_it_comes(estimator: PoseEstimator, clip: Path) -> None:
    frames = list(estimator.track(clip))
    assert [frame.index for frame in frames] == list(range(40))
    assert [len(frame.people) for frame in frames[:9]] == [1] * 9
    assert [person.number for person in frames[-1].people] == [1, 2]
    last = frames[-1].people[0]
    assert last.pose_mm.shape == (17, 3)
    assert np.isfinite(last.root_mm).all()
    offline = estimator.predict(clip).poses_mm[0, -1]
    assert np.linalg.norm(last.pose_mm - offline, axis=-1).mean() < 150


def test_live_limbs_hardly_change_once_known(estimator: PoseEstimator, clip: Path) -> None:
    poses = [frame.people[0].pose_mm for frame in estimator.track(clip)]
    assert limb_length_std(np.stack(poses[20:])) < 5


def test_leaving_a_live_video_early_stops_everything(estimator: PoseEstimator, clip: Path) -> None:
    frames = estimator.track(clip)
    next(frames)
    frames.close()
    assert next(estimator.track(clip)).index == 0


def test_an_image_model_takes_the_place_of_the_lifter(
    estimator: PoseEstimator, clip: Path, tmp_path: Path
) -> None:
    encoder = ImageEncoderConfig(image_size=64, crop_size=56, channels=(4, 4, 4), hidden=(8, 8, 8))
    made = PosePredictor(PosePredictorConfig("direct", encoder))
    save_model(made, tmp_path / "model")
    by_image = PoseEstimator(estimator._find_people, made, name="image")
    track = by_image.predict(clip)
    assert track.people == 2
    assert track.seen[0].all()
    assert next(by_image.track(clip)).people[0].pose_mm.shape == (17, 3)


def test_models_that_are_none_are_refused(tmp_path: Path) -> None:
    save_model(PoseAutoencoder(AutoencoderConfig(hidden=(8,))), tmp_path / "code")
    with pytest.raises(InputError, match="expected a lifter"):
        PoseEstimator.from_pretrained(model=tmp_path / "code")
    with pytest.raises(InputError, match="threads"):
        PoseEstimator.from_pretrained(threads=0)


def keypoints_of(frames: int = 30) -> np.ndarray:
    points = np.full((1, frames, 33, 3), 0.9, np.float32)
    points[..., :2] = standing_px(150, 120)
    return points


def test_keypoints_from_a_file_give_poses() -> None:
    found = KeypointFile(BLAZEPOSE_33, keypoints_of(), 25.0, WIDTH, HEIGHT)
    track = predict_keypoints(found, name="mine")
    assert track.poses_mm.shape == (1, 30, 17, 3)
    assert track.seen.all()
    assert track.model == "mine + shipped"
    assert (joint(track.poses_mm, "left_ankle")[..., 1] > 500).all()


def test_keypoints_in_memory_give_the_poses_of_those_in_a_file() -> None:
    points = keypoints_of()
    estimator = PoseEstimator(
        lambda fps: pytest.fail("no picture is looked at"),
        shipped_lifter("photo"),
        shipped_lifter("video"),
        name="mine",
    )
    track = estimator.predict_keypoints(
        points, layout=BLAZEPOSE_33, fps=25.0, size_px=(WIDTH, HEIGHT)
    )
    of_file = predict_keypoints(KeypointFile(BLAZEPOSE_33, points, 25.0, WIDTH, HEIGHT))
    assert np.array_equal(track.poses_mm, of_file.poses_mm, equal_nan=True)
    far, sure = points.copy(), points.copy()
    far[0, 3, 5, 0], sure[0, 3, 5, 2] = 1e30, 7.5
    for wrong, fps, size, message in (
        (points[..., :2], 25.0, (WIDTH, HEIGHT), "keypoints: got shape"),
        (far, 25.0, (WIDTH, HEIGHT), "got a coordinate of 1e.30, expected"),
        (sure, 25.0, (WIDTH, HEIGHT), "got a score of 7.5, expected 0 to 1"),
        (points, 0.0, (WIDTH, HEIGHT), "fps: got 0.0, expected a positive"),
        (points, 25.0, (WIDTH, 0), "size: got [0-9]+x0 px"),
    ):
        with pytest.raises(InputError, match=message):
            estimator.predict_keypoints(wrong, layout=BLAZEPOSE_33, fps=fps, size_px=size)


def test_sides_that_a_detector_exchanges_change_nothing() -> None:
    estimator = PoseEstimator(
        lambda fps: BlazePoseFinder(cast(BlazePose, ScriptedEngines()), fps),
        shipped_lifter("photo"),
        shipped_lifter("video"),
        name="scripted",
    )
    keypoints = np.full((1, 20, 33, 3), 0.9, np.float32)
    for frame in range(20):
        keypoints[0, frame, :, :2] = standing_px(100 + frame, 120)
    broken = keypoints.copy()
    broken[0, [8, 12, 13]] = broken[0, [8, 12, 13]][:, BLAZEPOSE_33.mirror]
    known = {"layout": BLAZEPOSE_33, "fps": 30.0, "size_px": (WIDTH, HEIGHT)}
    track = estimator.predict_keypoints(broken, **known)
    assert np.array_equal(track.keypoints_px, keypoints)
    assert np.array_equal(track.poses_mm, estimator.predict_keypoints(keypoints, **known).poses_mm)


def test_keypoints_of_unknown_rate_or_size_are_refused() -> None:
    found = KeypointFile(BLAZEPOSE_33, keypoints_of(), None, WIDTH, None)
    with pytest.raises(InputError, match="fps and height"):
        predict_keypoints(found)


def test_keypoints_cannot_feed_an_image_model(tmp_path: Path) -> None:
    encoder = ImageEncoderConfig(image_size=64, crop_size=56, channels=(4, 4, 4), hidden=(8, 8, 8))
    save_model(PosePredictor(PosePredictorConfig("direct", encoder)), tmp_path / "model")
    found = KeypointFile(BLAZEPOSE_33, keypoints_of(), 25.0, WIDTH, HEIGHT)
    with pytest.raises(InputError, match="expected a lifter"):
        predict_keypoints(found, model=tmp_path / "model")


def test_mirrored_people_have_mirrored_poses() -> None:
    points = keypoints_of(1)
    points[0, 0, BLAZEPOSE_33.names.index("left_wrist"), 1] -= 60
    mirrored = points[:, :, BLAZEPOSE_33.mirror].copy()
    mirrored[..., 0] = WIDTH - mirrored[..., 0]
    both = [
        predict_keypoints(KeypointFile(BLAZEPOSE_33, p, 25.0, WIDTH, HEIGHT)).poses_mm[0, 0]
        for p in (points, mirrored)
    ]
    back = both[1][HUMAN36M.mirror] * (-1, 1, 1)
    assert np.allclose(both[0], back, atol=0.1)


def test_options_are_values() -> None:
    assert replace(PredictOptions(), people=2) == PredictOptions(people=2)


def test_people_count_by_the_time_they_are_seen_not_by_frames_of_the_file(
    estimator: PoseEstimator, tmp_path: Path
) -> None:
    times = [*np.arange(30) / 30, *(1 + np.arange(1, 8) / 6)]  # green comes with the slow frames
    images = [
        draw({"red": (100, 120), "green": (220, 120) if time > 1 else None}) for time in times
    ]
    write_frames(tmp_path / "slow.mkv", images, times, codec="ffv1", pixels="bgr0")
    track = estimator.predict(tmp_path / "slow.mkv", PredictOptions(bridge_s=0))
    assert track.fps == pytest.approx(30, rel=0.01)
    assert track.people == 2  # seen in at most 7 frames, but for a second
    assert track.seen[1].sum() >= 20


def test_one_frame_that_stays_does_not_make_a_person(
    estimator: PoseEstimator, tmp_path: Path
) -> None:
    times = [*np.arange(40) / 25, 6.0, 6.04, 6.08]
    images = [
        draw({"red": (100, 120), "green": (220, 120) if number == 39 else None})
        for number in range(len(times))
    ]
    write_frames(tmp_path / "pause.mkv", images, times, codec="ffv1", pixels="bgr0")
    assert estimator.predict(tmp_path / "pause.mkv").people == 1


def test_a_photo_read_smaller_has_keypoints_in_its_own_pixels(
    estimator: PoseEstimator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = np.kron(draw({"red": (150, 110)}), np.ones((2, 2, 1), np.uint8))
    Image.fromarray(large).save(tmp_path / "photo.jpg", quality=95)
    monkeypatch.setattr(photo, "LARGEST_PX", WIDTH * HEIGHT)
    track = estimator.predict(tmp_path / "photo.jpg")
    assert (track.width, track.height) == (2 * WIDTH, 2 * HEIGHT)
    expected = 2 * standing_px(150, 110)
    assert np.abs(track.keypoints_px[0, 0, :, :2] - expected).max() < 6
    live = next(estimator.track(tmp_path / "photo.jpg")).people[0]
    assert np.abs(live.keypoints_px[:, :2] - expected).max() < 6
