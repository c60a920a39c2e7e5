"""Keypoint layouts: which point of the body each row of a keypoint array is, by name.

Reading files belongs to `keypoint_files`; what a layout is, and the skeleton of the 3D poses, to
`overpose.skeleton`.
"""

import re
from collections.abc import Sequence

import numpy as np

from overpose.skeleton import FEET, HUMAN36M, KeypointLayout
from overpose.support.errors import InputError

# fmt: off
_BLAZEPOSE = (
    "nose",
    "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
    "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)
_COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)
_BODY_25 = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "left_foot_index", "left_small_toe", "left_heel",
    "right_foot_index", "right_small_toe", "right_heel",
)
_FEET = (
    "left_foot_index", "left_small_toe", "left_heel",
    "right_foot_index", "right_small_toe", "right_heel",
)
_HALPE_26 = (
    *_COCO, "head_top", "neck", "pelvis",
    "left_foot_index", "right_foot_index", "left_small_toe", "right_small_toe",
    "left_heel", "right_heel",
)
_COCO_18 = (
    "nose", "neck",
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)
_PARTS = {  # what others call the same points; sides are handled apart
    "big_toe": "foot_index", "toe": "foot_index", "bigtoe": "foot_index",
    "footindex": "foot_index", "smalltoe": "small_toe", "pinky_toe": "small_toe",
}
_WHOLE = {
    "midhip": "mid_hip", "hip_center": "mid_hip", "hip_centre": "mid_hip", "root": "pelvis",
    "hip": "pelvis", "thorax": "neck", "torso": "spine", "belly": "spine", "head": "head_top",
    "headtop": "head_top", "top_of_head": "head_top",
}
# fmt: on
_MIDDLES = {"pelvis": "hip", "mid_hip": "hip", "neck": "shoulder"}
"""What is taken for the middle of left and right where it is absent."""


BLAZEPOSE_33 = KeypointLayout("blazepose-33", _BLAZEPOSE)
"""The 33 landmarks of MediaPipe's BlazePose, by MediaPipe's own names."""
COCO_17 = KeypointLayout("coco-17", _COCO)
"""The 17 keypoints of COCO."""
BODY_25 = KeypointLayout("body-25", _BODY_25)
"""OpenPose's BODY_25; its big toes are called foot_index here, as BlazePose calls them."""
HUMAN36M_17 = HUMAN36M.layout
"""The joints of the house skeleton as keypoints."""

HALPE_26 = KeypointLayout("halpe-26", _HALPE_26)
"""Halpe's: COCO's, the top of the head, neck, pelvis, feet; what Pose2Sim and Sports2D use."""
COCO_18 = KeypointLayout("coco-18", _COCO_18)
"""OpenPose's COCO model: COCO's 17 in another order, and the neck."""
WHOLEBODY_133 = KeypointLayout("coco-wholebody-133", (*_COCO, *_FEET))
"""COCO-WholeBody's: COCO's 17 and 6 of the feet."""

LAYOUTS = (BLAZEPOSE_33, COCO_17, BODY_25, HUMAN36M_17, HALPE_26, COCO_18, WHOLEBODY_133)
"""Every layout with a name of its own."""
WITH_FACE_AND_HANDS = {HALPE_26: 136, WHOLEBODY_133: 133}
"""How many keypoints there are where those of face and hands follow, which are not read."""

_OTHER_NAMES = {
    "mediapipe-33": BLAZEPOSE_33, "mediapipe": BLAZEPOSE_33, "blazepose": BLAZEPOSE_33,
    "coco": COCO_17, "openpose-25": BODY_25, "openpose": BODY_25, "body25": BODY_25,
    "halpe": HALPE_26, "body-with-feet": HALPE_26, "openpose-18": COCO_18,
    "wholebody": WHOLEBODY_133, "whole-body": WHOLEBODY_133, "wholebody-133": WHOLEBODY_133,
    "coco-133": WHOLEBODY_133, "coco-wholebody": WHOLEBODY_133, "halpe-136": HALPE_26,
    "h36m-17": HUMAN36M_17, "h36m": HUMAN36M_17, "human36m": HUMAN36M_17,
}  # fmt: skip


FOOT_KEYPOINTS = tuple(name.replace("toe", "foot_index") for name in FEET.names)
"""The keypoints of heels and toes, in the order of `FEET`."""


def known_names() -> frozenset[str]:
    """Every keypoint that some layout has."""
    return frozenset(name for layout in LAYOUTS for name in layout.names)


