"""One fit of a person's whole track: joints that project onto the keypoints, limbs of one length,
the lifter's poses, no jerks, feet that stand still and on the floor.

All joints of all frames are unknowns; what couples frames couples each coordinate with itself
alone, so a Gauss-Newton round is one banded system, solved in time linear in the frames. Which feet
stand is `contact`'s to say.
"""

from dataclasses import dataclass

import numpy as np

from overpose.skeleton import HUMAN36M
from overpose.support.blas import one_blas_thread
from overpose.support.stretches import stretches
from overpose.video.world.contact import Contact
from overpose.video.world.level import Level

ANKLE_MM = 85.0
"""Height of an ankle above the floor while the heel is on it."""
LONGEST = 400
"""Frames that are fitted at once; longer tracks are cut, with `OVERLAP` frames in common."""
OVERLAP = 24
SHORTEST = 8
_JOINTS, _SIZE = len(HUMAN36M), 3 * len(HUMAN36M)
_ANKLES = HUMAN36M.indices(("left_ankle", "right_ankle"))
_PARENTS, _CHILDREN = HUMAN36M.limbs.T
_ROUNDS = 4
_NEAREST_MM = 100.0
_DOUBT = (0.3, 3.0)


@dataclass(frozen=True)
class FitWeights:
    """Standard deviations of what the fit trusts, chosen on renders of training subjects.

    Attributes:
        keypoint: of a sure keypoint, in sizes of the person in the picture.
        limb_mm: of a limb's direction as the lifter says it, across the line of sight and along it,
            where it expects the limb to be off by `expected_mm`, and in proportion elsewhere.
        expected_mm: see `limb_mm`.
        length_mm: of a limb's length.
        acceleration_m_s2: of each joint.
        slide_mm_s: of the ankle of a foot whose heel is held still.
        floor_mm: of its height above the floor.
    """

    keypoint: float = 0.01
    limb_mm: tuple[float, float] = (20.0, 40.0)
    expected_mm: float = 100.0
    length_mm: float = 3.0
    acceleration_m_s2: float = 16.0
    slide_mm_s: float = 60.0
    floor_mm: float = 30.0


def fitted_joints(
    joints_mm: np.ndarray,
    rays: np.ndarray,
    scores: np.ndarray,
    contact: Contact,
    level: Level | None,
    fps: float,
    weights: FitWeights | None = None,
    expected_mm: np.ndarray | None = None,
    turns: np.ndarray | None = None,
) -> np.ndarray:
    """The joints that agree best with everything.

    Args:
        joints_mm: (frames, 17, 3) in camera coordinates, limbs of one length; NaN where not seen.
        rays: (frames, 17, 2) keypoints of the joints as x / z, y / z; NaN where missing.
        scores: (frames, 17) of these, 0 to 1.
        contact: of the feet.
        level: gravity and floor; None: no floor.
        fps: frames a second.
        weights: what is trusted how far.
        expected_mm: (frames, 17) errors that the lifter expects of its joints; NaN or None where it
            expects nothing.
        turns: (frames, 3, 3) as `View` has them; the joints, `level` and what is returned are in
            the axes of the first frame then, the rays in those of each. None: no turns.

    Returns:
        (frames, 17, 3) float64; the same where a stretch is too short, or the fit fails or projects
        worse than what was given.
    """
    weights = weights or FitWeights()
    result = joints_mm.astype(np.float64)
    seen = np.asarray(np.isfinite(result).all(axis=(1, 2)))
    doubt = _doubt(len(result), expected_mm, weights)
    for start, stop in _pieces(seen):
        part = slice(start, stop)
        own = Contact(contact.stands[part], contact.heel_still[part], contact.on_floor[part])
        piece = _Piece(
            joints_mm[part].astype(np.float64),
            rays[part],
            scores[part],
            doubt[part],
            own,
            level,
            fps,
            np.eye(3)[None] if turns is None else turns[part],
        )
        found = piece.fitted(weights)
        if found is None:
            continue
        share = np.ones(stop - start)
        common = min(OVERLAP, stop - start)
        if start > 0 and seen[start - 1] and start + common <= stop:
            share[:common] = np.linspace(0.0, 1.0, common)
        result[part] += share[:, None, None] * (found - result[part])
    return result


