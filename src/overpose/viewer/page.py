"""One HTML file that shows a pose track anywhere, offline: skeletons in 3D beside the video.

The looks and the behaviour of the page are in `page.html`, `page.css` and the six `page*.js`; the
live viewer is `scene`.
"""

import base64
import html
import json
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from overpose.movement.cycles import Cycles
from overpose.poses import PoseTrack
from overpose.skeleton import side_and_part
from overpose.support.errors import InputError
from overpose.support.files import require_writable, writing_file
from overpose.support.object_storage import path_of
from overpose.support.version import VERSION
from overpose.viewer.bodies import Bodies, ShownBody, bodies_of
from overpose.viewer.clip import ClipPlan, read_clip
from overpose.viewer.shown import SIDE_COLOURS, Show, ShownPerson, keypoint_edges, show_of

BYTES_PER_SECOND = 650_000
"""Of pictures, before base64: a clip of ten seconds makes a page of less than 10 MB."""
MOST_BYTES = 36_000_000
"""Of pictures in one page, however long the clip."""

_SCRIPTS = (
    "page_data.js", "page_body.js", "page_space.js", "page_picture.js", "page_angles.js", "page.js",
)  # fmt: skip
_MISSING = -32768


def write_page(
    tracks: PoseTrack | Mapping[str, PoseTrack],
    path: Path | str,
    *,
    video: Path | str | None = None,
    title: str | None = None,
    overwrite: bool = False,
    max_images: int = 1500,
) -> None:
    """Write one self-contained HTML file that plays the poses, and the video if it is given.

    The file needs no network and asks for none. It shows all people in 3D from any side, as bodies
    or sticks (`bodies_of`), the camera and the floor, the video with keypoints drawn over it, joint
    angles and their curves, and a timeline. Pictures of the video are embedded small, about 9 MB
    for ten seconds and 50 MB at most; of a clip of more than `max_images` frames only every second,
    third, … is. Bodies add half a megabyte, and 0.1 for each further person.

    Args:
        tracks: one track, or several by name; the first one's camera is the camera shown.
        path: where to write; its name ends in .html or .htm.
        video: the photo or video that the first track is of.
        title: heading of the page; the name of the file if not given.
        overwrite: whether to replace an existing file.
        max_images: how many pictures of the video to embed at most.

    Raises:
        InputError: the name does not end in .html, the file exists and `overwrite` is false,
            there is no track, or the video cannot be read.
    """
    path = path_of(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: expected a file name that ends in .html")
    if max_images < 1:
        raise InputError(f"max_images: got {max_images}, expected at least 1")
    require_writable(path, overwrite=overwrite)
    show = show_of(tracks)
    bodies = bodies_of(show.people)
    title = path.stem if title is None else title
    data = _data(show, title)
    if bodies is not None:
        data["body"] = _surface(bodies)
        for person, body in zip(data["people"], bodies.people, strict=True):
            person["body"] = None if body is None else _body(body)
    if video is not None:
        data["clip"] = _clip(show, path_of(video), max_images)
    parts = {
        "TITLE": html.escape(title),
        "STYLE": _part("page.css"),
        "SCRIPT": "\n".join(_part(name) for name in _SCRIPTS),
        "DATA": _json_in_html(data),
    }
    page = re.sub(r"@([A-Z]+)@", lambda match: parts[match[1]], _part("page.html"))
    with writing_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _part(name: str) -> str:
    return resources.files("overpose.viewer").joinpath(name).read_text(encoding="utf-8")


def _json_in_html(data: dict[str, Any]) -> str:
    """JSON that no HTML parser takes for anything else, whatever names it holds."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(show: Show, title: str) -> dict[str, Any]:
    return {
        "title": title,
        "version": VERSION,
        "model": show.model,
        "fps": show.fps,
        "frames": show.frames,
        "width": show.width,
        "height": show.height,
        "focal": show.focal_px,
        "focalIsEstimated": show.focal_is_estimated,
        "principal": show.camera.center_px.tolist(),
        "distortion": list(show.camera.distortion),
        "levels": np.round(show.levels, 6).tolist(),
        "floor": round(show.floor_mm, 1),
        "middle": [round(float(value), 1) for value in show.middle_mm],
        "size": round(show.size_mm, 1),
        "group": round(show.group_mm, 1),
        "colours": SIDE_COLOURS,
        "people": [_person(person) for person in show.people],
        "body": None,
        "clip": None,
    }


def _person(person: ShownPerson) -> dict[str, Any]:
    names = person.joint_names
    return {
        "label": person.label,
        "colour": person.colour,
        "fps": person.fps,
        "frames": person.frames,
        "joints": names,
        "sides": [side_and_part(name)[0] for name in names],
        "limbs": person.limbs.tolist(),
        "root": _packed(person.root_mm),
        "poses": _packed(person.poses_mm),
        "angles": {name: _packed(values) for name, values in person.angles.items()},
        "cycles": None if person.cycles is None else _cycles(person, person.cycles),
        "keypoints": {
            "names": person.keypoint_names,
            "sides": [side_and_part(name)[0] for name in person.keypoint_names],
            "edges": keypoint_edges(person.keypoint_names),
            "xy": _packed(person.keypoints_px[..., :2]),
            "score": _packed(person.keypoints_px[..., 2]),
        },
    }


def _surface(bodies: Bodies) -> dict[str, Any]:
    surface = bodies.surface
    eighths = np.rint(surface.weights / 257).astype(np.uint8)
    return {
        "parents": bodies.bone_parents.tolist(),
        "joints": _base64(surface.joints.tobytes()),
        "weights": _base64(eighths.tobytes()),
        "faces": _base64(np.concatenate(surface.faces).astype("<u2").tobytes()),
        "coloured": len(surface.faces[0]),
    }


def _body(body: ShownBody) -> dict[str, Any]:
    turns = Rotation.from_matrix(body.rotations.reshape(-1, 3, 3)).as_quat()
    return {
        "rest": _packed(body.rest_mm),
        "bones": _packed(body.bones_mm),
        "turns": _packed(turns),
        "places": _packed(body.heads_mm[:, 0]),
    }


def _cycles(person: ShownPerson, cycles: Cycles) -> dict[str, Any]:
    means = {name: cycles.mean_of(name, values) for name, values in person.angles.items()}
    return {
        "title": cycles.title,
        "spans": {side: np.round(spans, 2).tolist() for side, spans in cycles.spans.items()},
        "means": {
            name: {
                "mean": _packed(each.mean), "spread": _packed(each.spread), "count": each.count,
            }
            for name, each in means.items() if each is not None
        },
    }  # fmt: skip


def _packed(values: np.ndarray) -> dict[str, Any]:
    """Numbers as 16 bits with a common scale; -32768 where there is none."""
    finite = np.isfinite(values)
    largest = float(np.abs(values[finite]).max()) if finite.any() else 0.0
    scale = largest / 32767 or 1.0
    whole = np.where(finite, np.rint(np.where(finite, values, 0) / scale), _MISSING)
    return {"scale": scale, "data": _base64(whole.astype("<i2").tobytes())}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _clip(show: Show, video: Path, max_images: int) -> dict[str, Any]:
    length_s = show.frames / show.fps
    plans: list[ClipPlan] = []
    images = [
        _base64(jpeg)
        for jpeg in read_clip(
            video,
            length_s,
            max_bytes=int(min(MOST_BYTES, BYTES_PER_SECOND * max(1.0, length_s))),
            max_images=max_images,
            shape=(show.width, show.height),
            fps=show.fps,
            on_plan=plans.append,
        )
    ]
    plan = plans[0]
    return {
        "name": video.name,
        "fps": plan.fps,
        "step": plan.step,
        "width": plan.width,
        "height": plan.height,
        "images": images,
    }
