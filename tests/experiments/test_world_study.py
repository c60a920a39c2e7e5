"""Parts of the study of places: what true values are worth, places against triangulated people."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from made_up import FOCAL_PX, HEIGHT, WIDTH, track_of

from overpose.camera import Camera
from overpose.experiments.world.clips import WorldClip
from overpose.experiments.world.errors import errors_of
from overpose.experiments.world.parts import shipped_estimator, whole_track, with_truth
from overpose.experiments.world.recordings import _place_row
from overpose.experiments.world.tables import table_text
from overpose.layouts import BLAZEPOSE_33
from overpose.measure.triangulation import TriangulatedPerson
from overpose.measure.video_reference import JOINT_NAMES
from overpose.skeleton import FOOT_ANKLES, HUMAN36M
from overpose.video.world.level import Level

FRAMES = 20
CAMERA = Camera(
    np.repeat(FOCAL_PX, 2), np.array([WIDTH, HEIGHT]) / 2, np.eye(3), np.zeros(3), WIDTH, HEIGHT
)


def walker() -> WorldClip:
    """Somebody who walks, with keypoints without error where joints have one."""
    track = track_of(("walking",), FRAMES)
    joints = (track.poses_mm + track.root_mm[:, :, None])[0]
    feet = joints[:, FOOT_ANKLES] + np.float32([0, 70, 0])
    keypoints = np.full((FRAMES, 33, 3), np.nan, np.float32)
    for name in BLAZEPOSE_33.names:
        if name in HUMAN36M.joint_names:
            place = BLAZEPOSE_33.index(name)
            keypoints[:, place, :2] = CAMERA.project_camera(joints[:, HUMAN36M.index(name)])
            keypoints[:, place, 2] = 1
    height = float(feet[..., 1].max())
    world = Level(np.array([0.0, -1.0, 0.0]), height).camera_to_world()
    contact = np.zeros((FRAMES, 2), bool)
    return WorldClip("walking", keypoints, joints, feet, contact, world, FOCAL_PX, WIDTH, HEIGHT)


def test_true_values_take_the_place_of_estimates() -> None:
    clip = walker()
    estimator = shipped_estimator()
    tracks = with_truth(estimator, clip, whole_track(estimator, clip))
    found = {
        name: errors_of(track.poses_mm[0] + track.root_mm[0][:, None], clip, track.camera_to_world)
        for name, track in tracks.items()
    }
    assert found["true poses, focal length"].position_mm < 25
    assert found["true poses, focal length"].position_mm < found["true focal length"].position_mm
    assert tracks["true focal length"].focal_px == pytest.approx(clip.focal_px)
    floor = tracks["true focal length, floor"].camera_to_world
    assert floor is not None
    assert np.allclose(floor, clip.camera_to_world)
    places = tracks["true places of the pelvis"]
    assert np.allclose(places.root_mm[0], clip.joints_mm[:, 0])


def test_places_against_triangulation_are_a_ratio_of_distances_and_a_position() -> None:
    clip = walker()
    chosen = HUMAN36M.indices(JOINT_NAMES)
    turned = replace(CAMERA, rotation=np.float64([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]))
    points = turned.to_world_mm(clip.joints_mm[:, chosen].astype(np.float64))
    person = TriangulatedPerson(points, (0, 0, 0), (0.0, 0.0, 0.0))
    track = replace(
        track_of(("walking",), FRAMES),
        poses_mm=(clip.joints_mm - clip.joints_mm[:, :1])[None] * np.float32(1.1),
        root_mm=clip.joints_mm[None, :, 0] * np.float32(1.1),
    )
    row = _place_row(person, 0, track, turned)
    assert row["distance_ratio"] == pytest.approx(1.1, abs=1e-4)
    assert 1 < row["position_mm"] < 100
    same = _place_row(person, 0, replace(
        track, poses_mm=track.poses_mm / np.float32(1.1), root_mm=track.root_mm / np.float32(1.1)
    ), turned)  # fmt: skip
    assert same["position_mm"] == pytest.approx(0, abs=0.01)


def test_contacts_are_counted_both_ways() -> None:
    clip = walker()
    truth = clip.contact.copy()
    truth[:10, 0] = True
    said = np.zeros_like(truth)
    said[5:20, 0] = True
    found = errors_of(clip.joints_mm, replace(clip, contact=truth), None, said)
    assert (found.contact_right, found.contact_found) == (pytest.approx(1 / 3), pytest.approx(0.5))


def test_the_report_shows_every_row() -> None:
    errors = asdict(errors_of(walker().joints_mm, walker(), None))
    row = {"split": "train", "part": "and floor", "clips": 1, **errors, "sink_mm": None}
    camera = {"split": "train", "focal_share": 0.1, "found": 1.0, "up_deg": 3.0, "tilt_deg": 2.0,
              "roll_deg": 1.0, "height_mm": 300.0}  # fmt: skip
    band = {"split": "train", "from": 0.7, "to": 0.88, "clips": 1, "focal_share": 0.05,
            "height_mm": 250.0, "position_mm": 90.0, "path_ratio": 1.02}  # fmt: skip
    place = {"recording": "hall", "person": 1, "camera": "cam01", "distance_mm": 4000.0,
             "distance_ratio": 0.9, "position_mm": 80.0, "measured_distance_ratio": 0.98,
             "measured_position_mm": 70.0}  # fmt: skip
    turns = {"split": "train", "turned_deg": 12.3, "found": 0.75, "turn_deg": 0.11,
             "turn_end_deg": 0.22, "known_focal_deg": 0.05, "assumed_share": 0.15,
             "focal_share": 0.04, "look_ms": 2.9}  # fmt: skip
    angle = {"split": "train", "angle": "knee_flexion", "error_deg": 8.2, "median_deg": 5.7,
             "bias_deg": -1.9, "low_by_true_deg": 7.8, "high_by_true_deg": -7.1,
             "low_by_found_deg": -2.4, "high_by_found_deg": -1.8}  # fmt: skip
    counts = {"split": "test", "clips": 12, "true": 6, "found": 5, "false": 1, "counted_right": 11}
    squats = {**counts, "true_knee_deg": 130.0, "knee_deg_error": 8.4, "knee_deg_bias": -2.3,
              "true_depth_mm": 524.0, "depth_mm_error": 31.2, "depth_mm_bias": -13.8}  # fmt: skip
    others = {**counts, "true_number": 3.1, "number_error": 0.25, "number_bias": 0.25,
              "true_range_deg": None, "range_deg_error": None, "range_deg_bias": None}  # fmt: skip
    filmed = {"recording": "hall", "camera": "cam01", **camera, "focal_share": -0.09}
    text = table_text({
        "protocol": "p", "commit": "c", "machine": "m", "date": "d", "rows": [row],
        "cameras": [camera], "by_focal": [band], "turning": [turns],
        "angles": [angle], "squats": [squats], "repetitions": [others],
        "recordings": [filmed], "places": [place],
    })  # fmt: skip
    assert "| train | 0.7 to 0.88 | 1 | 5 % | 250.0 | 90.0 | 1.02 |" in text
    assert "| train | 12.3 | 75 % | 0.11 | 0.22 | 0.05 | 15 % | 4 % | 2.9 |" in text
    assert "| train | knee_flexion | 8.2 | 5.7 | -1.9 | +7.8 | -7.1 | -2.4 | -1.8 |" in text
    squatted = "| test | 12 | 6 | 5 | 1 | 11 | 130.0 | 8.4 | -2.3 | 524.0 | 31.2 | -13.8 |"
    assert squatted in text
    assert "| test | 12 | 6 | 5 | 1 | 11 | 3.1 | 0.25 | +0.2 |  |  |  |" in text
    assert "| hall | cam01 | -9 % | 3.0 |" in text
    assert "| hall | 1 | cam01 | 4.00 | 0.90 | 80.0 | 0.98 | 70.0 |" in text
