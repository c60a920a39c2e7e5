"""A source is added by its card alone: a made-up one goes through the command line."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from overpose.app import main
from overpose.camera import Camera
from overpose.datasets.crops import encoded_crop
from overpose.datasets.layout import Sample
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.sources import SOURCES, motion_source, recognised
from overpose.datasets.sources.source import MotionRequest, Source
from overpose.datasets.store import Dataset, open_dataset
from overpose.datasets.writer import begin_dataset, finish_dataset, write_shard
from overpose.mocap.bvh import write_bvh
from overpose.mocap.procedural import procedural_motion
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.workers import do_jobs, number_of_processes

SHARDS = 3


@dataclass(frozen=True)
class ColourOptions:
    """How the pictures look."""

    image_size: int = 16
    """Height and width, pixels."""


def convert(place: Path, output: Output, options: ColourOptions, processes: int | None) -> Dataset:
    """One picture for each line of red, green and blue."""
    size = options.image_size
    missing = begin_dataset(output.out, {"size": size}, SHARDS, overwrite=output.overwrite)
    count = number_of_processes(processes)
    list(do_jobs(missing, make_work, (COLOURS, place, output.out, size), count))
    finish_dataset(output.out, SHARDS, name=COLOURS.title, image_size=size, provenance={})
    return open_dataset(output.out)


def make_work(
    argument: tuple[Source, Path, Path, int],
) -> Callable[[int, Callable[[], None]], None]:
    source, place, out, size = argument
    assert source.recognise(place)
    lines = (place / "colours.txt").read_text().splitlines()

    def work(number: int, check: Callable[[], None]) -> None:
        check()
        write_shard(out, number, [sample(lines[number], number, size)])

    return work


def sample(line: str, number: int, size: int) -> Sample:
    camera = Camera(np.full(2, 20.0), np.full(2, 8.0), np.eye(3), np.zeros(3), 16, 16)
    picture = np.full((16, 16, 3), [int(value) for value in line.split()], np.uint8)
    return Sample(
        jpeg=encoded_crop(picture, (0, 0, 16), size),
        mask_png=None,
        subject=("anna", "ben")[number % 2],
        action="standing",
        trial=f"colour_{number}",
        split=("train", "test")[number % 2],
        camera_number=0,
        frame=number,
        take=0,
        pose_mm=np.full((len(HUMAN36M), 3), number, np.float32),
        root_mm=np.array([0, 0, 3000], np.float32),
        keypoints_px=np.zeros((len(HUMAN36M), 3), np.float32),
        box_px=(0.0, 0.0, 16.0),
        camera=camera,
        crop=camera.crop(0, 0, 16, 16).resize(size, size),
    )


def recognise(place: Path | None) -> bool:
    return place is not None and (place / "colours.txt").is_file()


COLOURS = Source(
    name="colours",
    title="Colours",
    licence="none",
    expected="a directory with colours.txt",
    recognise=recognise,
    help="Make a dataset of colours.",
    options=ColourOptions,
    convert=convert,
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "colours.txt").write_text("200 0 0\n0 200 0\n0 0 200\n")
    return mine


def run(*arguments: object) -> None:
    main([str(argument) for argument in arguments], sources=(*SOURCES, COLOURS))


@pytest.mark.parametrize("processes", [1, 2])
def test_data_converts_a_source_that_only_a_card_describes(
    place: Path, tmp_path: Path, processes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    run(
        "data", "colours", "--from", place, "--out", out, "--image-size", 8,
        "--processes", processes,
    )  # fmt: skip
    assert "Colours, 8 px: 2 training" in capsys.readouterr().out
    with open_dataset(out, verify=True) as dataset:
        assert dataset.splits.tolist() == ["train", "test", "train"]
        np.testing.assert_array_equal(dataset.poses_mm[:, 0, 0], [0, 1, 2])
        for row in range(SHARDS):
            np.testing.assert_allclose(dataset.image(row)[4, 4], 200 * np.eye(3)[row], atol=6)


def test_check_names_the_command_of_a_source_that_only_a_card_describes(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("data", "check", place)
    assert f"overpose data colours --from {place} --out DIR" in capsys.readouterr().err


def test_help_lists_every_source_that_is_converted(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("data", "--help")
    shown = capsys.readouterr().out
    for source in (*SOURCES, COLOURS):
        assert (f"• {source.name} " in shown) == (source.convert is not None)


def test_the_motion_of_a_source_is_chosen_by_what_it_recognises(tmp_path: Path) -> None:
    (tmp_path / "cmu" / "01").mkdir(parents=True)
    (tmp_path / "cmu" / "01" / "01_01.amc").touch()
    (tmp_path / "bvh").mkdir()
    (tmp_path / "bvh" / "a_1.BVH").touch()
    assert motion_source(None).name == "procedural"
    assert motion_source(tmp_path / "cmu").name == "cmu"
    assert motion_source(tmp_path / "bvh").name == "bvh"
    assert motion_source(tmp_path / "bvh" / "a_1.BVH").name == "bvh"
    mine = replace(COLOURS, convert=None, motions=lambda request: ([], request))
    (tmp_path / "colours.txt").touch()
    assert motion_source(tmp_path, (*SOURCES, mine)) is mine


def unread(request: MotionRequest) -> None:
    raise InputError(f"{request.recorded.name}: was asked for")


def test_own_asf_and_amc_files_are_not_called_cmus(tmp_path: Path) -> None:
    for name in ("anna.asf", "anna_1.amc"):
        (tmp_path / name).touch()
    assert motion_source(tmp_path).name == "amc"


@pytest.mark.parametrize("command", [("render",), ("reproduce", "--preset", "cpu")])
def test_commands_that_render_take_the_motion_of_a_source_that_only_a_card_describes(
    place: Path, tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    mine = replace(COLOURS, convert=None, motions=unread)
    (tmp_path / "splits.json").write_text("{}")
    places = ("--mocap", place, "--splits", tmp_path / "splits.json", "--out", tmp_path / "out")
    arguments = [str(word) for word in (*command, *places)]
    with pytest.raises(SystemExit):
        main(arguments, sources=(*SOURCES, mine))
    assert "mine: was asked for" in capsys.readouterr().err


def test_motion_that_no_source_knows_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got something else, expected CMU's .* or BVH files"):
        motion_source(tmp_path)
    with pytest.raises(InputError, match="absent: got nothing, expected CMU's"):
        motion_source(tmp_path / "absent")


def test_nobody_recognises_an_empty_directory(tmp_path: Path) -> None:
    assert recognised(tmp_path) is None


def test_sources_have_names_of_their_own_and_either_convert_or_move() -> None:
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    with pytest.raises(ValueError, match="either convert or motions"):
        replace(COLOURS, convert=None)


def test_the_trials_of_bvh_files_are_those_of_the_splits(tmp_path: Path) -> None:
    for name in ("anna_1", "ben_1"):
        write_bvh(procedural_motion("walking", name, 1, 10, 50.0), tmp_path / f"{name}.bvh")
    splits = {
        "train_subjects": ["anna"],
        "test_subjects": ["ben"],
        "actions": {"walking": {"train": ["anna_1"], "test": ["ben_1"]}},
    }
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    source = motion_source(tmp_path)
    assert source.motions is not None
    recorded = MotionSource(tmp_path, tmp_path / "splits.json")
    trials, motions = source.motions(MotionRequest(recorded, 25.0))
    assert [(trial.trial, trial.subject, trial.split) for trial in trials] == [
        ("anna_1", "anna", "train"), ("ben_1", "ben", "test"),
    ]  # fmt: skip
    assert len(motions.motion("ben_1")) == 5
