"""--camera: files of OpenCV, Pose2Sim, Caliscope, Qualisys and COLMAP, good and bad."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from overpose.support import apart
from overpose.support.errors import InputError
from overpose.video.measured_cameras import read_camera

MATRIX = [[1000.0, 0.0, 650.0], [0.0, 1000.0, 350.0], [0.0, 0.0, 1.0]]
TURN = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])  # level, in a z-up world
BENT = "[0.1, -0.05, 0.001, 0.002]"


def toml(path: Path, name: str = "cam_01", **changed: str) -> Path:
    values = {
        "name": f'"{name}"', "size": "[1280.0, 720.0]", "matrix": str(MATRIX),
        "distortions": BENT, "rotation": "[1.5707963267948966, 0.0, 0.0]",
        "translation": "[0.0, 1.5, 4.0]", **changed,
    }  # fmt: skip
    table = "\n".join(f"{key} = {value}" for key, value in values.items() if value)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"[{name}]\n{table}\n\n[metadata]\nadjusted = false\n" if name == "cam_01"
                   else f"\n[{name}]\n{table}\n")  # fmt: skip
    return path


def test_toml_of_pose2sim_gives_lens_and_place_in_mm(tmp_path: Path) -> None:
    found = read_camera(toml(tmp_path / "calib.toml"), 1280, 720)
    camera = found.camera
    assert camera.focal_px.tolist() == [1000, 1000]
    assert camera.center_px.tolist() == [650.5, 350.5]  # OpenCV's pixels have their middle at 0
    assert camera.distortion == (0.1, -0.05, 0.001, 0.002)
    assert np.allclose(camera.rotation, TURN)
    assert np.allclose(camera.position_mm, [0, -4000, 1500])
    assert (found.is_placed, found.is_metric) == (True, True)


def test_opencv_yaml_is_read_as_opencv_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", 1280)
    storage.write("image_height", 720)
    storage.write("camera_matrix", np.array(MATRIX))
    storage.write("distortion_coefficients", np.array([[0.1, -0.05, 0.001, 0.002, 0.0]]))
    storage.release()
    found = read_camera(path, 1280, 720)
    assert found.camera.distortion == (0.1, -0.05, 0.001, 0.002)
    assert found.camera.focal_px.tolist() == [1000, 1000]
    assert not found.is_placed


@pytest.mark.parametrize("ending", ["xml", "json", "yml"])
def test_all_that_opencv_writes_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"camera.{ending}"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("mtx", np.array(MATRIX))
    storage.write("dist", np.array([[0.1, -0.05, 0.001, 0.002, 0.0]]))
    storage.release()
    camera = read_camera(path, 1280, 720).camera
    assert camera.focal_px.tolist() == [1000, 1000]
    assert camera.distortion == (0.1, -0.05, 0.001, 0.002)


def test_yaml_of_ros_is_read(tmp_path: Path) -> None:
    path = tmp_path / "head.yaml"
    path.write_text(
        "image_width: 1280\nimage_height: 720\ncamera_name: head\ncamera_matrix:\n  rows: 3\n"
        "  cols: 3\n  data: [1000, 0, 650, 0, 1000, 350, 0, 0, 1]\n"
        "distortion_model: plumb_bob\ndistortion_coefficients:\n  rows: 1\n  cols: 5\n"
        "  data: [0.1, 0, 0, 0, 0.01]\n"
    )
    assert read_camera(path, 1280, 720).camera.distortion == (0.1, 0, 0, 0, 0.01)
    path.write_text(path.read_text().replace("plumb_bob", "equidistant"))
    with pytest.raises(InputError, match="fisheye"):
        read_camera(path, 1280, 720)


def test_qualisys_gives_the_camera_that_its_axes_and_64ths_of_pixels_mean(tmp_path: Path) -> None:
    rows = TURN * [[1.0], [-1.0], [-1.0]]  # its cameras look along -z, y up
    numbers = {f"r{i + 1}{j + 1}": rows[i, j] for i in range(3) for j in range(3)}
    place = " ".join(f'{k}="{v}"' for k, v in ({**numbers, "x": 0, "y": -4000, "z": 1500}).items())
    path = tmp_path / "Calib.qca.txt"
    path.write_text(
        '<calibration><cameras><camera serial="7"><fov_video left="0" right="1279" top="0" '
        f'bottom="719"/><transform {place}/><intrinsic sensorMinU="0" sensorMinV="0" '
        'focalLengthU="64000" focalLengthV="64000" centerPointU="41600" centerPointV="22400" '
        'radialDistortion1="0.1" radialDistortion2="-0.05" tangentalDistortion1="0.001" '
        'tangentalDistortion2="0.002"/></camera></cameras></calibration>'
    )
    found = read_camera(path, 1280, 720)
    same = read_camera(toml(tmp_path / "calib.toml"), 1280, 720).camera
    for name in ("focal_px", "center_px", "rotation", "translation_mm", "distortion"):
        assert np.allclose(getattr(found.camera, name), getattr(same, name)), name
    assert found.is_metric


def test_colmap_has_places_without_a_scale(tmp_path: Path) -> None:
    (tmp_path / "cameras.txt").write_text(
        "# Camera list\n1 OPENCV 1280 720 1000 1000 650 350 0.1 -0.05 0.001 0.002\n"
    )
    half = np.sqrt(0.5)
    (tmp_path / "images.txt").write_text(
        f"# Image list\n1 {half} {half} 0 0 0 1.5 4 1 left.jpg\n1.0 2.0 -1\n"
    )
    found = read_camera(tmp_path, 1280, 720)
    assert np.allclose(found.camera.rotation, TURN)
    assert found.camera.center_px.tolist() == [650, 350]  # its pixels have their corner at 0
    assert (found.is_placed, found.is_metric) == (True, False)
    (tmp_path / "images.txt").write_text(
        f"1 {half} {half} 0 0 0 1.5 4 1 a/left.jpg\n\n2 1 0 0 0 0 0 0 1 a/right.jpg\n\n\n"
    )
    assert np.allclose(read_camera(tmp_path, 1280, 720, stem="left").camera.rotation, TURN)
    assert np.allclose(read_camera(tmp_path, 1280, 720, name="right").camera.rotation, np.eye(3))
    (tmp_path / "images.txt").unlink()
    (tmp_path / "cameras.txt").write_text("1 OPENCV_FISHEYE 1280 720 1000 1000 650 350 0 0 0 0\n")
    with pytest.raises(InputError, match="fisheye"):
        read_camera(tmp_path / "cameras.txt", 1280, 720)


def test_a_camera_measured_at_another_size_is_scaled(tmp_path: Path) -> None:
    camera = read_camera(toml(tmp_path / "calib.toml"), 640, 360).camera
    assert camera.focal_px.tolist() == [500, 500]
    assert camera.center_px.tolist() == [325.25, 175.25]


def test_of_several_cameras_the_one_named_or_called_like_the_video_is_taken(tmp_path: Path) -> None:
    path = toml(tmp_path / "calib.toml")
    toml(path, "cam_02", matrix=str(MATRIX).replace("1000.0", "1200.0"))
    assert read_camera(path, 1280, 720, name="cam_02").camera.focal_px[0] == 1200
    assert read_camera(path, 1280, 720, stem="cam02").camera.focal_px[0] == 1200
    with pytest.raises(InputError, match=r"2 cameras, cam_01, cam_02; say which with --camera-n"):
        read_camera(path, 1280, 720, stem="clip")
    with pytest.raises(InputError, match="'third', expected one of cam_01, cam_02"):
        read_camera(path, 1280, 720, name="third")


def test_names_of_cameras_may_be_of_any_script_but_not_twice_the_same(tmp_path: Path) -> None:
    path = toml(tmp_path / "calib.toml")
    toml(path, "cam_02", matrix=str(MATRIX).replace("1000.0", "1200.0"))
    text = path.read_text(encoding="utf-8").replace('"cam_01"', '"左"').replace('"cam_02"', '"右"')
    path.write_text(text, encoding="utf-8")
    assert read_camera(path, 1280, 720, name="右").camera.focal_px[0] == 1200
    with pytest.raises(InputError, match="2 cameras, 左, 右; say which"):
        read_camera(path, 1280, 720, stem="__")
    path.write_text(text.replace('"左"', '"右"'), encoding="utf-8")
    with pytest.raises(InputError, match="got 2 cameras called '右', expected one; rename them"):
        read_camera(path, 1280, 720, name="右")


def test_a_place_that_must_be_in_mm_is_taken_so(tmp_path: Path, capsys) -> None:
    path = toml(tmp_path / "calib.toml", translation="[0.0, 1500.0, 4000.0]")
    assert np.allclose(read_camera(path, 1280, 720).camera.position_mm, [0, -4000, 1500])
    assert "taken as mm" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "size", "message"),
    [
        ({}, (1000, 1000), "another shape; give the camera of this video"),
        ({}, (720, 1280), "another shape; turn the video as the camera was"),
        ({"fisheye": "true"}, (1280, 720), "fisheye"),
        ({"matrix": str(MATRIX).replace("650.0", "nan")}, (1280, 720), "NaN"),
        ({"matrix": "[1.0, 2.0]"}, (1280, 720), r"matrix has shape \(2,\)"),
        ({"matrix": str(MATRIX).replace("1000.0", "-1.0")}, (1280, 720), "focal lengths"),
        ({"rotation": "[[2.0,0,0],[0,1.0,0],[0,0,1.0]]"}, (1280, 720), "expected a rotation"),
        ({"rotation": "[1.0, 0.0]"}, (1280, 720), "Rodrigues"),
        ({"translation": "[1.0, 0.0]"}, (1280, 720), r"translation has shape \(2,\)"),
        ({"translation": "1.0"}, (1280, 720), r"translation has shape \(\)"),
        ({"distortions": "[0.1, 0.2]"}, (1280, 720), "2 coefficients"),
        ({"size": "[0.0, 720.0]"}, (1280, 720), "positive"),
        ({"size": "", "matrix": str(MATRIX)}, (3840, 2160), "add image_width and image_height"),
    ],
)
def test_what_is_no_camera_of_the_video_is_refused(
    tmp_path: Path, changed: dict, size: tuple[int, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_camera(toml(tmp_path / "calib.toml", **changed), *size)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("calib.toml", "[[", "cannot be read as TOML"),
        ("calib.toml", "a = 1\n", "no camera in it"),
        ("calib.xml", "<a>", "cannot be read as Qualisys or OpenCV"),
        ("camera.yaml", "a: [1, 2\n", "cannot be read as OpenCV"),
        ("cameras.txt", "1 WIDE 3 4 5\n", "camera model WIDE"),
        ("cameras.txt", "1 OPENCV 1280 720 900 900\n", "OPENCV with 2 numbers, expected 8"),
        ("camera.json", "[1, 2]", "no camera in it"),
        ("camera.json", "", "no camera in it"),
        ("camera.pkl", "", "by its ending"),
    ],
)
def test_other_files_are_refused_in_one_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_camera(tmp_path / name, 1280, 720)
    with pytest.raises(InputError, match="no such file"):
        read_camera(tmp_path / "missing.toml", 1280, 720)


def test_a_file_that_keeps_its_parser_busy_for_ever_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "LEAST_S", 2.0)
    (tmp_path / "camera.yaml").write_text(
        "%YAML_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\nncv-matrix\n   rows: 3\n"
    )
    with pytest.raises(InputError, match="takes more than 2 s to read"):
        read_camera(tmp_path / "camera.yaml", 1280, 720)
