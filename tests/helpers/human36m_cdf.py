"""A CDF file of poses written byte by byte, as the official ones are: columns first."""

import struct
from pathlib import Path

import numpy as np

_REAL4, _NETWORK_ENCODING = 21, 1
_CDR_BYTES, _GDR_BYTES, _COPYRIGHT_BYTES, _NAME_BYTES = 312, 84, 256, 256


def write_cdf_by_hand(path: Path, poses: np.ndarray) -> None:
    """Poses (frames, 32, 3) as the variable Pose: one record of (frames, 96), column-major.

    The records of CDF 3: the file's own (CDR), the global one (GDR), the variable's (zVDR), an
    index (VXR) and the values (VVR); numbers in network order.
    """
    frames = len(poses)
    values = poses.reshape(frames, 96).astype(">f4").tobytes(order="F")
    variable = 344 + 4 * 2 * 2
    place = 8
    gdr = place + _CDR_BYTES
    vdr = gdr + _GDR_BYTES
    vxr = vdr + variable
    vvr = vxr + 28 + 16
    end = vvr + 12 + len(values)
    none = -1
    parts = [
        struct.pack(">II", 0xCDF30001, 0x0000FFFF),
        # Version 3.8, flags: not row-major (bit 0), one file (bit 1).
        struct.pack(
            ">qiqiiiiiiiii", _CDR_BYTES, 1, gdr, 3, 8, _NETWORK_ENCODING, 2, 0, 0, 0, none, none
        ),
        b"by hand".ljust(_COPYRIGHT_BYTES, b"\0"),
        struct.pack(
            ">qiqqqqiiiiiqiii",
            _GDR_BYTES, 2, 0, vdr, 0, end, 0, 0, none, 0, 1, 0, 0, none, none,
        ),
        struct.pack(">qiqiiqqiiiiiiiqi", variable, 8, 0, _REAL4, 0, vxr, vxr, 1, 0, 0, none, none,
                    1, 0, none, 0),
        b"Pose".ljust(_NAME_BYTES, b"\0"),
        struct.pack(">i2i2i", 2, frames, 96, none, none),
        struct.pack(">qiqiiiiq", 28 + 16, 6, 0, 1, 1, 0, 0, vvr),
        struct.pack(">qi", 12 + len(values), 7),
        values,
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(parts))