def canonical_name(name: str) -> str:
    """The name used here for a keypoint: lower snake case, side first (but mouth_left).

    `LShoulder`, `Left Shoulder`, `l_shoulder`, `shoulder_left` are all `left_shoulder`; `LBigToe`
    is `left_foot_index`. Names that are not known come back in lower snake case.
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    words = [word for word in re.split(r"[^0-9a-z]+", spaced.lower()) if word]
    side = ""
    for short, long in (("l", "left"), ("r", "right")):
        for place in (0, -1):
            if not side and len(words) > 1 and words[place] in (short, long):
                side = long
                del words[place]
    part = "_".join(words)
    if not side:
        for long in ("left", "right"):  # leftshoulder
            if part.startswith(long) and part != long:
                side, part = long, part.removeprefix(long)
                break
    if not side:
        return _WHOLE.get(part, part)
    if part == "mouth":
        return f"mouth_{side}"
    return f"{side}_{_PARTS.get(part, part)}"


def layout_of(value: "str | int | Sequence[str]") -> KeypointLayout:
    """The layout meant by its name, by the number of keypoints, or by the keypoints' names.

    Names may come in any usual spelling (see `canonical_name`) and in any order: a layout that is
    not one of `LAYOUTS` is called `custom`. 17 keypoints without names are taken for COCO's;
    Human3.6M's have to be named.

    Raises:
        InputError: nothing known has this name, this number, or these names.
    """
    known = ", ".join(layout.name for layout in LAYOUTS)
    if isinstance(value, str):
        wanted = re.sub(r"[\s_]+", "-", value.strip().lower())
        for layout in LAYOUTS:
            if wanted == layout.name:
                return layout
        if wanted in _OTHER_NAMES:
            return _OTHER_NAMES[wanted]
        raise InputError(f"keypoint layout: got {value!r}, expected one of {known}")
    if isinstance(value, int):
        for layout in LAYOUTS:
            if value in (len(layout), WITH_FACE_AND_HANDS.get(layout)):
                return layout
        raise InputError(
            f"keypoints: got {value} of them without names, expected 17 (COCO), 18 (OpenPose's "
            "COCO), 25 (BODY_25), 26 (HALPE_26), 33 (MediaPipe), 133 or 136 (whole body); name "
            "them or convert them"
        )
    names = tuple(canonical_name(name) for name in value)
    for layout in LAYOUTS:
        if names == layout.names:
            return layout
    every = known_names()
    unknown = [given for given, name in zip(value, names, strict=True) if name not in every]
    if unknown:
        raise InputError(
            f"keypoints: unknown name{'s' if len(unknown) > 1 else ''} "
            f"{', '.join(map(repr, unknown[:5]))}; expected names of {known}"
        )
    return KeypointLayout("custom", names)


def converted(keypoints: np.ndarray, layout: KeypointLayout, wanted: KeypointLayout) -> np.ndarray:
    """Keypoints of one layout as those of another, by name.

    Where `layout` lacks them: pelvis and mid_hip are each other or the middle of the hips, neck the
    middle of the shoulders, each with the lower of the two scores.

    Args:
        keypoints: (..., K, 3) x, y px, score; NaN x, y = missing.
        layout: of the K keypoints.
        wanted: of the W keypoints to give.

    Returns:
        (..., W, 3) of the dtype given; what is absent has x, y NaN and score 0.

    Raises:
        InputError: the shape does not fit the layout.
    """
    if keypoints.ndim < 2 or keypoints.shape[-2:] != (len(layout), 3):
        raise InputError(
            f"keypoints: got shape {keypoints.shape}, expected (..., {len(layout)}, 3) "
            f"for the layout {layout.name}"
        )
    result = np.empty((*keypoints.shape[:-2], len(wanted), 3), dtype=keypoints.dtype)
    for row, name in enumerate(wanted.names):
        result[..., row, :] = _keypoint(keypoints, layout, name)
    missing = np.isnan(result[..., :2]).any(axis=-1)
    result[missing] = (np.nan, np.nan, 0.0)
    return result


def house_keypoints(keypoints: np.ndarray, layout: KeypointLayout) -> np.ndarray:
    """Keypoints as the 17 joints of `HUMAN36M`: (..., K, 3) -> (..., 17, 3); see `converted`."""
    return converted(keypoints, layout, HUMAN36M_17)


def _keypoint(keypoints: np.ndarray, layout: KeypointLayout, name: str) -> np.ndarray:
    row = layout.find(name)
    if row is not None:
        return keypoints[..., row, :]
    part = _MIDDLES.get(name)
    if part is not None and f"left_{part}" in layout and f"right_{part}" in layout:
        middle = layout.middle(keypoints, part)
        sides = layout.indices((f"left_{part}", f"right_{part}"))
        middle[..., 2] = keypoints[..., sides, 2].min(axis=-1)
        return middle
    return np.broadcast_to(
        np.array([np.nan, np.nan, 0.0], keypoints.dtype), (*keypoints.shape[:-2], 3)
    )
