"""Parts of the body's surface that clothes, hair and paint are cut to; measured on the template.

What is worn, and in which colours, belongs to `outfit`.
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from overpose.studio.body import BodyModel

HAIRLINE_MM = np.array(
    [[-175.0, 818.0], [-135.0, 812.0], [-115.0, 795.0], [-98.0, 765.0], [-88.0, 728.0],
     [-60.0, 722.0], [-25.0, 690.0], [10.0, 655.0], [60.0, 648.0]]
)  # fmt: skip
"""Height (template z) above which hair grows, against depth (template y, the face at -y)."""

BROW_MM = np.array([[9.0, 750.0], [28.0, 756.0], [51.0, 748.0]])
"""Height of the eyebrows against the distance from the middle of the face, on the template."""

BROW_HALF_MM = 4.0
EYE_PUPIL_DEGREES, EYE_IRIS_DEGREES = 11.0, 24.0


@dataclass(frozen=True, eq=False)
class Regions:
    """Per vertex (V,) or per face (F,) of the model.

    Attributes:
        arm: float, 0 at the shoulder, 1 at the elbow, 2 at the wrist, NaN off the arms.
        leg: float, 0 at the hip, 1 at the knee, 2 at the ankle and on the foot, NaN elsewhere.
        foot: bool, foot and toes.
        scalp: float mm, how far above the hairline (negative below it), -inf off the head.
        ear: bool.
        lip_face, brow_face, chin_face: bool, faces to paint.
        eye_face: int8, 0 none, 1 white, 2 iris, 3 pupil.
        under: (V,) int64, for vertices of the skin the nearest vertex of the tights, -1 elsewhere.
        tights_faces: (f,) int64 faces of the helper tights.
        tights_rim: bool, vertices at the open ends of the tights.
        smoothing: (V, V) sparse, each row the mean of a tights vertex and its neighbours.
    """

    arm: np.ndarray
    leg: np.ndarray
    foot: np.ndarray
    scalp: np.ndarray
    ear: np.ndarray
    lip_face: np.ndarray
    brow_face: np.ndarray
    chin_face: np.ndarray
    eye_face: np.ndarray
    under: np.ndarray
    tights_faces: np.ndarray
    tights_rim: np.ndarray
    smoothing: csr_array


@functools.lru_cache(maxsize=2)
def body_regions(model: BodyModel) -> Regions:
    """The regions of a model; the same for every shape of it."""
    template = model.template_mm.astype(np.float64)
    heaviest = model.weight_indices[:, 0]

    def moved_by(*bones: str) -> np.ndarray:
        return np.isin(heaviest, [model.bone(name) for name in bones])

    arm, leg = np.full(len(template), np.nan), np.full(len(template), np.nan)
    foot = np.zeros(len(template), bool)
    for side in ("Left", "Right"):
        on_arm = moved_by(f"{side}Arm", f"{side}ForeArm", f"{side}Hand", f"{side}FingerBase",
                          f"{side}HandFinger1", f"{side[0]}Thumb")  # fmt: skip
        arm[on_arm] = _along(model, template[on_arm], (f"{side}Arm", f"{side}ForeArm"))
        on_foot = moved_by(f"{side}Foot", f"{side}ToeBase")
        on_leg = moved_by(f"{side}UpLeg", f"{side}Leg") | on_foot
        leg[on_leg] = _along(model, template[on_leg], (f"{side}UpLeg", f"{side}Leg"))
        foot |= on_foot

    faces = model.faces
    centre = quad_means(template[faces].mean(axis=1))
    skin_faces = model.face_group == model.group_names.index("body")
    on_head = moved_by("Head")
    skin = np.unique(faces[skin_faces])
    is_skin = np.zeros(len(template), bool)
    is_skin[skin] = True
    line = np.interp(template[:, 1], *HAIRLINE_MM.T)
    scalp = np.where(is_skin & moved_by("Head", "Neck1"), template[:, 2] - line, -np.inf)
    ear = model.ears > 0.5
    lips = quad_means(model.lips[faces].mean(axis=1)) > 0.5
    brow = (
        (np.abs(centre[:, 2] - np.interp(np.abs(centre[:, 0]), *BROW_MM.T)) < BROW_HALF_MM)
        & (centre[:, 1] < -100)
        & (np.abs(np.abs(centre[:, 0]) - 30) < 21)
    )
    chin = (
        on_head[faces].all(axis=1)
        & (centre[:, 1] < -70)
        & (centre[:, 2] < np.interp(np.abs(centre[:, 0]), [0, 40, 60], [682, 672, 715]))
    )
    tights = model.group_faces("helper-tights")
    tights_vertices = np.unique(faces[tights])
    under = np.full(len(template), -1)
    under[skin] = tights_vertices[KDTree(template[tights_vertices]).query(template[skin])[1]]
    return Regions(
        arm=arm,
        leg=leg,
        foot=foot,
        scalp=scalp,
        ear=ear,
        lip_face=lips & skin_faces,
        brow_face=brow & skin_faces,
        chin_face=chin & skin_faces & ~lips,
        eye_face=_eye_faces(model, centre),
        under=under,
        tights_faces=tights,
        tights_rim=_rim(faces[tights], len(template)),
        smoothing=_smoothing(faces[tights], len(template)),
    )


def quad_means(values: np.ndarray) -> np.ndarray:
    """Values per triangle (F, ...), each replaced by the mean of both halves of its quad."""
    pairs = values.reshape(-1, 2, *values.shape[1:])
    return np.repeat(pairs.mean(axis=1), 2, axis=0)


def _along(model: BodyModel, points: np.ndarray, bones: tuple[str, str]) -> np.ndarray:
    """(n,) how far along two bones in a row points lie: 0..1 on the first, 1..2 on the second."""
    fractions = []
    for name in bones:
        head, tail = (ends[model.bone(name)] for ends in (model.bone_heads_mm, model.bone_tails_mm))
        axis = tail - head
        fractions.append(np.clip((points - head) @ axis / (axis @ axis), 0.0, 1.0))
    return fractions[0] + fractions[1] * (fractions[0] >= 0.75)


def _eye_faces(model: BodyModel, centre: np.ndarray) -> np.ndarray:
    part = np.zeros(len(model.faces), np.int8)
    for name in ("helper-l-eye", "helper-r-eye"):
        chosen = model.group_faces(name)
        middle = model.template_mm[np.unique(model.faces[chosen])]
        middle = (middle.min(axis=0) + middle.max(axis=0)) / 2
        away = centre[chosen] - middle
        angle = np.degrees(np.arccos(-away[:, 1] / np.linalg.norm(away, axis=1)))
        part[chosen] = np.where(
            angle < EYE_PUPIL_DEGREES, 3, np.where(angle < EYE_IRIS_DEGREES, 2, 1)
        )
    return part


def _rim(faces: np.ndarray, vertex_count: int) -> np.ndarray:
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    rim = np.zeros(vertex_count, bool)
    rim[edges[count == 1].ravel()] = True
    return rim


def _smoothing(faces: np.ndarray, vertex_count: int) -> csr_array:
    """Row-stochastic: half the vertex itself, half the mean of its neighbours."""
    rows, columns = faces[:, [0, 1, 1, 2, 2, 0]].ravel(), faces[:, [1, 0, 2, 1, 0, 2]].ravel()
    ones = csr_array((np.ones(len(rows)), (rows, columns)), shape=(vertex_count, vertex_count))
    ones.data[:] = 1.0
    degree = np.maximum(ones.sum(axis=1), 1.0)
    ones.data /= np.repeat(degree, np.diff(ones.indptr))
    identity = csr_array((np.ones(vertex_count), (np.arange(vertex_count),) * 2))
    return csr_array(0.5 * ones + 0.5 * identity)
