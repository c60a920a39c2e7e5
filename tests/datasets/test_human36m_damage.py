"""Damaged files of Human3.6M: left out, listed, never taken for something else."""

from pathlib import Path

import av
import numpy as np
import pytest
from human36m_miniature import (
    CAMERA_IDS,
    FIRST,
    FRAMES,
    HEIGHT,
    MASKS,
    POSES,
    WIDTH,
    camera_of,
    convert,
    damage_video,
    found,
    frame_image,
    joints_world_mm,
    said,
    write_cdf,
    write_masks_v5,
    write_video,
)

from overpose.datasets.human36m import convert as module
from overpose.datasets.human36m.files import video_frames
from overpose.datasets.store import Dataset
from overpose.support import apart
from overpose.support.errors import InputError


def mine(dataset: Dataset) -> Dataset:
    """What is of `FIRST` of S1."""
    first = (dataset.subjects == "S1") & (dataset.trials == "S1 Walking 1")
    return dataset.select(first & (dataset.cameras == 0))


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_damaged_files_are_said_and_left_out(copy: Path, tmp_path: Path, capsys) -> None:
    (copy / "S1" / POSES / "Walking 1.cdf").write_bytes(b"no CDF at all")
    (copy / "S9" / "Videos" / f"{FIRST}.mp4").write_bytes(b"no video at all")
    (copy / "S9" / MASKS / f"Walking 1.{CAMERA_IDS[1]}.mat").write_bytes(b"no masks at all")
    inventory = found(copy)
    assert said(inventory.problems, "S1: Walking 1", "not a whole CDF file")
    assert said(inventory.problems, f"S9: {FIRST}", "not a video that can be read")
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"], every=4)
    assert set(dataset.subjects.tolist()) == {"S9"}
    assert sorted(set(dataset.cameras.tolist())) == [1, 2, 3]
    assert "no foreground masks" in capsys.readouterr().err
    assert said(dataset.info.provenance["problems"], "S9:", "no foreground masks", "without masks")
    with pytest.raises(InputError, match="has no mask"):
        dataset.mask(int(np.flatnonzero(dataset.cameras == 1)[0]))
    dataset.mask(int(np.flatnonzero(dataset.cameras == 2)[0]))


