"""GLB: bodies that stand where the people of the track do, read by the specification alone."""

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from glb_file import GlbFile
from moving_person import FPS, moving_track
from scipy.spatial.transform import Rotation

from overpose.formats import glb
from overpose.formats.writing import write_formats
from overpose.poses import PoseTrack
from overpose.skeleton import HUMAN36M
from overpose.studio.body import BodyModel, load_body

HEADS = {
    "right_knee": "RightLeg", "right_ankle": "RightFoot", "left_knee": "LeftLeg",
    "left_ankle": "LeftFoot", "left_elbow": "LeftForeArm", "left_wrist": "LeftHand",
    "right_elbow": "RightForeArm", "right_wrist": "RightHand",
}  # fmt: skip
"""The bone that begins in a joint."""


@pytest.fixture
def written(tmp_path: Path, body: BodyModel) -> Callable[[PoseTrack], GlbFile]:
    def write(track: PoseTrack) -> GlbFile:
        (path,) = write_formats(track, tmp_path, "clip", [glb.FORMAT], overwrite=True)
        return GlbFile(path)

    return write


def joints_m(track: PoseTrack, person: int, frame: int) -> np.ndarray:
    """(17, 3) y up."""
    joints = track.poses_mm[person, frame] + track.root_mm[person, frame]
    return joints * (1.0, -1.0, -1.0) / 1000


def test_bones_are_where_the_joints_of_the_track_are(written) -> None:
    track = moving_track(2)
    file = written(track)
    for frame in (6, 20, 39):
        world = file.at(frame / FPS)
        for person in (0, 1):
            joints = joints_m(track, person, frame)
            for joint, bone in HEADS.items():
                place = world[file.named(bone, person + 1), :3, 3]
                off = np.linalg.norm(place - joints[HUMAN36M.index(joint)])
                assert off < 0.03, (frame, person, joint)


def test_the_skin_is_about_the_bones_and_looks_where_the_person_does(written) -> None:
    track = moving_track(1)
    file = written(track)
    skin, joints = file.vertices(1, 10 / FPS), joints_m(track, 0, 10)
    for joint in HEADS:
        away = np.linalg.norm(skin - joints[HUMAN36M.index(joint)], axis=-1)
        assert 0.01 < away.min() < 0.09  # inside, near the surface
    assert joints[:, 1].min() - 0.15 < skin[:, 1].min() < joints[:, 1].min() - 0.02
    toes = file.at(10 / FPS)[file.named("LeftToeBase"), :3, 3]
    across = joints[HUMAN36M.index("left_hip")] - joints[HUMAN36M.index("right_hip")]
    ahead = np.cross(across, (0, 1, 0))
    assert (toes - joints[HUMAN36M.index("left_ankle")]) @ ahead > 0


def test_whoever_is_not_seen_is_scaled_to_nothing_and_back(written) -> None:
    file = written(moving_track(2))
    for frame, there in ((0, False), (4, False), (5, True), (9, True), (12, False), (15, True)):
        spread = np.ptp(file.vertices(2, frame / FPS), axis=0).max()
        assert (spread > 1.0) == there, frame
        assert np.ptp(file.vertices(1, frame / FPS), axis=0).max() > 1.0


def test_bodies_have_the_proportions_of_their_people(written) -> None:
    track = moving_track(1)
    poses = track.poses_mm.copy()
    for side in ("right", "left"):
        wrist, elbow = (HUMAN36M.index(f"{side}_{part}") for part in ("wrist", "elbow"))
        poses[:, :, wrist] += 0.2 * (poses[:, :, wrist] - poses[:, :, elbow])
    lengths = []
    for each in (track, replace(track, poses_mm=poses)):
        world = written(each).at(0.5)
        first, last = (written(each).named(name) for name in ("LeftForeArm", "LeftHand"))
        lengths.append(np.linalg.norm(world[first, :3, 3] - world[last, :3, 3]))
    meant = np.linalg.norm(track.poses_mm[0, 15, wrist] - track.poses_mm[0, 15, elbow]) / 1000
    assert lengths[0] == pytest.approx(meant, abs=0.012)
    assert lengths[1] == pytest.approx(1.2 * meant, abs=0.015)


def test_in_a_world_bodies_stand_on_its_floor(written) -> None:
    track = moving_track(1)
    world = np.eye(4)
    world[:3, :3] = Rotation.from_euler("x", 155, degrees=True).as_matrix()  # it looks down by 25
    world[:3, 3] = (0, 2500, 0)
    file = written(replace(track, camera_to_world=world))
    joints = (track.poses_mm[0, 7] + track.root_mm[0, 7]) @ world[:3, :3].T + world[:3, 3]
    placed = file.at(7 / FPS)
    for joint, bone in HEADS.items():
        place = placed[file.named(bone), :3, 3]
        assert np.linalg.norm(place - joints[HUMAN36M.index(joint)] / 1000) < 0.03


def test_a_photo_gives_a_file_too(written) -> None:
    track = moving_track(1, frames=1)
    file = written(track)
    place = file.at(0.0)[file.named("LeftLeg"), :3, 3]
    assert np.linalg.norm(place - joints_m(track, 0, 0)[HUMAN36M.index("left_knee")]) < 0.03


def test_somebody_never_seen_is_not_in_it_and_that_is_said(
    written, capsys: pytest.CaptureFixture[str]
) -> None:
    track = moving_track(2)
    track.poses_mm[0] = np.nan
    file = written(track)
    assert len(file.whole["skins"]) == 1
    assert "person 1 is never seen" in capsys.readouterr().err


def test_without_a_body_nothing_is_written_and_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setenv("OVERPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("overpose.support.asset_download.sys.executable", "/nowhere/python")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "anny" else find_spec(name)
    )
    load_body.cache_clear()
    moving_track(1).save(tmp_path / "clip.npz")
    out = tmp_path / "out"
    assert (
        run("export", str(tmp_path / "clip.npz"), "--out", str(out), "--formats", "glb", "csv") == 1
    )
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith(f"overpose: error: {tmp_path}/cache/body-2.npz: no such file")
    assert "overpose assets" in said[-1]
    assert not out.exists()


def test_khronos_validator_finds_nothing_to_say(written, tmp_path: Path) -> None:
    node = shutil.which("node")
    there = [node, "-e", "require('gltf-validator')"]
    if node is None or subprocess.run(there, capture_output=True).returncode:
        pytest.skip("needs node and gltf-validator (NODE_PATH), which are not here")
    written(moving_track(2))
    check = (
        "require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync("
        "process.argv[1]))).then(r => console.log(JSON.stringify(r.issues.messages)))"
    )
    done = subprocess.run([node, "-e", check, tmp_path / "clip.glb"], capture_output=True)
    assert done.stdout.strip() == b"[]"
