"""VMC: an avatar that does what the messages say stands as the person does."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest
from moving_person import moving_track
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_packet import OscPacket
from scipy.spatial.transform import Rotation

from overpose.formats.vmc import BONES, OscAddress, VmcSender, vmc_messages
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

PARENTS = {
    "Spine": "Hips", "Chest": "Spine", "Neck": "Chest", "Head": "Neck",
    **{
        f"{side}{bone}": parent if parent in ("Hips", "Chest") else f"{side}{parent}"
        for side in ("Left", "Right")
        for bone, parent in (
            ("UpperLeg", "Hips"), ("LowerLeg", "UpperLeg"), ("Shoulder", "Chest"),
            ("UpperArm", "Shoulder"), ("LowerArm", "UpperArm"),
        )
    },
}  # fmt: skip
"""Of Unity's humanoid."""
BEGINS = {
    "Hips": "pelvis", "Chest": "spine", "Neck": "neck", "Head": "nose",
    "LeftUpperLeg": "left_hip", "LeftLowerLeg": "left_knee", "LeftUpperArm": "left_shoulder",
    "LeftLowerArm": "left_elbow", "RightUpperLeg": "right_hip", "RightLowerLeg": "right_knee",
    "RightUpperArm": "right_shoulder", "RightLowerArm": "right_elbow",
}  # fmt: skip
"""The joint that each bone begins in."""


def placed(messages: list) -> dict[str, tuple[np.ndarray, Rotation]]:
    """Place and turn of every bone in the world, Unity's axes."""
    said = {m[1][0]: m[1][1:] for m in messages if m[0] == "/VMC/Ext/Bone/Pos"}
    result: dict[str, tuple[np.ndarray, Rotation]] = {}
    for bone in BONES:
        place, turn = np.array(said[bone][:3]), Rotation.from_quat(said[bone][3:])
        if bone in PARENTS:
            above_place, above_turn = result[PARENTS[bone]]
            place, turn = above_place + above_turn.apply(place), above_turn * turn
        result[bone] = (place, turn)
    return result


def test_bones_of_the_avatar_begin_where_the_joints_are() -> None:
    track = moving_track(1)
    for frame in (0, 17, 39):
        pose, root = track.poses_mm[0, frame], track.root_mm[0, frame]
        bones = placed(vmc_messages(pose, root, 0.5))
        unity = (pose + root) * (-1, -1, -1) / 1000  # y up, x to the left of the picture
        for bone, joint in BEGINS.items():
            place = bones[bone][0]
            np.testing.assert_allclose(place, unity[HUMAN36M.index(joint)], atol=2e-3)
        shin = unity[HUMAN36M.index("left_ankle")] - unity[HUMAN36M.index("left_knee")]
        down = bones["LeftLowerLeg"][1].apply((0, -1, 0))
        np.testing.assert_allclose(down, shin / np.linalg.norm(shin), atol=2e-3)
        forearm = unity[HUMAN36M.index("right_wrist")] - unity[HUMAN36M.index("right_elbow")]
        right = bones["RightLowerArm"][1].apply((1, 0, 0))  # an avatar's right, at rest
        np.testing.assert_allclose(right, forearm / np.linalg.norm(forearm), atol=2e-3)


def test_somebody_whose_place_is_not_known_is_at_the_origin() -> None:
    track = moving_track(1)
    messages = vmc_messages(track.poses_mm[0, 0], np.full(3, np.nan, np.float32), 0.0)
    np.testing.assert_allclose(placed(messages)["Hips"][0], 0)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("osc://127.0.0.1:39539", "127.0.0.1", 39539),
        ("osc://[::1]:39540/", "::1", 39540),
        ("osc://studio.local:9000", "studio.local", 9000),
        ("osc://:39539", "127.0.0.1", 39539),
    ],
)
def test_addresses_are_read(text: str, host: str, port: int) -> None:
    assert OscAddress.parse(text) == OscAddress(host, port)


@pytest.mark.parametrize(
    "text",
    ["osc://127.0.0.1", "osc://127.0.0.1:0", "osc://127.0.0.1:70000", "osc://127.0.0.1:x",
     "http://127.0.0.1:39539", "127.0.0.1:39539", "osc://::1:39539", "osc://[::g]:1",
     "osc://127.0.0.1:39539/avatar", ""],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^stream: got .*, expected .*$"):
        OscAddress.parse(text)


def test_ports_must_do_for_everybody() -> None:
    with pytest.raises(InputError, match=r"port 65530 for 8 people.*at most 65528"):
        VmcSender(OscAddress("127.0.0.1", 65530), 8)


def test_a_host_that_is_not_known_is_one_line() -> None:
    with pytest.raises(InputError, match=r"stream: cannot send to 'no\.such\.host\.invalid'"):
        VmcSender(OscAddress("no.such.host.invalid", 9000), 1)


@pytest.fixture(params=["127.0.0.1", "::1"])
def receiver(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A program that listens, on IPv4 and on IPv6."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_DGRAM)
    try:
        listening.bind((request.param, 0))
    except OSError:
        pytest.skip(f"needs the address {request.param}, which is not here")
    listening.settimeout(10)
    with listening:
        yield listening


def test_a_receiver_gets_whole_bundles(receiver: socket.socket) -> None:
    host, port = receiver.getsockname()[:2]
    track = moving_track(1)
    messages = vmc_messages(track.poses_mm[0, 3], track.root_mm[0, 3], 0.1)
    with VmcSender(OscAddress(host, port), 1) as sender:
        sender.send(0, messages)
        data = receiver.recv(65536)
    assert OscBundle.dgram_is_bundle(data)
    got = [timed.message for timed in OscPacket(data).messages]
    assert [message.address for message in got[:3]] == [
        "/VMC/Ext/OK", "/VMC/Ext/T", "/VMC/Ext/Root/Pos",
    ]  # fmt: skip
    assert got[0].params == [1]
    assert {message.params[0] for message in got[3:]} == set(BONES)
    for message, (_, values) in zip(got[1:], messages[1:], strict=True):
        numbers = [value for value in values if not isinstance(value, str)]
        sent = [value for value in message.params if not isinstance(value, str)]
        assert all(isinstance(value, float) for value in sent)
        np.testing.assert_allclose(sent, numbers, rtol=1e-5, atol=1e-6)
    assert len(data) < 1500  # one packet of a network


def test_that_nobody_listens_is_no_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with VmcSender(OscAddress("127.0.0.1", port), 1) as sender:
        for _ in range(3):
            sender.send(0, [("/VMC/Ext/OK", (0,))])
