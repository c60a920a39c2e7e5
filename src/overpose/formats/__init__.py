"""Pose tracks in formats that other programs open: one card per file, all of them in `FORMATS`.

The formats themselves are written by `mocap`; here is what goes into them. JSON and CSV are in the
camera's axes (x right, y down, z forward), TRC, C3D, BVH and GLB are y up: in the world where the
track has one, else about the camera, (x, -y, -z). The root's place is included where it is known,
in millimetres but for BVH's centimetres and GLB's metres.

Cards import what they need when they write, because the command line lists them.
"""

from overpose.formats import angles, bvh, c3d, csv, glb, json, mot, trc
from overpose.formats.format import Format

FORMATS: tuple[Format, ...] = (
    json.FORMAT, csv.FORMAT, bvh.FORMAT, c3d.FORMAT, trc.FORMAT, angles.FORMAT, mot.FORMAT,
    glb.FORMAT,
)  # fmt: skip
"""Every format; `.npz`, which `predict` always writes, is `PoseTrack.save`."""
