"""Qualisys' calibration, XML (`.qca.txt`): millimetres, intrinsics in 1/64 pixel.

Its cameras' axes are x right, y up, z backward; the rows of r11 to r33 are these axes in the world,
x, y, z the camera's place.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from overpose.video.camera_files.filed import FiledCamera
from overpose.video.camera_files.opencv import read_opencv

_PER_PX = 64.0
_TO_OPENCV = np.diag([1.0, -1.0, -1.0])


def read_qualisys(path: Path) -> list[FiledCamera]:
    """Every camera with intrinsics, under its serial number; that of OpenCV's XML."""
    root = ElementTree.fromstring(path.read_bytes())
    if root.tag == "opencv_storage":
        return read_opencv(path)
    return [_camera(each) for each in root.iter("camera") if each.find("intrinsic") is not None]


def _camera(element: ElementTree.Element) -> FiledCamera:
    intrinsic, place = element.find("intrinsic"), element.find("transform")
    assert intrinsic is not None

    def of(name: str) -> float:
        return float(intrinsic.attrib[name])

    low = np.array([of("sensorMinU"), of("sensorMinV")])
    center = (np.array([of("centerPointU"), of("centerPointV")]) - low) / _PER_PX
    wide, high = (_size(element, *ends) for ends in (("left", "right"), ("top", "bottom")))
    rotation = translation = None
    if place is not None:
        values = {name: float(value) for name, value in place.attrib.items()}
        axes = [[values[f"r{row}{column}"] for column in (1, 2, 3)] for row in (1, 2, 3)]
        rotation = _TO_OPENCV @ np.array(axes)
        translation = -rotation @ np.array([values[name] for name in "xyz"])
    radial = [of(f"radialDistortion{n}") for n in (1, 2)]
    tangential = [of(f"tangentalDistortion{n}") for n in (1, 2)]
    return FiledCamera(
        name=element.attrib.get("serial", "?"),
        matrix=[
            [of("focalLengthU") / _PER_PX, 0.0, center[0]],
            [0.0, of("focalLengthV") / _PER_PX, center[1]],
            [0.0, 0.0, 1.0],
        ],
        distortion=(*radial, *tangential),
        size=(wide, high),
        rotation=rotation,
        translation=translation,
        unit_mm=1.0,
    )


def _size(element: ElementTree.Element, first: str, last: str) -> float:
    """Pixels of the video from its first to its last column or row."""
    view = element.find("fov_video")
    if view is None:
        raise ValueError("no fov_video, which says the size of the picture")
    return float(view.attrib[last]) - float(view.attrib[first]) + 1
