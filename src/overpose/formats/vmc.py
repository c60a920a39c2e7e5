"""VMC: people as OSC messages over UDP, for Unity, Unreal and programs that move avatars.

The Virtual Motion Capture protocol (protocol.vmc.info) knows one avatar: everybody has a port.
"""

import ipaddress
import socket
import urllib.parse
from dataclasses import dataclass

import numpy as np
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from scipy.spatial.transform import Rotation

from overpose.metrics import limb_lengths
from overpose.mocap.pose_motion import pose_motion
from overpose.support.errors import InputError

BONES = {
    "Hips": ("pelvis",), "Spine": ("pelvis_to_spine",), "Chest": ("spine",), "Neck": ("neck",),
    "Head": ("nose",),
    **{
        f"{side.capitalize()}{bone}": tuple(name.format(side) for name in own)
        for side in ("left", "right")
        for bone, own in (
            ("UpperLeg", ("pelvis_to_{}_hip", "{}_hip")), ("LowerLeg", ("{}_knee",)),
            ("Shoulder", ("neck_to_{}_shoulder",)), ("UpperArm", ("{}_shoulder",)),
            ("LowerArm", ("{}_elbow",)),
        )
    },
}  # fmt: skip
"""Bones of Unity's humanoid and those of `pose_motion` whose turns they take, one after another."""
_TO_UNITY = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""From z up, at rest facing -y, to Unity's left-handed axes, y up, at rest facing z."""


@dataclass(frozen=True)
class OscAddress:
    """Where messages go.

    Attributes:
        host: name or number.
        port: of the first person; the next one's is one higher, and so on.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "OscAddress":
        """Read `osc://HOST:PORT`; an IPv6 address stands in brackets. Without a host, this machine.

        Raises:
            InputError: it is no such address.
        """
        expected = "expected osc://HOST:PORT, such as osc://127.0.0.1:39539 or osc://[::1]:39539"
        try:
            parts = urllib.parse.urlsplit(text)
            port = parts.port
            if (parts.hostname or "").count(":"):
                ipaddress.ip_address(str(parts.hostname))
        except ValueError:
            raise InputError(
                f"stream: got {text!r}, {expected}, the port from 1 to 65535"
            ) from None
        if parts.scheme != "osc" or port is None or parts.path.strip("/") or parts.username:
            raise InputError(f"stream: got {text!r}, {expected}")
        if port < 1:
            raise InputError(f"stream: got port {port}, expected 1 to 65535")
        return cls(parts.hostname or "127.0.0.1", port)


class VmcSender:
    """Sends people to avatars; use it in a `with`.

    Args:
        address: of the first.
        most: for how many people there are ports.

    Raises:
        InputError: the host is not known, or there are not that many ports.
    """

    def __init__(self, address: OscAddress, most: int) -> None:
        last = address.port + most - 1
        if last > 65535:
            raise InputError(
                f"stream: got port {address.port} for {most} people, whose last port would be "
                f"{last}; expected at most {65535 - most + 1}"
            )
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)
            family, kind, protocol, _, where = found[0]
            self._socket = socket.socket(family, kind, protocol)
        except OSError as error:
            raise InputError(
                f"stream: cannot send to {address.host!r} ({error.strerror or error}); expected a "
                "name or an address that this machine reaches"
            ) from None
        self._socket.setblocking(False)
        self._where = where

    def __enter__(self) -> "VmcSender":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, place: int, messages: list[tuple[str, tuple[str | float, ...]]]) -> None:
        """Send messages to the person of a place, from 0, all at once; nobody need listen.

        Raises:
            InputError: the network is gone.
        """
        bundle = OscBundleBuilder(IMMEDIATELY)
        for name, values in messages:
            message = OscMessageBuilder(name)
            for value in values:
                message.add_arg(value)
            bundle.add_content(message.build())
        where = (self._where[0], int(self._where[1]) + place, *self._where[2:])
        try:
            self._socket.sendto(bundle.build().dgram, where)
        except (BlockingIOError, ConnectionRefusedError):
            return  # late, or nobody listens yet: the next frame comes anyway
        except OSError as error:
            raise InputError(
                f"stream: cannot send to {where[0]} port {where[1]} ({error.strerror or error})"
            ) from None


def vmc_messages(
    pose_mm: np.ndarray, root_mm: np.ndarray, time_s: float
) -> list[tuple[str, tuple[str | float, ...]]]:
    """What VMC says of somebody who is seen: place and turn of each bone against the one above.

    Args:
        pose_mm: (17, 3) mm, camera axes, root-relative.
        root_mm: (3,) mm, camera coordinates; NaN where not known: the hips are then at the height
            of the camera, where the camera is.
        time_s: since the beginning.
    """
    lengths = limb_lengths(pose_mm[None].astype(np.float64))[0]
    motion = pose_motion(pose_mm[None], root_mm[None], lengths, 1.0)
    skeleton = motion.skeleton
    result: list[tuple[str, tuple[str | float, ...]]] = [
        ("/VMC/Ext/OK", (1,)),
        ("/VMC/Ext/T", (float(time_s),)),
        ("/VMC/Ext/Root/Pos", ("root", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)),
    ]
    for bone, own in BONES.items():
        first = skeleton.index(own[0])
        turn = motion.rotations[0, first]
        # A bone starts where the one it hangs on ends.
        place = (
            skeleton.offsets_mm[skeleton.parents[first]] if bone != "Hips" else motion.root_mm[0]
        )
        for name in own[1:]:
            place = place + turn @ skeleton.offsets_mm[first]
            turn = turn @ motion.rotations[0, skeleton.index(name)]
        position = _TO_UNITY @ place / 1000
        quaternion = Rotation.from_matrix(_TO_UNITY @ turn @ _TO_UNITY.T).as_quat()
        result.append(("/VMC/Ext/Bone/Pos", (bone, *map(float, position), *map(float, quaternion))))
    return result
