"""An engine is added by its card alone: a made-up one goes through the command line."""

from pathlib import Path

import numpy as np
import pytest
from scripted_people import HEIGHT, WIDTH, draw, standing_px, write_clip

from overpose.app import main
from overpose.keypoints.engines import ENGINES, Engine, engine_called
from overpose.keypoints.people import DetectionFinder
from overpose.layouts import BLAZEPOSE_33, COCO_17, converted
from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.video.estimator import PoseEstimator


def one_in_the_middle(image: np.ndarray) -> list[np.ndarray]:
    height, width = image.shape[:2]
    points = np.full((33, 3), 0.9, np.float32)
    points[:, :2] = standing_px(width / 2, height / 2)
    return [converted(points, BLAZEPOSE_33, COCO_17)]


MIDDLE = Engine(
    "middle",
    "somebody in the middle of every picture",
    lambda threads: lambda fps: DetectionFinder(one_in_the_middle, COCO_17, fps),
)


def test_predict_takes_an_engine_that_only_a_card_describes(tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out"
    write_clip(clip, [{"red": None}] * 8)
    main(
        ["predict", str(clip), "--out", str(out), "--keypoints", "middle"],
        engines=(*ENGINES, MIDDLE),
    )
    track = PoseTrack.load(out / "clip.npz")
    assert (track.people, track.frames) == (1, 8)
    assert track.keypoint_names == COCO_17.names
    assert track.model == "middle + shipped"
    nose = track.keypoints_px[0, 4, COCO_17.index("nose"), :2]
    assert np.allclose(nose, (WIDTH / 2, HEIGHT / 2 - 62), atol=1e-3)


def test_the_estimator_takes_a_card() -> None:
    track = PoseEstimator.from_pretrained(MIDDLE).predict(draw({}))
    assert (track.people, track.frames) == (1, 1)


def test_help_lists_the_names_of_all_engines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"], engines=(*ENGINES, MIDDLE))
    assert "{full,heavy,rtmlib,middle}|FILE" in capsys.readouterr().out


def test_a_name_that_no_engine_has_is_refused_with_those_known() -> None:
    with pytest.raises(InputError, match="'lite', expected one of full, heavy, rtmlib"):
        engine_called("lite")
