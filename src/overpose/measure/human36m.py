"""How results on Human3.6M are measured: the 2016 paper's protocol and the later literature's.

Every number carries the name of its protocol and its number of joints. Reading the dataset belongs
to `datasets`; benchmarks of our own to `protocols`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from overpose.datasets.human36m.names import (
    ACTIONS,
    PAPER_ACTIONS,
    TEST_SUBJECTS,
    TRAIN_SUBJECTS,
    canonical_action,
)
from overpose.datasets.store import Dataset
from overpose.measure.protocols import Predict, predict_poses
from overpose.methods import Inputs, pictures
from overpose.metrics import mpjpe, p_mpjpe
from overpose.report.rows import Finishing, Row
from overpose.skeleton import HUMAN36M
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.files import write_json

JOINTS_14 = (
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "neck",
    "head_top", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow",
    "right_wrist",
)  # fmt: skip
"""The 14 joints that Human3.6M shares with LSP, on which many later results are given."""

CAMERAS = 4
_SPLIT = f"train {', '.join(TRAIN_SUBJECTS)}; test {', '.join(TEST_SUBJECTS)}"


@dataclass(frozen=True)
class Human36mProtocol:
    """A way to measure.

    Attributes:
        name: printed with every number.
        measure: "MPJPE" or "P-MPJPE".
        actions: those it is defined on.
        model_per_action: whether each action has a model of its own.
        text: the protocol in words.
    """

    name: str
    measure: str
    actions: tuple[str, ...]
    model_per_action: bool
    text: str


PAPER = Human36mProtocol(
    name="Tekin et al. 2016, Table 1",
    measure="MPJPE",
    actions=PAPER_ACTIONS,
    model_per_action=True,
    text=f"{_SPLIT}; one model for each action; all frames of 4 cameras; mean distance over the "
    "joints, relative to the pelvis, no alignment",
)
PROTOCOL_1 = Human36mProtocol(
    name="Human3.6M protocol 1",
    measure="MPJPE",
    actions=ACTIONS,
    model_per_action=False,
    text=f"{_SPLIT}; one model for all actions; mean distance over the joints, relative to the "
    "pelvis, no alignment",
)
PROTOCOL_2 = Human36mProtocol(
    name="Human3.6M protocol 2",
    measure="P-MPJPE",
    actions=ACTIONS,
    model_per_action=False,
    text=f"{_SPLIT}; one model for all actions; mean distance over the joints after a similarity "
    "alignment of each pose without reflection",
)
PROTOCOLS = {"paper": PAPER, "1": PROTOCOL_1, "2": PROTOCOL_2}


@dataclass(frozen=True)
class Human36mResult:
    """What a method reached under a protocol.

    Attributes:
        protocol: the protocol.
        joints: over how many joints, 17 or 14.
        error_mm: for each action the error, mm.
        frames: for each action how many test frames it is the mean of.
        gaps: what the dataset lacks of the protocol's, see `gaps_of`.
    """

    protocol: Human36mProtocol
    joints: int
    error_mm: Mapping[str, float]
    frames: Mapping[str, int]
    gaps: tuple[str, ...] = ()

    @property
    def action_mean_mm(self) -> float:
        """The mean over the actions, each counting the same: the usual "average" column."""
        return float(np.mean([self.error_mm[action] for action in self.error_mm]))

    @property
    def frame_mean_mm(self) -> float:
        """The mean over all frames: an action with more frames counts more."""
        actions = list(self.error_mm)
        weights = [self.frames[action] for action in actions]
        return float(np.average([self.error_mm[action] for action in actions], weights=weights))

    @property
    def missing(self) -> tuple[str, ...]:
        """Actions of the protocol without test frames, and `gaps`: with any, no published mean
        compares."""
        actions = [a for a in self.protocol.actions if a not in self.error_mm]
        named = [f"no test frames of {', '.join(actions)}"] if actions else []
        return (*named, *self.gaps)

    def to_json(self) -> dict[str, Any]:
        """What a JSON file holds of it."""
        return {
            "protocol": self.protocol.name,
            "measure": self.protocol.measure,
            "text": self.protocol.text,
            "joints": self.joints,
            "error_mm": dict(self.error_mm),
            "frames": dict(self.frames),
            "action_mean_mm": self.action_mean_mm,
            "frame_mean_mm": self.frame_mean_mm,
            "missing": list(self.missing),
        }

    def lines(self) -> list[str]:
        """The result in words, one line a number, each with protocol and joint count."""
        label = f"{self.protocol.name}, {self.protocol.measure}, {self.joints} joints"
        lines = [
            f"{label}: {action}: {error:.2f} mm over {self.frames[action]} frames"
            for action, error in self.error_mm.items()
        ]
        lines.append(f"{label}: mean over actions: {self.action_mean_mm:.2f} mm")
        lines.append(f"{label}: mean over frames: {self.frame_mean_mm:.2f} mm")
        if self.missing:
            lines.append(
                f"{label}: incomplete ({'; '.join(self.missing)}): the means do not compare with "
                "published ones"
            )
        return lines


def score_human36m(
    predicted_mm: np.ndarray,
    target_mm: np.ndarray,
    actions: np.ndarray,
    *,
    protocol: Human36mProtocol,
    joints: int = 17,
) -> Human36mResult:
    """Measure predictions.

    Args:
        predicted_mm: (n, 17, 3) floating, mm, camera axes; moved so that the pelvis is the origin.
        target_mm: (n, 17, 3), likewise.
        actions: (n,) the action of each, spelt as in the dataset or in the paper.
        protocol: which.
        joints: 17, or 14 for those shared with LSP.

    Raises:
        InputError: wrong shape or dtype, NaN, another number of joints, or an action outside the
            protocol.
    """
    size = len(HUMAN36M)
    for name, poses in (("predicted_mm", predicted_mm), ("target_mm", target_mm)):
        check_array(name, poses, (len(actions), size, 3), finite=True)
    if joints not in (size, len(JOINTS_14)):
        raise InputError(f"joints: got {joints}, expected {size} or {len(JOINTS_14)}")
    if len(actions) == 0:
        raise InputError("actions: got no test frames, expected at least one")
    named = np.array([_action(name, protocol) for name in np.asarray(actions).tolist()])
    chosen = HUMAN36M.indices(HUMAN36M.joint_names if joints == size else JOINTS_14)
    pelvis = HUMAN36M.index("pelvis")
    measure: Callable = p_mpjpe if protocol.measure == "P-MPJPE" else mpjpe
    errors, frames = {}, {}
    for action in (a for a in protocol.actions if (named == a).any()):
        those = named == action
        moved = [poses[those] - poses[those][:, [pelvis]] for poses in (predicted_mm, target_mm)]
        errors[action] = float(measure(moved[0][:, chosen], moved[1][:, chosen]))
        frames[action] = int(those.sum())
    return Human36mResult(protocol, joints, errors, frames)


def evaluate_human36m(
    models: Predict | Mapping[str, Predict],
    dataset: Dataset,
    *,
    protocol: Human36mProtocol,
    joints: int = 17,
    batch_size: int = 256,
    inputs: Inputs = "image",
    mask_channel: bool = False,
) -> Human36mResult:
    """Predict the test images of a converted Human3.6M and measure the predictions.

    Args:
        models: one for all actions, or one for each; the paper's protocol needs one for each.
        dataset: as `convert_human36m` made it.
        protocol: which.
        joints: 17 or 14.
        batch_size: images at once.
        inputs, mask_channel: what models take, see `methods.pictures`.

    Raises:
        InputError: the dataset is split otherwise, models do not fit the protocol, or a prediction
            has the wrong shape or holds NaN.
    """
    require_human36m_split(dataset)
    test = dataset.select((dataset.splits == "test") & np.isin(dataset.actions, protocol.actions))
    actions = list(dict.fromkeys(test.actions.tolist()))
    if not actions:
        raise InputError(f"dataset: no test samples of {', '.join(protocol.actions)}")
    if protocol.model_per_action != isinstance(models, Mapping):
        wanted = "one for each action" if protocol.model_per_action else "one for all actions"
        raise InputError(f"models: protocol {protocol.name!r} needs {wanted}")
    if isinstance(models, Mapping) and (absent := [a for a in actions if a not in models]):
        raise InputError(f"models: got none for {', '.join(absent)}, expected one for each action")
    images_of = pictures(test, inputs, mask_channel=mask_channel)
    predicted = np.empty(test.poses_mm.shape, dtype=np.float32)
    for action in actions:
        predict = models[action] if isinstance(models, Mapping) else models
        those = np.flatnonzero(test.actions == action)
        predicted[those], _ = predict_poses(predict, images_of, those, batch_size)
    result = score_human36m(
        predicted, test.poses_mm, test.actions, protocol=protocol, joints=joints
    )
    return replace(result, gaps=gaps_of(dataset, protocol))


def results_of_rows(
    rows: Sequence[Row], dataset: Dataset, protocol: Human36mProtocol
) -> dict[str, list[Human36mResult]]:
    """What rows that were measured on all test images are in a protocol of MPJPE over 17 joints.

    Args:
        rows: of any methods and seeds; those of failed ones and of means are passed over.
        dataset: as `convert_human36m` made it, on which they were measured.
        protocol: `PAPER` if every action has a model of its own, otherwise `PROTOCOL_1`.

    Returns:
        By method and seed, see `run_name`.
    """
    names = dataset.actions[dataset.splits == "test"].tolist()
    frames = {action: names.count(action) for action in protocol.actions}
    errors: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.mpjpe_mm is not None and frames.get(row.action):
            name = run_name(row.method, row.seed, row.inputs, row.finishing)
            errors.setdefault(name, {})[row.action] = row.mpjpe_mm
    gaps = gaps_of(dataset, protocol)
    return {
        name: [Human36mResult(protocol, len(HUMAN36M), found, {a: frames[a] for a in found}, gaps)]
        for name, found in errors.items()
    }


def write_human36m(path: Path, results: Mapping[str, Sequence[Human36mResult]]) -> None:
    """Write results by method and seed as human36m.json, and print every line of them."""
    write_json(path, {name: [r.to_json() for r in found] for name, found in results.items()})
    for name, found in results.items():
        print(name, *(line for result in found for line in result.lines()), sep="\n", flush=True)


def run_name(
    method: str, seed: int, inputs: Inputs = "image", finishing: Finishing = "none"
) -> str:
    """What results of a method and a seed are called, e.g. "direct, seed 0, masked_image"."""
    masked = [inputs] if inputs == "masked_image" else []
    finished = [f"finishing {finishing}"] if finishing != "none" else []
    return ", ".join([method, f"seed {seed}", *masked, *finished])


def gaps_of(dataset: Dataset, protocol: Human36mProtocol) -> tuple[str, ...]:
    """What a converted Human3.6M lacks of a protocol's samples, in words; actions aside."""
    named = np.isin(dataset.actions, protocol.actions)
    gaps = []
    for split, wanted in (("train", TRAIN_SUBJECTS), ("test", TEST_SUBJECTS)):
        there = set(dataset.subjects[named & (dataset.splits == split)].tolist())
        if absent := [subject for subject in wanted if subject not in there]:
            gaps.append(f"no {split} frames of {', '.join(absent)}")
    test = dataset.select(named & (dataset.splits == "test"))
    cameras = len(set(test.cameras.tolist()))
    if cameras < CAMERAS:
        gaps.append(f"{cameras} of {CAMERAS} cameras")
    every = dataset.info.plan.get("every", 1)
    if every != 1:
        gaps.append(f"one frame of {every}")
    if problems := dataset.info.provenance.get("problems"):
        gaps.append(f"{len(problems)} problems while it was converted, see dataset.json")
    return tuple(gaps)


def require_human36m_split(dataset: Dataset) -> None:
    """Refuse a dataset whose subjects are not split as the paper and the literature split them.

    Raises:
        InputError: names the first subject on the wrong side.
    """
    sides = {"train": TRAIN_SUBJECTS, "val": TRAIN_SUBJECTS, "test": TEST_SUBJECTS}
    for subject, split in sorted(
        set(zip(dataset.subjects.tolist(), dataset.splits.tolist(), strict=True))
    ):
        if subject not in sides[split]:
            raise InputError(
                f"dataset: subject {subject} is in split {split!r}, expected {_SPLIT}; convert "
                "Human3.6M again"
            )


def _action(name: str, protocol: Human36mProtocol) -> str:
    action = canonical_action(name)
    if action not in protocol.actions:
        raise InputError(
            f"actions: got {name!r}, expected those of {protocol.name}: "
            f"{', '.join(protocol.actions)}"
        )
    return action
