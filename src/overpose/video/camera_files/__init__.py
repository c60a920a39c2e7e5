"""Files of measured cameras: OpenCV, TOML of Pose2Sim and Caliscope, Qualisys, COLMAP."""

from overpose.video.camera_files.colmap import read_colmap
from overpose.video.camera_files.filed import CameraFormat
from overpose.video.camera_files.opencv import read_opencv
from overpose.video.camera_files.qualisys import read_qualisys
from overpose.video.camera_files.toml import read_toml

CAMERA_FORMATS = (
    CameraFormat("TOML of Pose2Sim or Caliscope", (".toml",), read_toml),
    CameraFormat("OpenCV", (".yaml", ".yml", ".json"), read_opencv),
    CameraFormat("Qualisys or OpenCV", (".xml", ".qca.txt"), read_qualisys),
    CameraFormat("COLMAP's cameras.txt", ("cameras.txt", ""), read_colmap),
)
"""Every format that `--camera` reads, by how the name of the file ends; "" is a directory."""
