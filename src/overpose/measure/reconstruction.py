"""What the autoencoder does on its own: to clean, noisy and impossible poses of unseen people.

Poses only; no images here. The numbers show whether its code holds bodies and not just points.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from overpose.metrics import limb_ratio_error, mpjpe
from overpose.report.tables import TextTable, number_text
from overpose.skeleton import HUMAN36M, Skeleton
from overpose.support.checks import check_array
from overpose.support.errors import InputError
from overpose.support.seeding import random_stream

Reconstruct = Callable[[np.ndarray], np.ndarray]
"""Poses (n, 17, 3) float32 mm to poses of the same shape, in mm, root-relative."""

NOISE_MM = 40.0
LIMB_FACTORS = (0.5, 2.0)
NEAREST_FROM = 5000
"""At most so many training poses stand for "bodies" in the distance to the nearest of them."""
NEAREST_OF = 300
"""At most so many poses are compared with all of them: each costs a search."""


def noisy_poses(poses_mm: np.ndarray, noise_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Add isotropic Gaussian noise of `noise_mm` to every coordinate except the root's.

    Args:
        poses_mm: (n, 17, 3) mm, root-relative.
        noise_mm: standard deviation per coordinate, mm.
    """
    noise = rng.normal(0.0, noise_mm, poses_mm.shape).astype(np.float32)
    noise[:, 0] = 0.0
    return poses_mm + noise


def random_limb_lengths(
    poses_mm: np.ndarray, rng: np.random.Generator, *, skeleton: Skeleton = HUMAN36M
) -> np.ndarray:
    """Give every limb its own wrong length, directions kept: factors from 0.5 to 2, log-uniform.

    Args:
        poses_mm: (n, joints, 3) mm, root-relative.

    Returns:
        Poses (n, joints, 3) float32 mm, root-relative.
    """
    low, high = np.log(LIMB_FACTORS)
    factors = np.exp(rng.uniform(low, high, (len(poses_mm), len(skeleton.limbs), 1)))
    changed = np.zeros(poses_mm.shape, dtype=np.float64)
    for limb, (parent, joint) in enumerate(skeleton.limbs):
        vector = poses_mm[:, joint] - poses_mm[:, parent]
        changed[:, joint] = changed[:, parent] + factors[:, limb] * vector
    return changed.astype(np.float32)


def swapped_legs(poses_mm: np.ndarray, *, skeleton: Skeleton = HUMAN36M) -> np.ndarray:
    """Exchange the left and the right leg, hips included: the legs face where the chest does not.

    The limb lengths of a symmetric body stay as they are; what is wrong is the arrangement.

    Args:
        poses_mm: (n, joints, 3) mm, root-relative.
    """
    swapped = poses_mm.copy()
    legs = skeleton.indices(skeleton.lower_limbs)
    swapped[:, legs] = poses_mm[:, skeleton.mirror[legs]]
    return swapped


def nearest_pose_distance(poses_mm: np.ndarray, references_mm: np.ndarray) -> np.ndarray:
    """Mean joint distance in mm from each pose to the nearest reference pose, float32 (n,).

    Args:
        poses_mm: (n, joints, 3) mm.
        references_mm: (m, joints, 3) mm, m at least 1.
    """
    nearest = np.full(len(poses_mm), np.inf, dtype=np.float32)
    for start in range(0, len(references_mm), 64):
        block = references_mm[None, start : start + 64]
        distances = np.linalg.norm(poses_mm[:, None] - block, axis=-1).mean(axis=-1)
        nearest = np.minimum(nearest, distances.min(axis=1))
    return nearest


