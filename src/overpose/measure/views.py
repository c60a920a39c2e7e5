"""Predictions from single cameras against people triangulated from all of them.

A directory holds a file of measured cameras and a video for each, in step. The reference is made of
the program's own keypoints in all views (`triangulation`), so it knows depth, which a single view
does not, and says nothing about where exactly keypoints should lie.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from overpose.camera import Camera
from overpose.layouts import BLAZEPOSE_33
from overpose.measure.triangulation import (
    TriangulatedPerson,
    seen_distances_px,
    triangulate_people,
)
from overpose.measure.video_reference import JOINT_NAMES, length_std
from overpose.metrics import p_mpjpe
from overpose.poses import PoseTrack
from overpose.report.header import report_header
from overpose.report.tables import markdown_lines
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output, require_writable, write_json, writing_file
from overpose.video.estimator import PoseEstimator
from overpose.video.measured_cameras import read_camera
from overpose.video.options import PredictOptions

CAMERA_FILES = ("*.qca.txt", "cameras.toml")
FEWEST_VIEWS = 3
"""People seen by fewer cameras have no reference that their own view has not made."""


@dataclass(frozen=True)
class ViewRow:
    """One person in one camera.

    Attributes:
        person: from 1 on.
        camera: name of the video.
        frames: how many count: those in which the person has a pose and a reference.
        somebody_else: frames of the track that lie nearer to another person's reference.
        p_mpjpe_mm: over the 12 joints, each pose aligned by itself.
        limb_length_std_mm: standard deviation over time of the lengths of thighs, shanks, upper
            arms and forearms, averaged over these.
        residual_px: median distance of the track's keypoints from where the other cameras put them.
    """

    person: int
    camera: str
    frames: int
    somebody_else: int
    p_mpjpe_mm: float
    limb_length_std_mm: float
    residual_px: float


def evaluate_views(
    directory: Path,
    output: Output,
    *,
    keypoints: Literal["auto", "full", "heavy"] = "auto",
    model: Path | None = None,
) -> list[ViewRow]:
    """Measure everybody whom three cameras see; writes `report.json` and `tables.md`.

    Args:
        directory: with the videos and one of `CAMERA_FILES`.
        output: directory of the report, and whether an earlier one is replaced.
        keypoints: "full" or "heavy"; "auto" is full, as for any video.
        model: directory of a lifter to take instead of the shipped ones.

    Raises:
        InputError: a file is missing or not as expected, or no three cameras see the same person.
    """
    out = output.out
    require_writable(out / "report.json", overwrite=output.overwrite)
    calibration = _calibration(directory)
    videos = sorted(directory.glob("*.mp4"))
    if len(videos) < FEWEST_VIEWS:
        raise InputError(
            f"{directory}: got {len(videos)} videos (.mp4), expected {FEWEST_VIEWS} or more, in "
            f"step, or one for each camera and reference.trc"
        )
    estimator = PoseEstimator.from_pretrained(keypoints, model=model)
    tracks = [estimator.predict(video, PredictOptions(camera=calibration)) for video in videos]
    cameras = [
        read_camera(calibration, track.width, track.height, stem=video.stem).camera
        for video, track in zip(videos, tracks, strict=True)
    ]
    chosen = BLAZEPOSE_33.indices(JOINT_NAMES)
    seen = [track.keypoints_px[:, :, chosen] for track in tracks]
    people = triangulate_people(cameras, seen)
    people = [each for each in people if sum(t is not None for t in each.tracks) >= FEWEST_VIEWS]
    if not people:
        raise InputError(
            f"{directory}: no {FEWEST_VIEWS} cameras see the same person; are the videos in step, "
            f"and {calibration.name} of these cameras?"
        )
    rows = [
        _row(number, view, people, cameras[view], tracks[view], videos[view].stem)
        for number in range(len(people))
        for view, track in enumerate(people[number].tracks)
        if track is not None
    ]
    report = {
        "protocol": "P-MPJPE over 12 joints, each pose aligned by itself; the reference is "
        "triangulated from the keypoints of all cameras; lenses given",
        "dataset": directory.name,
        "keypoints": "full" if keypoints == "auto" else keypoints,
        "model": estimator.name,
        **report_header(),
        "without_reference": {
            video.stem: track.people - sum(each.tracks[view] is not None for each in people)
            for view, (video, track) in enumerate(zip(videos, tracks, strict=True))
        },
        "rows": [asdict(row) for row in rows],
    }
    with writing_file(out / "tables.md") as temporary:
        temporary.write_text(views_text(report), encoding="utf-8")
    write_json(out / "report.json", report)
    return rows


def views_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    cells = [
        [
            str(row["person"]),
            row["camera"],
            str(row["frames"]),
            str(row["somebody_else"]),
            *(f"{row[n]:.1f}" for n in ("p_mpjpe_mm", "limb_length_std_mm", "residual_px")),
        ]
        for row in report["rows"]
    ]
    others = ", ".join(f"{name}: {count}" for name, count in report["without_reference"].items())
    lines = [
        f"{report['dataset']}: {report['protocol']}. Model {report['model']}, commit "
        f"{report['commit']}, {report['machine']}, {report['date']}.",
        "",
        *markdown_lines(
            ("person", "camera", "frames", "as somebody else", "P-MPJPE mm", "limb std mm",
             "off the other cameras, px"),
            cells,
            left=2,
        ),
        "",
        f"Tracks without a reference: {others}.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _calibration(directory: Path) -> Path:
    found = [path for pattern in CAMERA_FILES for path in sorted(directory.glob(pattern))]
    if not found:
        raise InputError(
            f"{directory}: expected reference.trc and cameras.toml, or, to triangulate, a file of "
            f"measured cameras: {' or '.join(CAMERA_FILES)}"
        )
    return found[0]


def _row(
    number: int,
    view: int,
    people: list[TriangulatedPerson],
    camera: Camera,
    track: PoseTrack,
    name: str,
) -> ViewRow:
    person = people[number]
    place = person.tracks[view]
    assert place is not None  # `evaluate_views` leaves the others out
    truth = person.points_mm
    frames = min(len(truth), track.frames)
    poses = track.poses_mm[place, :frames][:, HUMAN36M.indices(JOINT_NAMES)].astype(np.float64)
    known = np.asarray(np.isfinite(poses).all(axis=(1, 2)))
    known &= np.asarray(np.isfinite(truth[:frames]).all(axis=(1, 2)))
    if not known.any():
        raise InputError(f"{name}: person {number + 1} has no frame with a pose and a reference")
    keypoints = track.keypoints_px[place, :frames][:, BLAZEPOSE_33.indices(JOINT_NAMES)]
    apart = np.stack(
        [
            np.nan_to_num(
                seen_distances_px(camera, each.points_mm[:frames], keypoints), nan=np.inf
            ).mean(axis=1)
            for each in people
        ]
    )
    else_where = known & (apart.argmin(axis=0) != number) & np.isfinite(apart.min(axis=0))
    return ViewRow(
        number + 1,
        name,
        int(known.sum()),
        int(else_where.sum()),
        float(p_mpjpe(poses[known], truth[:frames][known])),
        length_std(poses[known]),
        person.residuals_px[view],
    )
