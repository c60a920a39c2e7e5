"""Names of Human3.6M: subjects, cameras, actions and joints, and how its files spell them.

Names only; where the files lie belongs to `human36m_layout`, what is in them to `human36m_files`.
"""

import re
from collections.abc import Iterable

import numpy as np

from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

TRAIN_SUBJECTS = ("S1", "S5", "S6", "S7", "S8")
TEST_SUBJECTS = ("S9", "S11")
SUBJECTS = (*TRAIN_SUBJECTS, *TEST_SUBJECTS)
"""The subjects with public poses, in the paper's split; S2, S3, S4 and S10 have none."""

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")
"""In the order of the camera parameters in metadata.xml."""
CAMERA_SIZES_PX = ((1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002))
"""(width, height) of each camera's videos, for where no video says it."""

FPS = 50.0

PAPER_ACTIONS = (
    "Discussion", "Eating", "Greeting", "Taking Photo", "Walking", "Walking Dog",
)  # fmt: skip
"""The six actions of the 2016 paper's Table 1."""

ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting",
    "Sitting Down", "Smoking", "Taking Photo", "Waiting", "Walking", "Walking Dog",
    "Walking Together",
)  # fmt: skip
"""All 15, in the dataset's order."""

_VARIANTS = {
    "direction": "Directions", "discuss": "Discussion", "eat": "Eating", "greet": "Greeting",
    "phone": "Phoning", "phonecall": "Phoning", "pose": "Posing", "purchase": "Purchases",
    "purchasing": "Purchases", "sit": "Sitting", "smoke": "Smoking", "photo": "Taking Photo",
    "takephoto": "Taking Photo", "photography": "Taking Photo", "wait": "Waiting",
    "walk": "Walking", "walkdog": "Walking Dog", "walktogether": "Walking Together",
    "walkpair": "Walking Together",
}  # fmt: skip
_SPELLINGS = {action.replace(" ", "").lower(): action for action in ACTIONS} | _VARIANTS

_KNOWN_DEFECT = f"S11: Directions.{CAMERA_IDS[0]}"
"""The subject and the video, as lines about a recording begin."""

JOINTS_IN_FILES = 32
_PLACE_IN_FILES = {
    "pelvis": 1,
    "right_hip": 2, "right_knee": 3, "right_ankle": 4,
    "left_hip": 7, "left_knee": 8, "left_ankle": 9,
    "spine": 13, "neck": 14, "nose": 15, "head_top": 16,
    "left_shoulder": 18, "left_elbow": 19, "left_wrist": 20,
    "right_shoulder": 26, "right_elbow": 27, "right_wrist": 28,
}  # fmt: skip
"""Which of the 32 joints of a file, counted from 1, is which joint of `HUMAN36M`."""

JOINTS_17 = np.array([_PLACE_IN_FILES[name] - 1 for name in HUMAN36M.joint_names])
"""(17,) indices from 0 of the joints of `HUMAN36M`, in its order, among the 32."""


RIGHT_THIGH = (_PLACE_IN_FILES["right_hip"] - 1, _PLACE_IN_FILES["right_knee"] - 1)
"""Indices from 0 of the ends of the right thigh among the 32."""


def _radii() -> np.ndarray:
    radii = np.full(JOINTS_IN_FILES, 115.0)
    for names, radius in ((("nose", "head_top"), 140.0), (("spine", "neck"), 260.0)):
        radii[[_PLACE_IN_FILES[name] - 1 for name in names]] = radius
    # The lower spine, which is none of the 17.
    radii[_PLACE_IN_FILES["spine"] - 2] = 260.0
    return radii


BOX_RADIUS_32_MM = _radii()
"""(32,) radius of the sphere about each joint that must be in the box (Li and Chan 2014), mm."""


def canonical_action(name: str) -> str | None:
    """The action that a file or a user means: "TakingPhoto 1", "Photo" are "Taking Photo".

    None for a name that is none of the 15, and for the dataset's "_ALL" recordings.
    """
    bare = re.sub(r"[\s_-]*\d*$", "", name.strip())
    return _SPELLINGS.get(re.sub(r"[\s_-]", "", bare).lower())


def is_known_defect(line: str) -> bool:
    """Whether a line tells of what is broken in the official release itself."""
    return line.startswith(_KNOWN_DEFECT)


def is_ignored(name: str) -> bool:
    """Whether a file's name is of the calibration recordings "_ALL", which nobody uses."""
    return name.strip().lower().startswith("_all")


def checked_actions(actions: Iterable[str]) -> tuple[str, ...]:
    """Canonical names of the actions that a user asked for, each once, in the order given.

    Raises:
        InputError: there is none, or one is unknown.
    """
    wanted = [actions] if isinstance(actions, str) else list(actions)
    found = []
    for name in wanted:
        action = canonical_action(name)
        if action is None:
            raise InputError(f"actions: got {name!r}, expected some of {', '.join(ACTIONS)}")
        found.append(action)
    if not found:
        raise InputError(f"actions: got none, expected some of {', '.join(ACTIONS)}")
    return tuple(dict.fromkeys(found))


def trial_key(name: str) -> tuple[str | None, str]:
    """What identifies a trial however it is spelt: its action and its number ("" for none)."""
    number = re.search(r"(\d*)$", name.strip())
    return canonical_action(name), number.group(1) if number else ""


def split_of(subject: str) -> str:
    """ "train" or "test": the paper's split of the subjects.

    Raises:
        InputError: the subject is in neither.
    """
    if subject not in SUBJECTS:
        raise InputError(f"subject: got {subject!r}, expected one of {', '.join(SUBJECTS)}")
    return "test" if subject in TEST_SUBJECTS else "train"