def _doubt(frames: int, expected_mm: np.ndarray | None, weights: FitWeights) -> np.ndarray:
    """(frames, 16): by how much the deviations of each limb are larger than `limb_mm`."""
    if expected_mm is None:
        return np.ones((frames, len(_CHILDREN)))
    squares = np.square(expected_mm.astype(np.float64))
    share = np.sqrt(squares[:, _CHILDREN] + squares[:, _PARENTS]) / weights.expected_mm
    return np.where(np.isfinite(share), np.clip(share, *_DOUBT), 1.0)


def _pieces(seen: np.ndarray) -> list[tuple[int, int]]:
    """First frame and end of each part that is fitted at once."""
    pieces = []
    for start, stop in stretches(seen):
        while stop - start > LONGEST:
            pieces.append((start, start + LONGEST))
            start += LONGEST - OVERLAP
        if stop - start >= SHORTEST:
            pieces.append((start, stop))
    return pieces


class _Piece:
    """The terms of some frames in a row."""

    def __init__(
        self,
        joints_mm: np.ndarray,
        rays: np.ndarray,
        scores: np.ndarray,
        doubt: np.ndarray,
        contact: Contact,
        level: Level | None,
        fps: float,
        turns: np.ndarray,
    ) -> None:
        self.doubt, self.turns = doubt, turns
        self.given, self.level, self.fps, self.contact = joints_mm, level, fps, contact
        self.known = np.asarray(np.isfinite(rays).all(axis=-1)) & (scores > 0)
        self.rays = np.where(self.known[..., None], rays, 0.0)
        self.scores = np.where(self.known, np.clip(scores, 0.0, 1.0), 0.0)
        seen = joints_mm @ turns
        spread = np.ptp(seen[..., :2] / seen[..., 2:], axis=1)
        self.size = np.maximum(np.linalg.norm(spread, axis=-1), 1e-6)[:, None]
        self.bones = joints_mm[:, _CHILDREN] - joints_mm[:, _PARENTS]
        self.lengths = np.median(np.linalg.norm(self.bones, axis=-1), axis=0)

    def misses(self, joints: np.ndarray) -> np.ndarray:
        """(frames, 17, 2) of the keypoints, as x / z, y / z; 0 where there is none."""
        seen = joints @ self.turns
        depth = np.maximum(seen[..., 2:], _NEAREST_MM)
        return np.where(self.known[..., None], seen[..., :2] / depth - self.rays, 0.0)

    def error(self, joints: np.ndarray) -> float:
        """Mean distance from the keypoints in sizes of the person, large ones cut."""
        off = np.linalg.norm(self.misses(joints), axis=-1) / self.size
        total = np.maximum(self.scores.sum(), 1e-9)
        return float((self.scores * np.minimum(off, 0.2)).sum() / total)

    def fitted(self, weights: FitWeights) -> np.ndarray | None:
        """The joints; None where they do not project as well as those given."""
        from scipy.linalg import LinAlgError, solveh_banded

        joints = self.given.copy()
        try:
            for _ in range(_ROUNDS):
                bands, right = self._system(joints, weights)
                with one_blas_thread():
                    step = solveh_banded(
                        bands, right, lower=True, overwrite_ab=True, check_finite=False
                    )
                joints = joints + step.reshape(joints.shape)
        except (LinAlgError, ValueError):
            return None
        if not np.isfinite(joints).all() or (joints @ self.turns)[..., 2].min() < _NEAREST_MM:
            return None
        before = self.error(self.given)
        return joints if self.error(joints) <= before * 1.02 + 1e-4 else None

    def _system(self, joints: np.ndarray, weights: FitWeights) -> tuple[np.ndarray, np.ndarray]:
        """Lower bands (2 * 51 + 1, n) and right side (n,) of one round."""
        frames = len(joints)
        blocks = np.zeros((frames, _JOINTS, 3, _JOINTS, 3))
        right = np.zeros((frames, _JOINTS, 3))
        self._add_keypoints(blocks, right, joints, weights)
        self._add_limbs(blocks, right, joints, weights)
        self._add_floor(blocks, right, joints, weights)
        flat, side = joints.reshape(frames, _SIZE), right.reshape(frames, _SIZE)
        diagonal, first, second = (np.zeros((frames, _SIZE)) for _ in range(3))
        trust = (self.fps**2 / 1000.0 / weights.acceleration_m_s2) ** 2
        bend = flat[2:] - 2 * flat[1:-1] + flat[:-2]
        for place, factor in ((slice(2, None), 1), (slice(1, -1), -2), (slice(None, -2), 1)):
            diagonal[place] += trust * factor**2
            side[place] -= trust * factor * bend
        first[1:-1] -= 2 * trust
        first[:-2] -= 2 * trust
        second[:-2] += trust
        held = self.contact.heel_still[1:] & self.contact.heel_still[:-1]
        grip = np.zeros((frames - 1, _JOINTS, 3))
        grip[:, _ANKLES] = (held * (self.fps / weights.slide_mm_s) ** 2)[..., None]
        grip = grip.reshape(frames - 1, _SIZE)
        slide = flat[1:] - flat[:-1]
        diagonal[1:] += grip
        diagonal[:-1] += grip
        first[:-1] -= grip
        side[1:] -= grip * slide
        side[:-1] += grip * slide
        return _bands(blocks.reshape(frames, _SIZE, _SIZE), diagonal, first, second), side.ravel()

    def _add_keypoints(
        self, blocks: np.ndarray, right: np.ndarray, joints: np.ndarray, weights: FitWeights
    ) -> None:
        seen = joints @ self.turns
        depth = np.maximum(seen[..., 2:], _NEAREST_MM)
        misses = self.misses(joints)
        off = np.linalg.norm(misses, axis=-1) / self.size / (3 * weights.keypoint)
        trust = self.scores / (1 + off**2) ** 2 / (weights.keypoint * self.size) ** 2
        rows = np.zeros((*joints.shape[:2], 2, 3))
        rows[..., 0, 0] = rows[..., 1, 1] = 1
        rows[..., 2] = -seen[..., :2] / depth
        rows = rows / depth[..., None] @ self.turns.swapaxes(1, 2)[:, None]
        weighed = rows * trust[..., None, None]
        squares = np.einsum("fjki,fjkl->fjil", weighed, rows)
        each = np.arange(_JOINTS)
        blocks[:, each, :, each, :] += np.moveaxis(squares, 1, 0)
        right -= np.einsum("fjki,fjk->fji", weighed, misses)

    def _add_limbs(
        self, blocks: np.ndarray, right: np.ndarray, joints: np.ndarray, weights: FitWeights
    ) -> None:
        bones = joints[:, _CHILDREN] - joints[:, _PARENTS]
        across, along = weights.limb_mm
        own = np.array([across, across, along]) ** -2.0
        own = (self.turns * own) @ self.turns.swapaxes(1, 2)
        trust = own[:, None] / self.doubt[..., None, None] ** 2
        long = np.maximum(np.linalg.norm(bones, axis=-1), 1e-6)
        unit = bones / long[..., None]
        stiff = weights.length_mm**-2
        squares = trust + stiff * unit[..., :, None] * unit[..., None, :]
        pull = np.einsum("flij,flj->fli", trust, bones - self.bones)
        pull += stiff * (long - self.lengths)[..., None] * unit
        for limb, (parent, child) in enumerate(HUMAN36M.limbs):
            own = squares[:, limb]
            blocks[:, parent, :, parent, :] += own
            blocks[:, child, :, child, :] += own
            blocks[:, parent, :, child, :] -= own
            blocks[:, child, :, parent, :] -= own
            right[:, child] -= pull[:, limb]
            right[:, parent] += pull[:, limb]

    def _add_floor(
        self, blocks: np.ndarray, right: np.ndarray, joints: np.ndarray, weights: FitWeights
    ) -> None:
        if self.level is None:
            return
        above = self.level.heights_mm(joints[:, _ANKLES]) - ANKLE_MM
        stands = self.contact.heel_still & self.contact.on_floor
        sinks = (above < 0) & ~stands
        far = 1 / (1 + (above / (3 * weights.floor_mm)) ** 2) ** 2
        trust = np.where(stands, far, np.where(sinks, 1.0, 0.0)) / weights.floor_mm**2
        up = self.level.up
        for place, ankle in enumerate(_ANKLES):
            own = trust[:, place, None, None] * np.outer(up, up)
            blocks[:, ankle, :, ankle, :] += own
            right[:, ankle] -= (trust[:, place] * above[:, place])[:, None] * up


def _bands(
    blocks: np.ndarray, diagonal: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Lower bands of a symmetric matrix of blocks (frames, n, n) on its diagonal, and couplings
    (frames, n) of each unknown with itself, one and two frames later."""
    frames, size = diagonal.shape
    bands = np.zeros((2 * size + 1, frames * size))
    view = bands.reshape(2 * size + 1, frames, size)
    for below in range(size):
        rows = np.arange(below, size)
        view[below, :, : size - below] = blocks[:, rows, rows - below]
    view[0] += diagonal
    view[size] = first
    view[2 * size] = second
    return bands