def test_files_that_break_their_parsers_are_said_and_left_out(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = copy / "S1" / POSES / "Walking 1.cdf"
    content = bytearray(endless.read_bytes())
    content[364] = 0x20  # half a thousand million variables
    endless.write_bytes(content)
    small = [np.ones((5, 4), bool)] * 3
    crashing = copy / "S9" / MASKS / f"{FIRST}.mat"
    write_masks_v5(crashing, small)
    content = crashing.read_bytes()
    place = content.index(b"\x02\0\0\0\x14\0\0\0")  # 20 numbers of one byte
    crashing.write_bytes(content[:place] + b"\x58" + content[place + 1 :])  # of no type
    strange = copy / "S9" / "Videos" / f"Walking 1.{CAMERA_IDS[1]}.mp4"
    content = bytearray(strange.read_bytes().replace(b"mp4v", b"zzzz"))
    content[content.index(b"\x04\x80\x80\x80", content.index(b"esds")) + 5] = 0xFF
    strange.write_bytes(content)  # of no known codec
    monkeypatch.setattr(apart, "LEAST_S", 3.0)
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"], every=4)
    problems = dataset.info.provenance["problems"]
    assert sum(str(endless) in line for line in problems) == 1
    assert said(problems, f"S1: Walking 1: {endless}: takes more than 3 s to read")
    assert sum(str(crashing) in line for line in problems) == 1
    assert said(problems, f"S9: {crashing}: what reads it crashed", "converted without masks")
    assert sum(strange.name in line for line in problems) == 1
    assert set(dataset.subjects.tolist()) == {"S9"}
    assert sorted(set(dataset.cameras.tolist())) == [0, 2, 3]
    dataset.mask(int(np.flatnonzero(dataset.cameras == 2)[0]))


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (POSES / "Walking 1.cdf", "hang*.cdf"),
        (MASKS / f"{FIRST}.mat", "crash*.mat"),
        (Path("Videos", f"{FIRST}.mp4"), "other-5cf*.mp4"),
    ],
)
def test_files_that_once_broke_a_conversion_are_one_line_each(
    place: Path,
    what: str,
    copy: Path,
    tmp_path: Path,
    shared_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hostile = [*(shared_dir / "malformed" / "human36m").glob(what)]
    if not hostile:
        pytest.skip("the collection of malformed files is not here")
    (copy / "S1" / place).write_bytes(hostile[0].read_bytes())
    monkeypatch.setattr(apart, "LEAST_S", 3.0)
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"], every=4)
    assert "S9" in dataset.subjects
    problems = dataset.info.provenance["problems"]
    assert sum(place.name in line for line in problems if str(copy) in line) == 1


def test_masks_that_are_too_few_or_of_another_size_are_left_out(copy: Path, tmp_path: Path) -> None:
    small, right = np.ones((4, 4), bool), np.ones((HEIGHT, WIDTH), bool)
    write_masks_v5(copy / "S1" / MASKS / f"{FIRST}.mat", [right, small])
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    those = np.flatnonzero((dataset.subjects == "S1") & (dataset.cameras == 0))
    problems = dataset.info.provenance["problems"]
    assert said(
        problems, f"S1: {FIRST}.mat: 4 of 5 masks are missing, unreadable or of another size"
    )
    assert dataset.mask(int(those[0])).mean() > 0.5
    for index in those[1:]:
        with pytest.raises(InputError, match="has no mask"):
            dataset.mask(int(index))


def test_a_video_whose_end_is_damaged_gives_the_frames_before(
    copy: Path, tmp_path: Path, capsys
) -> None:
    damage_video(copy / "S1" / "Videos" / f"{FIRST}.mp4", [2, 3, 4])
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    assert mine(dataset).frames.tolist() == [0, 1]
    line = f"S1: {FIRST}.mp4: damaged: 2 of 5 frames can be decoded; the others are left out"
    assert line in dataset.info.provenance["problems"]
    assert line in capsys.readouterr().err


def test_frames_after_a_damaged_one_keep_their_own_labels(copy: Path, tmp_path: Path) -> None:
    path = copy / "S1" / "Videos" / f"{FIRST}.mp4"
    pelvis = camera_of("S1", 0).project(joints_world_mm("S1", "Walking 1")[:, 0])
    write_video(path, [frame_image(pelvis[k], k) for k in range(FRAMES)], key_every=1)
    damage_video(path, [0, 2])
    dataset = mine(convert(copy, tmp_path / "d", image_size=64, actions=["Walking"]))
    assert dataset.frames.tolist() == [1, 3, 4]
    for index, frame in enumerate(dataset.frames.tolist()):
        image = dataset.image(index)
        assert abs(float(np.median(image[image.min(axis=2) > 15])) - (40 + 25 * frame)) < 12


def test_after_damage_images_are_trusted_from_the_next_key_frame_on(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    centre = np.array([100.0, 100.0])
    write_video(path, [frame_image(centre, k) for k in range(8)], key_every=3)
    damage_video(path, [4])
    shown = dict(video_frames(path))
    assert list(shown) == [0, 1, 2, 3, 6, 7]
    for number, image in shown.items():
        assert abs(float(np.median(image)) - (40 + 25 * number)) < 12
    assert [number for number, _ in video_frames(path, 2)] == [0, 2, 6]


def test_frames_that_are_stored_out_of_order_are_numbered_as_they_are_shown(
    tmp_path: Path,
) -> None:
    path = tmp_path / "video.mp4"
    images = [frame_image(np.array([100.0, 100.0]), k) for k in range(8)]
    write_video(path, images, both_ways=2)
    with av.open(str(path)) as container:
        times = [packet.pts for packet in container.demux(video=0) if packet.size]
    assert times != sorted(times)
    shown = dict(video_frames(path))
    assert list(shown) == list(range(8))
    for number, image in shown.items():
        assert abs(float(np.median(image)) - (40 + 25 * number)) < 12


def test_a_video_of_which_no_labelled_frame_can_be_decoded_stops_nothing(
    copy: Path, tmp_path: Path
) -> None:
    poses = joints_world_mm("S1", "Walking 1")
    poses[0] = np.nan
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    damage_video(copy / "S1" / "Videos" / f"{FIRST}.mp4", range(1, FRAMES))
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    assert len(mine(dataset)) == 0
    assert len(dataset) == 3 * (FRAMES - 1) + 4 * FRAMES
    problems = dataset.info.provenance["problems"]
    assert said(problems, f"S1: {FIRST}: no frame with a pose can be decoded; left out")


def test_a_resumed_conversion_keeps_the_problems_of_the_shards_that_it_finds(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage_video(copy / "S1" / "Videos" / f"{FIRST}.mp4", [2, 3, 4])
    damage_video(copy / "S9" / "Videos" / f"{FIRST}.mp4", [3, 4])
    out, options = tmp_path / "d", {"image_size": 16, "actions": ["Walking"]}
    write = module.write_shard

    def until_the_third(directory: Path, number: int, samples: list) -> None:
        if number == 2:
            raise KeyboardInterrupt
        write(directory, number, samples)

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_shard", until_the_third)
        with pytest.raises(KeyboardInterrupt):
            convert(copy, out, **options)  # type: ignore[arg-type]
    problems = convert(copy, out, **options).info.provenance["problems"]  # type: ignore[arg-type]
    for subject, kept in (("S1", 2), ("S9", 3)):
        line = f"{subject}: {FIRST}.mp4: damaged: {kept} of 5 frames can be decoded"
        assert sum(line in problem for problem in problems) == 1
    assert not list(out.glob("part-*"))


def test_a_conversion_made_anew_forgets_the_problems_of_the_one_before(
    copy: Path, miniature: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage_video(copy / "S1" / "Videos" / f"{FIRST}.mp4", [2, 3, 4])
    out, options = tmp_path / "d", {"image_size": 16, "actions": ["Walking"]}
    with monkeypatch.context() as patched:
        patched.setattr(module, "finish_dataset", interrupt)
        with pytest.raises(KeyboardInterrupt):
            convert(copy, out, **options)  # type: ignore[arg-type]
    dataset = convert(miniature, out, every=2, overwrite=True, **options)  # type: ignore[arg-type]
    assert not said(dataset.info.provenance["problems"], "damaged")


def test_a_video_without_a_usable_frame_is_named(copy: Path, tmp_path: Path) -> None:
    write_video(
        copy / "S1" / "Videos" / f"{FIRST}.mp4", [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 2
    )
    poses = joints_world_mm("S1", "Walking 1")
    poses[:2] = np.nan
    write_cdf(copy / "S1" / POSES / "Walking 1.cdf", poses)
    dataset = convert(copy, tmp_path / "d", image_size=16, actions=["Walking"])
    assert not ((dataset.subjects == "S1") & (dataset.cameras == 0)).any()
    assert any("no frame with a pose" in line for line in dataset.info.provenance["problems"])
