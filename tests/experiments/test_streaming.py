"""Streaming from the command line to programs that listen, and who moves which avatar."""

import socket
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from pythonosc.osc_packet import OscPacket
from scripted_people import FPS, ScriptedEngines, write_clip

from overpose.experiments.streaming import OnTime, Places
from overpose.keypoints.blazepose import BlazePose
from overpose.media.video import open_media


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two people for 60 frames; coloured discs are people, so that nothing is downloaded."""
    monkeypatch.setattr(BlazePose, "from_assets", lambda *_, **__: ScriptedEngines())
    monkeypatch.chdir(tmp_path)
    write_clip(
        tmp_path / "clip.mp4", [{"red": (100 + i, 120), "green": (240, 120)} for i in range(60)]
    )
    return tmp_path / "clip.mp4"


def two_receivers() -> tuple[socket.socket, socket.socket]:
    """Programs that listen on ports that follow each other."""
    for _ in range(50):
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        first.bind(("127.0.0.1", 0))
        try:
            second.bind(("127.0.0.1", first.getsockname()[1] + 1))
        except OSError:
            first.close()
            second.close()
            continue
        return first, second
    raise AssertionError("no two ports that follow each other are free")


@pytest.mark.parametrize("given", [("clip.mp4",), ("--webcam", "clip.mp4")])
def test_people_of_a_file_reach_a_port_each_in_real_time(
    clip: Path, given: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = two_receivers()
    with first, second:
        began = time.monotonic()
        address = f"osc://127.0.0.1:{first.getsockname()[1]}"
        assert run("predict", *given, "--stream", address) == 0
        assert time.monotonic() - began > 58 / FPS
        for receiver in (first, second):
            receiver.setblocking(False)
            times = []
            for _ in range(100):
                try:
                    packet = OscPacket(receiver.recv(65536))
                except BlockingIOError:
                    break
                said = {timed.message.address: timed.message.params for timed in packet.messages}
                if said["/VMC/Ext/OK"] == [1]:  # and not lost where frames were left out
                    times.append(said["/VMC/Ext/T"][0])
            assert 2 <= len(times) <= 60
            assert np.all(np.diff(times) > 0)
    assert not list(clip.parent.glob("overpose-out*"))
    assert "frames streamed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("clip.mp4", "--stream", "osc://127.0.0.1:99999"), "stream: got 'osc://127.0.0.1:99999'"),
        (("clip.mp4", "clip.mp4", "--stream", "osc://127.0.0.1:9"), "stream: got 2 videos"),
        (("--stream", "osc://127.0.0.1:9"), "predict: got neither"),
        (("clip.mp4", "--stream", "osc://127.0.0.1:9", "--html"), "stream: nothing is written"),
        (("none.mp4", "--stream", "osc://127.0.0.1:9"), "none.mp4"),
    ],
)
def test_what_cannot_be_streamed_is_one_line(
    clip: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", *arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_people_keep_their_place_and_new_ones_take_what_is_free() -> None:
    places = Places(2)
    assert places.at([7], 0.0) == {0: 7}
    assert places.at([7, 9], 0.1) == {0: 7, 1: 9}
    assert places.at([9, 11], 0.2) == {0: 7, 1: 9}  # no place for the third yet
    assert places.at([9, 11], 2.3) == {0: 11, 1: 9}
    assert places.at([11], 3.0) == {0: 11, 1: 9}
    assert places.at([11], 4.5) == {0: 11, 1: None}
    assert places.at([11], 4.6) == {0: 11}


def test_late_frames_of_a_file_are_not_looked_at(clip: Path) -> None:
    with open_media(clip) as media, OnTime(media) as source:
        frames = []
        for frame in source:
            frames.append(frame)
            if not frame.repeated:
                time.sleep(4 / FPS)  # slower than the file
    assert [frame.index for frame in frames] == list(range(60))
    looked_at = sum(not frame.repeated for frame in frames)
    assert 8 <= looked_at <= 30
