"""An engine is added by its card alone: a made-up one goes through the command line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scripted_people import HEIGHT, WIDTH, draw, standing_px, write_clip

from overpose.app import main
from overpose.app.command_line import parse
from overpose.keypoints.engines import AUTO, ENGINES, Engine, engine_called
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


def counted(name: str, loaded: list[str]) -> Engine:
    """An engine that finds somebody in the middle, and says when it is loaded."""

    def load(threads: int) -> Callable[[float], DetectionFinder]:
        loaded.append(name)
        return MIDDLE.load(threads)

    return Engine(name, "counted", load)


def test_an_engine_may_leave_photos_to_another_and_loads_what_is_used(tmp_path: Path) -> None:
    loaded: list[str] = []
    better, faster = counted("better", loaded), counted("faster", loaded)
    either = replace(faster, name="either", for_photos=better, for_videos=faster)
    estimator = PoseEstimator.from_pretrained(either)
    assert loaded == []
    for _ in range(2):
        assert estimator.predict(draw({})).model == "better + shipped"
    assert loaded == ["better"]
    write_clip(tmp_path / "clip.mp4", [{}] * 4)
    assert estimator.predict(tmp_path / "clip.mp4").model == "faster + shipped"
    assert next(iter(estimator.track(tmp_path / "clip.mp4"))).people
    assert loaded == ["better", "faster"]


def test_the_default_is_heavy_for_photos_and_full_for_videos() -> None:
    assert ENGINES[0] is AUTO
    assert AUTO.for_photos is not None
    assert AUTO.for_videos is not None
    assert (AUTO.for_photos.name, AUTO.for_videos.name) == ("heavy", "full")
    assert parse(["predict", "clip.mp4"]).keypoints is AUTO  # type: ignore[attr-defined]


def test_help_lists_the_names_of_all_engines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"], engines=(*ENGINES, MIDDLE))
    assert (
        "{auto,full,heavy,full-openvino,heavy-openvino,rtmlib,middle}|FILE"
        in capsys.readouterr().out
    )


def test_a_name_that_no_engine_has_is_refused_with_those_known() -> None:
    with pytest.raises(InputError, match="'lite', expected one of auto, full, heavy, full-op"):
        engine_called("lite")
