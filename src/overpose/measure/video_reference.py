"""Predictions on real videos against a reference in 3D, beside BlazePose's own 3D.

A directory holds `reference.trc` (named joints), `cameras.toml` (for each camera a table with its
`name` and intrinsic `matrix`) and a video for each camera. Errors are after a similarity alignment
of each pose, so neither the axes of the reference nor the places of the cameras matter.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from overpose.keypoints.blazepose import BlazePose, Complexity, Region
from overpose.keypoints.people import PRESENT
from overpose.layouts import BLAZEPOSE_33
from overpose.media.video import open_media
from overpose.metrics import p_mpjpe
from overpose.mocap.trc import read_trc
from overpose.report.header import report_header
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError
from overpose.support.files import Output, require_writable, write_json, writing_file
from overpose.video.estimator import PoseEstimator
from overpose.video.options import PredictOptions

REFERENCE = "reference.trc"
PARTS = ("Hip", "Knee", "Ankle", "Shoulder", "Elbow", "Wrist")
REFERENCE_NAMES = tuple(f"{side}{part}" for side in "LR" for part in PARTS)
JOINT_NAMES = tuple(
    f"{'left' if name[0] == 'L' else 'right'}_{name[1:].lower()}" for name in REFERENCE_NAMES
)
"""The 12 joints compared, by the reference's names and by ours."""
_LIMBS = tuple(
    (JOINT_NAMES.index(f"{side}_{first}"), JOINT_NAMES.index(f"{side}_{second}"))
    for side in ("left", "right")
    for first, second in (
        ("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class VideoRow:
    """One camera.

    Attributes:
        camera: name of the video.
        frames: how many count; those in which nobody was found do not.
        missed: how many those are.
        p_mpjpe_mm: of overpose, over the 12 joints and all frames.
        blazepose_p_mpjpe_mm: of BlazePose's own 3D.
        limblength_std_mm: standard deviation over time of the lengths of thighs, shanks, upper
            arms and forearms, averaged over these.
        blazepose_limblength_std_mm: the same of BlazePose's own 3D.
    """

    camera: str
    frames: int
    missed: int
    p_mpjpe_mm: float
    blazepose_p_mpjpe_mm: float
    limblength_std_mm: float
    blazepose_limblength_std_mm: float


def evaluate_video(
    directory: Path,
    output: Output,
    *,
    keypoints: Literal["auto", "full", "heavy"] = "auto",
    model: Path | None = None,
) -> list[VideoRow]:
    """Measure every camera; writes `report.json` and `tables.md`.

    Args:
        directory: with `reference.trc`, `cameras.toml` and the videos.
        output: directory of the report, and whether an earlier one is replaced.
        keypoints: "full" or "heavy"; "auto" is full, as for any video.
        model: directory of a lifter to take instead of the shipped ones.

    Raises:
        InputError: a file is missing or not as expected.
    """
    out = output.out
    require_writable(out / "report.json", overwrite=output.overwrite)
    reference = _reference(directory / REFERENCE)
    cameras = _cameras(directory / "cameras.toml")
    complexity: Complexity = "full" if keypoints == "auto" else keypoints
    estimator = PoseEstimator.from_pretrained(complexity, model=model)
    engine = BlazePose.from_assets(complexity)
    rows = []
    for name, focal_px in cameras.items():
        video = next(iter(sorted(directory.glob(f"{name}.*"))), None)
        if video is None:
            raise InputError(f"{directory}: no video of camera {name}, expected {name}.mp4")
        track = estimator.predict(video, PredictOptions(people=1, focal_px=focal_px))
        if track.people == 0:
            raise InputError(f"{video}: nobody was found, so there is nothing to compare")
        poses = track.poses_mm[0][:, HUMAN36M.indices(JOINT_NAMES)]
        own = _blazepose(video, engine)
        frames = min(len(reference), len(poses))
        seen = np.asarray(np.isfinite(poses[:frames]).all(axis=(1, 2)))
        seen &= np.asarray(np.isfinite(own[:frames]).all(axis=(1, 2)))
        truth = reference[:frames][seen]
        rows.append(
            VideoRow(
                name,
                int(seen.sum()),
                int(frames - seen.sum()),
                float(p_mpjpe(poses[:frames][seen].astype(np.float64), truth)),
                float(p_mpjpe(own[:frames][seen], truth)),
                length_std(poses[:frames][seen]),
                length_std(own[:frames][seen]),
            )
        )
    report = {
        "protocol": "P-MPJPE over 12 joints, each pose aligned by itself; focal length given",
        "dataset": directory.name,
        "keypoints": complexity,
        "model": estimator.name,
        **report_header(),
        "rows": [asdict(row) for row in rows],
    }
    with writing_file(out / "tables.md") as temporary:
        temporary.write_text(table_text(report), encoding="utf-8")
    write_json(out / "report.json", report)
    return rows


def table_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown, with the mean over the cameras."""
    numbers = (
        "p_mpjpe_mm", "blazepose_p_mpjpe_mm", "limblength_std_mm", "blazepose_limblength_std_mm",
    )  # fmt: skip
    lines = [
        f"{report['dataset']}: {report['protocol']}. Model {report['model']}, commit "
        f"{report['commit']}, {report['machine']}, {report['date']}.",
        "",
        "| camera | frames | missed | P-MPJPE mm | BlazePose's 3D | limb std mm | BlazePose's |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in report["rows"]:
        cells = [row["camera"], str(row["frames"]), str(row["missed"])]
        cells += [f"{row[name]:.1f}" for name in numbers]
        lines.append(f"| {' | '.join(cells)} |")
    means = [float(np.mean([row[name] for row in report["rows"]])) for name in numbers]
    lines.append(f"| mean | | | {' | '.join(f'{value:.1f}' for value in means)} |")
    return "\n".join(lines) + "\n"


def _reference(path: Path) -> np.ndarray:
    """(frames, 12, 3) mm."""
    table = read_trc(path)
    missing = [name for name in REFERENCE_NAMES if name not in table.names]
    if missing:
        raise InputError(f"{path}: no joint {missing[0]}; expected {', '.join(REFERENCE_NAMES)}")
    return table.points_mm[:, [table.names.index(name) for name in REFERENCE_NAMES]]


def _cameras(path: Path) -> dict[str, float]:
    """Focal length, pixels, by the name of the video."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        cameras = {
            str(table["name"]).replace("_", ""): float(table["matrix"][0][0])
            for table in tables.values()
            if "matrix" in table
        }
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; expected the cameras") from None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{path}: {error}; expected a table with name and matrix for each camera"
        ) from None
    if not cameras:
        raise InputError(f"{path}: got no camera, expected one at least")
    return cameras


def _blazepose(video: Path, engine: BlazePose) -> np.ndarray:
    """(frames, 12, 3) BlazePose's own 3D of the largest person, mm, whose region is followed."""
    rows = BLAZEPOSE_33.indices(JOINT_NAMES)
    poses: list[np.ndarray] = []
    region: Region | None = None
    with open_media(video) as media:
        for frame in media:
            if region is None:
                found = engine.detect(frame.image, tiles=False)
                region = max(found, key=lambda each: each.size) if found else None
            pose = np.full((len(rows), 3), np.nan)
            if region is not None:
                landmarks = engine.landmarks(frame.image, region)
                is_there = landmarks.presence >= PRESENT
                region = landmarks.region if is_there else None
                if is_there:
                    pose = landmarks.world_mm[rows].astype(np.float64)
            poses.append(pose)
    return np.stack(poses)


def length_std(poses: np.ndarray) -> float:
    """Of limbs' lengths over time, averaged over the limbs, of poses (frames, 12, 3)."""
    starts, ends = np.array(_LIMBS).T
    lengths = np.linalg.norm(poses[:, starts] - poses[:, ends], axis=-1)
    return float(lengths.std(axis=0).mean())