def evaluate_reconstruction(
    reconstruct: Reconstruct,
    poses_mm: np.ndarray,
    *,
    train_poses_mm: np.ndarray,
    seed: int,
    noise_mm: float = NOISE_MM,
    max_poses: int = 1000,
) -> dict[str, dict[str, float]]:
    """Measure an autoencoder on poses of people that it was not trained on.

    Args:
        reconstruct: poses (n, 17, 3) float32 mm to reconstructions of the same shape.
        poses_mm: (n, 17, 3) float32 mm, camera axes, root-relative, of held-out subjects.
        train_poses_mm: (m, 17, 3), the training poses: what "bodies" means for the last measure.
        seed: of the noise, the limb lengths and the choice of poses.
        noise_mm: standard deviation of the noisy input, mm per coordinate.
        max_poses: a random choice of so many poses is measured.

    Returns:
        For the inputs "clean", "noisy", "random_limb_lengths" and "swapped_legs": the distance to
        the pose that the input was made from, `mpjpe_*_mm`; the limb-ratio error of the full body
        against that pose, `limb_ratio_full_*`; and the distance to the nearest training pose,
        `nearest_*_mm`; each for the input (`*` = before) and its reconstruction (`*` = after).

    Raises:
        InputError: the poses have the wrong shape or hold NaN, or there are none.
    """
    for name, array in (("poses_mm", poses_mm), ("train_poses_mm", train_poses_mm)):
        check_array(name, array, ("poses", 17, 3), finite=True)
        if len(array) == 0:
            raise InputError(f"{name}: got no poses, expected at least one")
    rng = random_stream(seed, "reconstruction")
    chosen = rng.permutation(len(poses_mm))[:max_poses]
    bodies = rng.permutation(len(train_poses_mm))[:NEAREST_FROM]
    true_mm = poses_mm[chosen].astype(np.float32)
    references_mm = train_poses_mm[bodies].astype(np.float32)
    inputs_mm = {
        "clean": true_mm,
        "noisy": noisy_poses(true_mm, noise_mm, rng),
        "random_limb_lengths": random_limb_lengths(true_mm, rng),
        "swapped_legs": swapped_legs(true_mm),
    }
    results = {}
    for name, before_mm in inputs_mm.items():
        after_mm = np.asarray(reconstruct(before_mm), dtype=np.float32)
        results[name] = {
            **_measured(before_mm, true_mm, references_mm, "before"),
            **_measured(after_mm, true_mm, references_mm, "after"),
        }
    return results


def reconstruction_table(
    results: Sequence[Mapping[str, Mapping[str, float]]], *, note: str = ""
) -> TextTable:
    """What `evaluate_reconstruction` found, merged over runs, as a table for tables.md."""
    rows = []
    inputs = list(dict.fromkeys(name for result in results for name in result))
    for name in inputs:
        cells = [name.replace("_", " ")]
        for measure, digits in (
            ("mpjpe_{}_mm", 1),
            ("limb_ratio_full_{}", 2),
            ("nearest_{}_mm", 1),
        ):
            cells.append(
                " → ".join(
                    _merged(
                        [result[name][measure.format(when)] for result in results],
                        digits,
                    )
                    for when in ("before", "after")
                )
            )
        rows.append(tuple(cells))
    return TextTable(
        "The autoencoder alone, on poses of held-out subjects (before → after)",
        f"Noise {NOISE_MM:.0f} mm per coordinate; random limb lengths: every limb times "
        f"{LIMB_FACTORS[0]:g} to {LIMB_FACTORS[1]:g}; swapped legs: left and right leg exchanged. "
        "Distances in mm, to the pose that the input was made from and to the nearest training "
        f"pose.{' ' + note if note else ''}",
        ("Input", "MPJPE, mm", "Limb-ratio error, full body", "Nearest training pose, mm"),
        tuple(rows),
    )  # fmt: skip


def _measured(
    poses_mm: np.ndarray, true_mm: np.ndarray, references_mm: np.ndarray, when: str
) -> dict[str, float]:
    return {
        f"mpjpe_{when}_mm": float(mpjpe(poses_mm, true_mm)),
        f"limb_ratio_full_{when}": float(limb_ratio_error(poses_mm, true_mm, part="full")),
        f"nearest_{when}_mm": float(
            nearest_pose_distance(poses_mm[:NEAREST_OF], references_mm).mean()
        ),
    }


def _merged(values: list[float], digits: int) -> str:
    std = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    return number_text(float(np.mean(values)), std, digits=digits)
