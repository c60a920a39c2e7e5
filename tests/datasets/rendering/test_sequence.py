"""Rendered samples: labels that agree with each other and with the picture, free of order."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import run

from overpose.datasets.layout import Sample
from overpose.datasets.rendering.jobs import Piece, ShardJob
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.rendering.plan import RenderSequence, Trial
from overpose.datasets.rendering.render import Rendering, render_dataset
from overpose.datasets.rendering.sequence import make_studio, set_scene
from overpose.datasets.store import open_dataset
from overpose.metrics import p_mpjpe
from overpose.mocap.bvh import read_bvh, write_bvh
from overpose.mocap.joints17 import joints17_world_mm
from overpose.mocap.motion import Motion
from overpose.mocap.procedural import procedural_motion
from overpose.skeleton import HUMAN36M
from overpose.studio.body import BodyModel, BodyShape
from overpose.studio.retarget import retarget
from overpose.support.files import Output

CONFIG = RenderConfig(image_size=48, supersample=1)
SEQUENCE = RenderSequence(
    subject="made-up",
    action="turning",
    trial="made-up_01",
    split="train",
    take=0,
    start=0,
    stop=12,
    frames=(0, 0, 3, 5, 8, 11),
    cameras=(0, 2, 3, 1, 2, 0),
)


@pytest.fixture(scope="module")
def samples(body: BodyModel, movement: Motion) -> list[Sample]:
    pieces = (Piece(SEQUENCE, 0, len(SEQUENCE), movement),)
    return make_studio(CONFIG)(ShardJob(0, pieces), lambda: None)


def test_a_sample_is_the_same_however_the_sequence_is_cut(
    samples: list[Sample], movement: Motion
) -> None:
    studio = make_studio(CONFIG)
    cut = []
    for start, stop in ((3, 6), (0, 1), (1, 3)):
        cut += studio(ShardJob(0, (Piece(SEQUENCE, start, stop, movement),)), lambda: None)
    for one, other in zip(cut[3:] + cut[:3], samples, strict=True):
        assert one.jpeg == other.jpeg
        assert one.mask_png == other.mask_png
        np.testing.assert_array_equal(one.pose_mm, other.pose_mm)
        np.testing.assert_array_equal(one.keypoints_px, other.keypoints_px)


def test_the_pose_put_back_at_the_root_projects_to_the_keypoints(samples: list[Sample]) -> None:
    for sample in samples:
        assert not sample.pose_mm[HUMAN36M.index("pelvis")].any()
        pixels = sample.crop.project_camera(sample.pose_mm + sample.root_mm)
        np.testing.assert_allclose(pixels, sample.keypoints_px[:, :2], atol=1e-6)


def test_crop_and_full_camera_agree_through_the_box(samples: list[Sample]) -> None:
    for sample in samples:
        points = sample.camera.to_world_mm(sample.pose_mm + sample.root_mm)
        x0, y0, side = sample.box_px
        full = sample.camera.project(points)
        expected = (full - (x0, y0)) * CONFIG.image_size / side
        np.testing.assert_allclose(sample.crop.project(points), expected, atol=1e-6)


def test_all_joints_lie_in_the_crop_and_visible_ones_on_the_person(samples: list[Sample]) -> None:
    on_person = []
    for sample in samples:
        places = sample.keypoints_px[:, :2]
        assert ((places > 0) & (places < CONFIG.image_size)).all()
        assert sample.mask_png is not None
        mask = cv2.imdecode(np.frombuffer(sample.mask_png, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert mask.shape == (CONFIG.image_size,) * 2
        column, row = places[sample.keypoints_px[:, 2] > 0.5].astype(int).T
        on_person += (mask[row, column] > 127).tolist()
    assert len(on_person) > 40
    assert np.mean(on_person) > 0.9


def test_cameras_stand_three_to_eight_metres_from_the_person(samples: list[Sample]) -> None:
    for sample in samples:
        assert 3000 < np.linalg.norm(sample.root_mm) < 8000


def test_a_subject_keeps_skin_and_hair_but_changes_clothes_and_place(
    body: BodyModel, person: BodyShape, movement: Motion
) -> None:
    bones = retarget(movement, body, person)
    stages = [
        set_scene(body, person, bones, dataclasses.replace(SEQUENCE, take=take), CONFIG)
        for take in (0, 0, 1)
    ]
    colours = [stage.outfit.materials.colour_a for stage in stages]
    np.testing.assert_array_equal(colours[0], colours[1])
    np.testing.assert_array_equal(colours[0][0], colours[2][0])
    assert (colours[0] != colours[2]).any()
    np.testing.assert_array_equal(
        stages[0].cameras[0].position_mm, stages[1].cameras[0].position_mm
    )
    assert (stages[0].cameras[0].position_mm != stages[2].cameras[0].position_mm).any()
    assert (stages[0].scene.sky_rgb != stages[2].scene.sky_rgb).any()


OWN = dataclasses.replace(CONFIG, bodies="take")


def lengths_of(piece: Piece, config: RenderConfig) -> np.ndarray:
    """(16,) limbs in the first sample of a piece, mm."""
    (sample, *_) = make_studio(config)(ShardJob(0, (piece,)), lambda: None)
    limbs = HUMAN36M.limbs
    return np.linalg.norm(sample.pose_mm[limbs[:, 1]] - sample.pose_mm[limbs[:, 0]], axis=1)


def test_takes_may_have_bodies_of_their_own_but_not_in_the_test(movement: Motion) -> None:
    def limbs(config: RenderConfig, **changes: object) -> np.ndarray:
        sequence = dataclasses.replace(SEQUENCE, **changes)  # type: ignore[arg-type]
        return lengths_of(Piece(sequence, 0, 1, movement), config)

    subject = limbs(CONFIG)
    first, again, second = (limbs(OWN, take=take) for take in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(limbs(CONFIG, take=1), subject)
    for one, other in ((first, subject), (second, subject), (first, second)):
        change = np.abs(np.log(one / other))
        assert 0.02 < change.max() < 0.5
    np.testing.assert_allclose(limbs(OWN, split="test"), subject)


@dataclasses.dataclass(frozen=True)
class One:
    """The made-up movement under any name."""

    movement: Motion

    def motion(self, trial: str) -> Motion:
        return self.movement


@pytest.mark.slow
def test_the_studio_gives_the_same_bytes_with_one_and_two_processes(
    body: BodyModel, movement: Motion, tmp_path: Path
) -> None:
    trials = [Trial("1", "turning", "1_01", "train"), Trial("2", "turning", "2_01", "test")]
    config = dataclasses.replace(CONFIG, samples_per_shard=10, max_train=20, max_test=15)
    files = []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        wanted = Rendering(trials, One(movement), config, "n", {})
        render_dataset(wanted, Output(out), processes).close()
        files.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert files[0] == files[1]


@pytest.mark.usefixtures("body")
def test_a_users_bvh_files_are_rendered_and_labelled_with_their_motion(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.bvh" for name in ("anna_1", "ben_1")}
    for seed, path in enumerate(files.values()):
        write_bvh(procedural_motion("walking", path.stem, seed, 6, 25.0), path)
    actions = {"walking": {"train": ["anna_1"], "test": ["ben_1"]}}
    splits = {"train_subjects": ["anna"], "test_subjects": ["ben"], "actions": actions}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    arguments = f"""render --mocap {tmp_path} --splits {tmp_path}/splits.json --out {tmp_path}/data
        --image-size 16 --supersample 1 --max-train 1 --max-val 0 --max-test 1 --processes 1"""
    assert run(*arguments.split()) == 0
    with open_dataset(tmp_path / "data", verify=True) as dataset:
        assert dataset.info.name == "BVH-Studio"
        assert dict(zip(dataset.trials.tolist(), dataset.splits.tolist(), strict=True)) == {
            "anna_1": "train", "ben_1": "test",
        }  # fmt: skip
        for row, trial in enumerate(dataset.trials.tolist()):
            moved = joints17_world_mm(read_bvh(files[trial]))[dataset.frames[row]]
            error_mm = p_mpjpe(dataset.poses_mm[row], moved - moved[0])
            assert error_mm < 60  # another body in the same pose
            assert np.ptp(dataset.image(row)) > 20
