"""MOT: joint angles of one person as coordinates of OpenSim's model gait2392."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses

HIPS_FROM_PELVIS_M = (-0.0707, -0.0661)
"""In gait2392, how far forward and up the middle of the hips is of the pelvis' origin."""
HIP_WIDTH_M = 0.167
"""In gait2392, between the hips. Its pelvis is scaled by ours."""


def check(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """Refuse a track of several people or none, or with joints other than those of `HUMAN36M`."""
    from overpose.formats.points import require_house_joints

    require_house_joints(track, path, "a MOT", people=1)


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """The frames in which the only person of a track is seen, `inDegrees=yes`, in OpenSim's ground
    frame: y up, z towards the right of somebody who looks along x.

    Raises:
        InputError: as `check`.
    """
    import numpy as np

    from overpose.support.files import writing_file

    check(track, path)
    seen = np.flatnonzero(track.seen[0])
    columns = {"time": seen / track.fps, **coordinates(track)}
    lines = [
        path.stem, "version=1", f"nRows={len(seen)}", f"nColumns={len(columns)}", "inDegrees=yes",
        "endheader", "\t".join(columns),
    ]  # fmt: skip
    rows = np.stack(list(columns.values()), axis=1)
    lines += ["\t".join(f"{value:.6f}" for value in row) for row in rows]
    with writing_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def coordinates(track: "overpose.poses.PoseTrack") -> dict[str, Any]:
    """Coordinates of gait2392 by name, each (frames in which the first person is seen,) float64,
    degrees and metres. Turns go on past 180 degrees rather than jump; an ankle that is not known
    for some frames goes straight from what was known before to what is known after."""
    import numpy as np

    from overpose.angles import SIDES, body_axes, knee_flexion, thigh_turns, turns_zxy
    from overpose.formats.points import joints_camera_mm, steadied, track_angles, y_up
    from overpose.skeleton import HUMAN36M

    track = steadied(track)
    seen = track.seen[0]
    turn, shift_mm = y_up(track)
    axes = body_axes(track.poses_mm[0, seen], turn)
    joints_m = (joints_camera_mm(track)[0, seen] @ turn.T + shift_mm) / 1000
    left, right = (joints_m[:, HUMAN36M.index(f"{side}_hip")] for side in SIDES)
    scale = np.linalg.norm(right - left, axis=-1, keepdims=True) / HIP_WIDTH_M
    place_m = (left + right) / 2 - scale * (axes.pelvis @ np.array([*HIPS_FROM_PELVIS_M, 0.0]))
    turns = {
        "pelvis": dict(zip(("tilt", "list", "rotation"), turns_zxy(axes.pelvis), strict=True)),
        "lumbar": dict(
            zip(("extension", "bending", "rotation"), turns_zxy(axes.chest_on_pelvis), strict=True)
        ),
    }
    pelvis, lumbar = (
        {f"{part}_{name}": np.unwrap(value, period=360) for name, value in named.items()}
        for part, named in turns.items()
    )
    values = pelvis | {f"pelvis_t{axis}": place_m[:, row] for row, axis in enumerate("xyz")}
    for side in reversed(SIDES):
        flexion, adduction = thigh_turns(axes, side)
        values[f"hip_flexion_{side[0]}"] = np.unwrap(flexion, period=360)
        values[f"hip_adduction_{side[0]}"] = adduction
        values[f"knee_angle_{side[0]}"] = -knee_flexion(axes, side)
        ankle = track_angles(track).get(f"{side}_ankle_dorsiflexion", np.empty(0))
        known = np.isfinite(ankle)
        if known.any():
            filled = np.interp(np.flatnonzero(seen), np.flatnonzero(known[0]), ankle[known])
            values[f"ankle_angle_{side[0]}"] = filled
    return values | lumbar


FORMAT = Format(
    "mot", ".mot", "joint angles over time, for OpenSim's model gait2392", write,
    per_person=True, in_world=True, check=check,
)  # fmt: skip
