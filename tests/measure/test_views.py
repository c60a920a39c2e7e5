"""Single views against triangulated people, with cameras, keypoints and poses made up here."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.camera import Camera
from overpose.layouts import BLAZEPOSE_33
from overpose.measure import views
from overpose.measure.video_reference import JOINT_NAMES
from overpose.measure.views import evaluate_views
from overpose.metrics import p_mpjpe
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.video.options import PredictOptions

FRAMES, WIDTH, HEIGHT, FOCAL = 8, 1080, 1920, 1500.0
NAMES = ("cam01", "cam02", "cam03")


def camera(number: int) -> Camera:
    angle = 0.4 + 1.9 * number
    place = (3500 * np.cos(angle), 3500 * np.sin(angle), 1400.0)
    return Camera.look_at(place, (0.0, 0.0, 900.0), FOCAL, WIDTH, HEIGHT)


def write_cameras(path: Path) -> None:
    lines = []
    for number, name in enumerate(NAMES):
        seen = camera(number)
        turn = Rotation.from_matrix(seen.rotation).as_rotvec().tolist()
        center = (seen.center_px - 0.5).tolist()
        lines += [
            f"[{name}]", f'name = "{name}"', f"size = [{WIDTH}.0, {HEIGHT}.0]",
            f"matrix = [[{FOCAL}, 0.0, {center[0]}], [0.0, {FOCAL}, {center[1]}], [0.0, 0.0, 1.0]]",
            "distortions = [0.0, 0.0, 0.0, 0.0]", f"rotation = {turn}",
            f"translation = {(seen.translation_mm / 1000).tolist()}", "fisheye = false",
        ]  # fmt: skip
    path.write_text("\n".join(lines))


def joints(at_mm: tuple[float, float], seed: int) -> np.ndarray:
    """(frames, 12, 3) world, the joints that are compared."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(-1, 1, (len(JOINT_NAMES), 3)) * (250, 250, 800) + (*at_mm, 900)
    return body + np.linspace(0, 150, FRAMES)[:, None, None]


def one_joint_off(seen: Camera, truth: np.ndarray) -> np.ndarray:
    """The truth in a camera's axes, mm, but for one joint, 120 mm too far."""
    inside = seen.to_camera_mm(truth)
    inside[:, 5] += (0.0, 0.0, 120.0)
    return inside


class Fake:
    """Sees two people, and gives each a pose that is the truth but for one joint, 120 mm off."""

    name = "fake"

    def predict(self, video: Path, options: PredictOptions) -> PoseTrack:
        seen = camera(NAMES.index(video.stem))
        people = [joints((-500, 0), 1), joints((500, 200), 2)]
        keypoints = np.full((2, FRAMES, len(BLAZEPOSE_33), 3), np.nan, np.float32)
        poses = np.zeros((2, FRAMES, 17, 3), np.float32)
        for person, truth in enumerate(people):
            chosen = BLAZEPOSE_33.indices(JOINT_NAMES)
            keypoints[person][:, chosen, :2] = seen.project(truth)
            keypoints[person][:, chosen, 2] = 0.9
            poses[person][:, HUMAN36M.indices(JOINT_NAMES)] = one_joint_off(seen, truth)
        if video.stem == "cam03":
            keypoints, poses = keypoints[::-1], poses[::-1]
            poses[1, 2] = np.nan
        return PoseTrack(
            poses_mm=poses,
            root_mm=np.zeros((2, FRAMES, 3), np.float32),
            keypoints_px=keypoints,
            keypoint_names=BLAZEPOSE_33.names,
            fps=60.0,
            width=WIDTH,
            height=HEIGHT,
            focal_px=FOCAL,
            focal_is_estimated=False,
            model=self.name,
        )


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(views.PoseEstimator, "from_pretrained", lambda *_, **__: Fake())
    folder = tmp_path / "clip"
    folder.mkdir()
    write_cameras(folder / "cameras.toml")
    for name in NAMES:
        (folder / f"{name}.mp4").touch()
    return folder


def test_every_person_is_measured_in_every_view(directory: Path, tmp_path: Path) -> None:
    rows = evaluate_views(directory, Output(tmp_path / "out"))
    assert [(row.person, row.camera) for row in rows] == [
        (person, name) for person in (1, 2) for name in NAMES
    ]
    assert all(row.residual_px < 0.5 and row.somebody_else == 0 for row in rows)
    assert [row.frames for row in rows] == [8, 8, 7, 8, 8, 8]
    for row in rows:
        number = NAMES.index(row.camera)
        truth = joints((-500, 0), 1) if row.person == 1 else joints((500, 200), 2)
        kept = np.arange(FRAMES) != 2 if (row.person, number) == (1, 2) else slice(None)
        expected = p_mpjpe(one_joint_off(camera(number), truth)[kept], truth[kept])
        assert row.p_mpjpe_mm == pytest.approx(expected, abs=0.2)
        assert expected > 5.0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["keypoints"] == "full"
    assert report["without_reference"] == dict.fromkeys(NAMES, 0)
    assert (tmp_path / "out" / "tables.md").read_text().count("\n| 2 | cam0") == 3


def test_what_is_missing_is_said(directory: Path, tmp_path: Path) -> None:
    (directory / "cam03.mp4").unlink()
    with pytest.raises(InputError, match="got 2 videos"):
        evaluate_views(directory, Output(tmp_path / "out"))
    (directory / "cameras.toml").unlink()
    with pytest.raises(InputError, match=r"expected reference\.trc and cameras\.toml, or"):
        evaluate_views(directory, Output(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_views_that_see_different_people_have_no_reference(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Fake.predict

    def elsewhere(self: Fake, video: Path, options: PredictOptions) -> PoseTrack:
        track = real(self, video, options)
        track.keypoints_px[..., 0] += 400.0 * NAMES.index(video.stem)
        return track

    monkeypatch.setattr(Fake, "predict", elsewhere)
    with pytest.raises(InputError, match="no 3 cameras see the same person"):
        evaluate_views(directory, Output(tmp_path / "out"))
