"""How a camera that stays in one place turns: a rotation for every frame, and its focal length
where that is not known.

Points of the background are found by `sightings`. A camera that travels, zooms or is cut to another
does not fit, and has no turns.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overpose.camera import degrees_turned
from overpose.video.posing import View
from overpose.video.world.sightings import KEPT, LONGEST_GAP_S, Sighting, Sightings

OFF_PX, FRAME_OFF_PX = 0.45, 0.9
"""Of the small pictures: how far off points may typically be where a camera only turns, over all
frames and in one that counts. Of renders with turning cameras they are 0.4 px off at most, of such
with cameras that travel 0.6 px and more, but where that is slow."""
LEAST_AGREED = 0.5
"""Share of points that must have moved alike in a frame that counts."""
LEAST_FRAMES = 0.9
"""Share of the frames looked at that must count."""
STILL_DEGREES = 0.5
"""Of a camera that never turns farther: half of what may pass for standing still at a glance."""
_ROUNDS = 4
_NOISE_PX, _FOCAL_SIGHTINGS = 0.7, 60
_FOCAL_SHARES = np.exp(np.linspace(math.log(0.4), math.log(2.8), 79))


@dataclass(frozen=True, eq=False)
class Turns:
    """How a camera turns.

    Attributes:
        rotations: (frames, 3, 3) float64, from the axes of each frame's camera to those of the
            first's.
        focal_px: focal length, pixels, as the turns tell it; the given one where that is exact.
        focal_px_std: standard deviation of it; None where it is exact.
        off_px: how far off points typically are, pixels of the small pictures.
    """

    rotations: np.ndarray
    focal_px: float
    focal_px_std: float | None
    off_px: float


@dataclass(frozen=True, eq=False)
class _Points:
    """Points of many sightings, of the small pictures; weight 0 where a sighting has fewer.

    Attributes:
        there, here: (n, KEPT, 2) from the middle of the picture, for a focal length of 1 px.
        weights: (n, KEPT).
    """

    there: np.ndarray
    here: np.ndarray
    weights: np.ndarray


def turns_of(seen: Sightings, frames: int, view: View) -> Turns | None:
    """How the camera turned; None where it did something else, or too little is seen.

    Args:
        seen: the background in the frames looked at.
        frames: of the video.
        view: the camera; its focal length is refined where it has a standard deviation.
    """
    sightings, size = seen.found, seen.size
    if len(sightings) < 2:
        return None
    points = _points(sightings[1:], size, view)
    share = view.focal_px / max(view.width, view.height)
    spread = None if view.focal_px_std is None else view.focal_px_std / view.focal_px
    long = max(size)
    if spread is not None and view.lens is None:
        share, spread = _focal(points, share, spread, long)
    turned, off = _fitted(points, share * long)
    off_px = float(np.median(off))
    agreed = np.array([each.agreed for each in sightings[1:]])
    good = (off < FRAME_OFF_PX) & (agreed > LEAST_AGREED)
    if off_px > OFF_PX or good.mean() < LEAST_FRAMES:
        return None
    known = {sightings[0].frame: np.eye(3)}
    for each, turn, fits in zip(sightings[1:], turned, good, strict=True):
        if fits and each.key in known:
            known[each.frame] = known[each.key] @ turn
    at = np.array(sorted(known))
    gaps = np.diff(np.concatenate([[0], at, [frames - 1]]))
    looked = np.median(np.diff([each.frame for each in sightings]))
    if gaps.max(initial=0) > max(LONGEST_GAP_S * view.fps, 2 * looked):
        return None
    from scipy.spatial.transform import Rotation, Slerp  # slow to import, and seldom needed

    between = Slerp(at, Rotation.from_matrix(np.stack([known[frame] for frame in at.tolist()])))
    rotations = between(np.clip(np.arange(frames), at[0], at[-1])).as_matrix()
    focal = share * max(view.width, view.height)
    return Turns(rotations, focal, None if spread is None else spread * focal, off_px)


def turned_view(view: View, turns: Turns) -> View:
    """The view with the turns, and the focal length that they tell."""
    return replace(
        view, turns=turns.rotations, focal_px=turns.focal_px, focal_px_std=turns.focal_px_std
    )


def view_of_turns(sightings: Sightings, frames: int, view: View) -> tuple[View, bool]:
    """The view of a video whose camera seems to move, and whether it stood still all the same.

    It has turns if the camera did nothing else, and stood still where these are next to nothing.
    """
    turns = turns_of(sightings, frames, view)
    if turns is None:
        return view, False
    if degrees_turned(turns.rotations).max() < STILL_DEGREES:
        return view, True
    return turned_view(view, turns), False


def _points(sightings: Sequence[Sighting], size: tuple[int, int], view: View) -> _Points:
    shape = (len(sightings), KEPT)
    both = np.zeros((2, *shape, 2))
    weights = np.zeros(shape)
    for place, each in enumerate(sightings):
        count = len(each.here)
        both[0, place, :count], both[1, place, :count] = each.there, each.here
        weights[place, :count] = 1.0
    both += 0.5
    if view.lens is not None:
        scale = np.array([view.width, view.height]) / size
        slopes = view.lens.unproject_camera(both * scale, 1.0)[..., :2]
        both = slopes * view.focal_px * max(size) / max(view.width, view.height)
        weights[~np.isfinite(both).all(axis=(0, -1))] = 0.0
    else:
        both -= np.array(size) / 2
    both = np.where(weights[..., None] > 0, both, 0.0)
    return _Points(both[0], both[1], weights)


def _fitted(points: _Points, focal: float) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3, 3) rotations from the axes in the frame to those in the key picture, and (n,) the
    median distance of points from where these put them, px."""
    there, here = _directions(points.there, focal), _directions(points.here, focal)
    weights = points.weights
    rotations = np.tile(np.eye(3), (len(there), 1, 1))
    off = np.zeros(weights.shape)
    for _ in range(_ROUNDS):
        products = (there * weights[..., None]).swapaxes(1, 2) @ here
        left, _, right = np.linalg.svd(products)
        signs = np.ones((len(left), 3))
        signs[:, 2] = np.sign(np.linalg.det(left @ right))
        rotations = (left * signs[:, None]) @ right
        back = there @ rotations  # the inverse: a row times a rotation
        depth = np.maximum(back[..., 2:], 1e-3)
        off = np.linalg.norm(focal * back[..., :2] / depth - points.here, axis=-1)
        weights = points.weights / (1 + (off / 1.0) ** 2) ** 2
    shown = np.where(points.weights > 0, off, np.nan)
    return rotations, np.nanmedian(shown, axis=-1)


def _directions(places: np.ndarray, focal: float) -> np.ndarray:
    rays = np.concatenate([places, np.full((*places.shape[:-1], 1), focal)], axis=-1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def _focal(points: _Points, share: float, spread: float, long: int) -> tuple[float, float]:
    """The focal length, in shares of the longer side, and its standard deviation, in shares of it:
    what the turns say of it, and what was known before."""
    ways = np.linalg.norm(points.here - points.there, axis=-1)
    ways = (ways * points.weights).sum(axis=1) / np.maximum(points.weights.sum(axis=1), 1)
    far = np.argsort(-ways)[:_FOCAL_SIGHTINGS]
    some = _Points(points.there[far], points.here[far], points.weights[far])
    cost = np.array([np.square(_fitted(some, each * long)[1]).sum() for each in _FOCAL_SHARES])
    logs = np.log(_FOCAL_SHARES)
    cost = cost / (2 * _NOISE_PX**2) + (logs - math.log(share)) ** 2 / (2 * spread**2)
    trust = np.exp(cost.min() - cost)
    trust /= trust.sum()
    middle = float((trust * logs).sum())
    width = math.sqrt(float((trust * (logs - middle) ** 2).sum()))
    return math.exp(middle), max(width, 0.03)
