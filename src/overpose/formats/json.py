"""JSON: one object with what the `.npz` holds, for programs in other languages."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overpose.formats.format import Format

if TYPE_CHECKING:
    import overpose.poses


def write(track: "overpose.poses.PoseTrack", path: Path) -> None:
    """One object: what the track says of itself, and for each person its frames, null where not
    seen; each frame a list of 17 positions, mm, or of 17 confidences, and where they are known of
    4 positions of the feet and of 17 expected errors, mm, and of 2 contacts of the feet."""
    from overpose.formats.points import joint_confidence, listed
    from overpose.support.files import writing_file

    confidence = joint_confidence(track)
    scores = track.person_score
    beside = {"feet_mm": track.feet_mm, "joint_error_mm": track.joint_error_mm}
    known = {name: values for name, values in beside.items() if values is not None}
    contact = track.foot_contact
    people: list[dict[str, Any]] = []
    for number, (poses, roots) in enumerate(zip(track.poses_mm, track.root_mm, strict=True), 1):
        score = math.nan if scores is None else float(scores[number - 1])
        people.append(
            {
                "person": number,
                **({"person_score": round(score, 3)} if math.isfinite(score) else {}),
                "poses_mm": listed(poses),
                "root_mm": listed(roots),
                "confidence": listed(confidence[number - 1]),
                **{name: listed(values[number - 1]) for name, values in known.items()},
                **({} if contact is None else {"foot_contact": contact[number - 1].tolist()}),
            }
        )
    value = {
        "format": "overpose pose track",
        "overpose_version": track.overpose_version,
        "model": track.model,
        "fps": track.fps,
        "frames": track.frames,
        "width": track.width,
        "height": track.height,
        "focal_px": track.focal_px,
        "focal_is_estimated": track.focal_is_estimated,
        **_of_camera(track),
        "axes": "camera: x right, y down, z forward",
        "joint_names": list(track.joint_names),
        "parents": list(track.parents),
        **({"foot_names": list(track.foot_names)} if track.foot_names else {}),
        "people": people,
    }
    with writing_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, allow_nan=False)
        file.write("\n")


def _of_camera(track: "overpose.poses.PoseTrack") -> dict[str, Any]:
    """What is known of camera and world besides the focal length."""
    values = {
        "focal_px_std": track.focal_px_std,
        "principal_px": track.principal_px,
        "distortion": track.distortion,
        "camera_is_static": track.camera_is_static,
        "world_is_estimated": track.world_is_estimated,
        "camera_to_world": track.camera_to_world,
        "moving_camera_to_world": track.moving_camera_to_world,
    }
    return {
        name: value if isinstance(value, bool | float) else value.tolist()
        for name, value in values.items()
        if value is not None
    }


FORMAT = Format("json", ".json", "one object, for programs in other languages", write)
