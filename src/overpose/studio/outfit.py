"""What a person wears: clothes, shoes and hair cut from the body's surface, and all colours.

Everything is shaped on the body at rest, so that posing a dressed body is one pass of skinning.
"""

from dataclasses import dataclass

import numpy as np

from overpose.studio.body import BodyModel, BodyShape
from overpose.studio.colours import (
    NO_PATTERN,
    Paint,
    cloth_paint,
    hair_colour,
    iris_colour,
    mix,
    plain_paint,
    skin_colour,
)
from overpose.studio.rasterizer import Materials
from overpose.studio.regions import Regions, body_regions, quad_means
from overpose.studio.skinning import skin

MATERIALS = (
    "skin", "lips", "brows", "eye_white", "iris", "pupil", "hair", "beard",
    "shirt", "sleeves", "print", "trousers", "skirt", "shoes",
)  # fmt: skip
"""Names of the materials of every outfit, in the order of their ids."""

NECK_HEIGHT_MM, NECK_DEPTH_MM = 520.0, 22.0
"""Where collars open: above this height on the template, round an axis so far in front."""


@dataclass(frozen=True)
class Style:
    """The cut of an outfit; lengths along limbs as in `Regions`, heights on the template in mm.

    Attributes:
        sleeve: where sleeves end, 0 shoulder to 2 wrist.
        trouser: where trousers end, 0 hip to 2 ankle.
        hem_mm: height of the shirt's lower edge.
        collar_mm: half the width of the neck's opening, None for a high collar.
        shirt_loose_mm, trouser_loose_mm: distance of the cloth from the skin.
        flare: how much wider trousers are at the ankle.
        shoe: where shoes begin on the leg (2: at the ankle), None barefoot.
        skirt_mm: height of a skirt's lower edge, None without.
        hair: "bald", "cropped", "short", "full" or "long".
        hairline_mm: how far the hairline is drawn back.
        hair_mm: thickness of the hair; hair_end_mm: height of the end of long hair.
        beard, print: whether there is one.
    """

    sleeve: float
    trouser: float
    hem_mm: float
    collar_mm: float | None
    shirt_loose_mm: float
    trouser_loose_mm: float
    flare: float
    shoe: float | None
    skirt_mm: float | None
    hair: str
    hairline_mm: float
    hair_mm: float
    hair_end_mm: float
    beard: bool
    print: bool


@dataclass(frozen=True, eq=False)
class Outfit:
    """A dressed person at rest.

    Attributes:
        rest_mm: (V, 3) float32 vertices at rest, also the coordinate of the patterns.
        weight_indices, weights: (V, 4) uint8 and float32, as in `BodyModel`.
        faces: (F, 3) int32; skin under clothes is left out.
        face_material: (F,) int32 index into `MATERIALS` and `materials`.
        materials: colours and patterns.
        style: the cut.
    """

    rest_mm: np.ndarray
    weight_indices: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    face_material: np.ndarray
    materials: Materials
    style: Style


def pose_outfit(outfit: Outfit, transforms: np.ndarray) -> np.ndarray:
    """Vertices of a dressed person in one pose, (V, 3) float32, world mm.

    Args:
        transforms: (B, 3, 4) rest to world of every bone: a frame of `retarget(...).transforms`.
    """
    return skin(outfit.rest_mm, outfit.weight_indices, outfit.weights, transforms)


def random_outfit(
    model: BodyModel,
    shape: BodyShape,
    rng: np.random.Generator,
    person: np.random.Generator | None = None,
) -> Outfit:
    """Clothes, hair and colours for a person, drawn at random.

    The skin's colour leans on the ancestry of the shape, hair styles and skirts on its gender.

    Args:
        rng: draws the clothes and the cut of the hair.
        person: draws the colours of skin, hair and eyes; None takes them from `rng` too. The same
            stream, e.g. `random_stream(seed, "person", subject)`, gives the same person again.
    """
    style = random_style(shape, rng)
    return dress(model, shape, style, random_materials(shape, person or rng, rng))


def random_style(shape: BodyShape, rng: np.random.Generator) -> Style:
    """A random cut of clothes and hair."""
    female = rng.random() < shape.phenotypes["gender"]
    skirt = female and rng.random() < 0.2
    hair = str(
        rng.choice(
            ["bald", "cropped", "short", "full", "long"],
            p=[0.0, 0.03, 0.2, 0.27, 0.5] if female else [0.1, 0.25, 0.4, 0.17, 0.08],
        )
    )
    low, high = {"bald": (0, 0), "cropped": (1, 3), "short": (5, 12), "full": (14, 30),
                 "long": (8, 16)}[hair]  # fmt: skip
    sleeve = rng.choice([rng.uniform(0.05, 0.15), rng.uniform(0.4, 0.85), rng.uniform(1.2, 1.6),
                         1.97], p=[0.12, 0.43, 0.08, 0.37])  # fmt: skip
    trouser = rng.choice(
        [rng.uniform(0.35, 0.95), rng.uniform(1.3, 1.7), 1.98], p=[0.25, 0.1, 0.65]
    )
    return Style(
        sleeve=float(sleeve),
        trouser=float(trouser),
        hem_mm=float(rng.uniform(70, 185)),
        collar_mm=None if rng.random() < 0.15 else float(rng.uniform(68, 105)),
        shirt_loose_mm=float(rng.uniform(4, 18)),
        trouser_loose_mm=float(rng.uniform(4, 16)),
        flare=float(rng.uniform(0.0, 1.2)),
        shoe=None if rng.random() < 0.08 else float(rng.choice([1.95, rng.uniform(1.6, 1.9)])),
        skirt_mm=float(rng.uniform(-560, -150)) if skirt else None,
        hair=hair,
        hairline_mm=float(rng.uniform(-6, 8) + (rng.uniform(0, 12) if not female else 0.0)),
        hair_mm=float(rng.uniform(low, high)),
        hair_end_mm=float(rng.uniform(350, 640)),
        beard=bool(not female and rng.random() < 0.35),
        print=bool(rng.random() < 0.3),
    )


def random_materials(
    shape: BodyShape, person: np.random.Generator, clothes: np.random.Generator
) -> Materials:
    """Random colours: skin, hair and eyes drawn from `person`, cloth from `clothes`."""
    skin_rgb = skin_colour(shape.phenotypes, person)
    hair_rgb = hair_colour(shape.phenotypes, person)
    shirt, trousers = cloth_paint(clothes, 0.55), cloth_paint(clothes, 0.2)
    skirt = shirt if clothes.random() < 0.4 else cloth_paint(clothes, 0.4)
    sleeves = shirt if clothes.random() < 0.85 else cloth_paint(clothes, 0.3)
    shoes = plain_paint(cloth_paint(clothes, 0.0).colour_a, 0.25)
    chest = cloth_paint(clothes, 1.0)
    white = np.array([0.88, 0.86, 0.84])
    paints: dict[str, Paint] = {
        "skin": Paint(skin_rgb, mix(skin_rgb, (0.75, 0.35, 0.3), 0.12), 4, 0.03, 0.2),
        "lips": plain_paint(mix(skin_rgb, (0.62, 0.2, 0.22), 0.45), 0.25),
        "brows": plain_paint(mix(hair_rgb, skin_rgb, 0.25), 0.05),
        "eye_white": plain_paint(white, 0.5),
        "iris": plain_paint(iris_colour(shape.phenotypes, person), 0.6),
        "pupil": plain_paint(np.full(3, 0.03), 0.8),
        "hair": Paint(hair_rgb, mix(hair_rgb, (0.0, 0.0, 0.0), 0.35), 4, 0.09, 0.25),
        "beard": plain_paint(mix(hair_rgb, skin_rgb, float(person.uniform(0.1, 0.6))), 0.05),
        "shirt": shirt,
        "sleeves": sleeves,
        "print": chest,
        "trousers": trousers,
        "skirt": skirt,
        "shoes": shoes,
    }
    chosen = [paints[name] for name in MATERIALS]
    return Materials(
        colour_a=np.array([p.colour_a for p in chosen], np.float32),
        colour_b=np.array([p.colour_b for p in chosen], np.float32),
        pattern=np.array([p.pattern for p in chosen], np.int32),
        pattern_scale=np.array(
            [p.scale if p.pattern != NO_PATTERN else 0.0 for p in chosen], np.float32
        ),
        specular=np.array([p.specular for p in chosen], np.float32),
    )


def dress(model: BodyModel, shape: BodyShape, style: Style, materials: Materials) -> Outfit:
    """Cut clothes and hair of a style for a body."""
    regions = body_regions(model)
    material = _face_materials(model, regions, style)
    rest = shape.rest_mm.astype(np.float64)
    rest = rest + _hair_offsets(model, regions, style, rest)
    rest = _cloth_vertices(model, regions, style, material, rest)
    worn = regions.tights_faces[material[regions.tights_faces] >= 0]
    hidden = _hidden_vertices(model, regions, worn)
    shown = (material >= 0) & ~hidden[model.faces].all(axis=1)
    faces = model.faces[shown]
    used, compact = np.unique(faces, return_inverse=True)
    return Outfit(
        rest_mm=np.ascontiguousarray(rest[used], np.float32),
        weight_indices=np.ascontiguousarray(model.weight_indices[used]),
        weights=np.ascontiguousarray(model.weights[used]),
        faces=compact.reshape(faces.shape).astype(np.int32),
        face_material=material[shown].astype(np.int32),
        materials=materials,
        style=style,
    )


def _face_materials(model: BodyModel, regions: Regions, style: Style) -> np.ndarray:
    """(F,) index into `MATERIALS`, -1 for faces that are not there."""
    name = MATERIALS.index
    faces, template = model.faces, model.template_mm
    centre = quad_means(template[faces].mean(axis=1))
    group = np.array(model.group_names)[model.face_group]
    material = np.full(len(faces), -1)
    material[group == "body"] = name("skin")
    if style.beard:
        material[regions.chin_face] = name("beard")
    material[regions.lip_face] = name("lips")
    material[regions.brow_face] = name("brows")
    for part, kind in ((1, "eye_white"), (2, "iris"), (3, "pupil")):
        material[regions.eye_face == part] = name(kind)
    if style.hair != "bald":
        grown = (regions.scalp > style.hairline_mm) & ~regions.ear
        material[quad_means(grown[faces].mean(axis=1)) > 0.7] = name("hair")
    if style.hair == "long":
        behind = centre[:, 1] > np.interp(centre[:, 2], [600, 760], [-60.0, -85.0])
        strands = (group == "helper-hair") & behind & (centre[:, 2] > style.hair_end_mm)
        material[strands] = name("hair")

    tights = regions.tights_faces
    with np.errstate(invalid="ignore"):
        arm = quad_means(regions.arm[faces[tights]].mean(axis=1))
        leg = quad_means(regions.leg[faces[tights]].mean(axis=1))
        across, along, height = centre[tights].T
        on_arm, on_leg = np.isfinite(arm), np.isfinite(leg)
        neck = np.zeros(len(tights), bool)
        if style.collar_mm is not None:
            width = np.hypot(across, along + NECK_DEPTH_MM)
            neck = (width < style.collar_mm) & (height > NECK_HEIGHT_MM)
        shirt = ~on_arm & (height > style.hem_mm) & ~neck
        sleeves = on_arm & (arm < style.sleeve)
        trousers = ~on_arm & ~shirt & ~neck & (~on_leg | (leg < style.trouser))
        if style.skirt_mm is not None:
            trousers &= ~on_leg | (leg < 0.3)
        feet = quad_means(regions.foot[faces[tights]].mean(axis=1)) > 0.99
        shoes = feet | (on_leg & (leg > (style.shoe or 3.0)))
    worn = np.full(len(tights), -1)
    worn[trousers & ~feet] = name("trousers" if style.skirt_mm is None else "skirt")
    worn[shirt] = name("shirt")
    worn[sleeves] = name("sleeves")
    if style.print:
        chest = shirt & (along < -60) & (np.abs(across) < 75)
        worn[chest & (height > 330) & (height < 450)] = name("print")
    if style.shoe is not None:
        worn[shoes] = name("shoes")
    material[tights] = worn
    if style.skirt_mm is not None:
        material[(group == "helper-skirt") & (centre[:, 2] > style.skirt_mm)] = name("skirt")
    return material


def _cloth_vertices(
    model: BodyModel, regions: Regions, style: Style, material: np.ndarray, rest: np.ndarray
) -> np.ndarray:
    """Vertices with the helper geometry moved away from the skin."""
    tights = regions.tights_faces
    loose = {
        "shirt": style.shirt_loose_mm, "sleeves": style.shirt_loose_mm * 0.8,
        "print": style.shirt_loose_mm, "trousers": style.trouser_loose_mm, "shoes": 5.0,
        "skirt": 3.0,
    }  # fmt: skip
    total, count = np.zeros(len(rest)), np.zeros(len(rest))
    for cloth, amount in loose.items():
        corners = model.faces[tights[material[tights] == MATERIALS.index(cloth)]].ravel()
        np.add.at(total, corners, amount)
        np.add.at(count, corners, 1.0)
    offset = total / np.maximum(count, 1.0)
    flare = 1.0 + style.flare * np.clip(np.nan_to_num(regions.leg) - 0.5, 0.0, 1.5) / 1.5
    # Cloth rests on the shoulders: what is loose there looks like padding.
    above = np.clip((model.template_mm[:, 2] - 380.0) / 90.0, 0.0, 1.0)
    shoulders = np.where(np.nan_to_num(regions.arm, nan=0.0) < 0.5, 1.0 - 0.6 * above, 1.0)
    offset *= np.where(regions.foot, 1.0, flare) * shoulders
    for _ in range(2):
        offset = np.where(count > 0, np.maximum(regions.smoothing @ offset, 3.0), offset)
    normals = _normals(rest, model.faces[tights])
    for _ in range(2):
        normals = regions.smoothing @ normals
    moved = rest + offset[:, None] * _unit_rows(normals)
    # Loose cloth hangs over hollows: smooth it, never below a close fit.
    drape = np.clip(offset / 20.0, 0.0, 1.0)[:, None] * ~regions.foot[:, None]
    for _ in range(4):
        moved = moved + drape * (regions.smoothing @ moved - moved)
    normals = _unit_rows(normals)
    depth = ((moved - rest) * normals).sum(axis=1)
    moved += np.where(count > 0, np.maximum(3.0 - depth, 0.0), 0.0)[:, None] * normals
    # The soles stay on the ground the body stands on.
    moved[regions.foot, 2] = np.maximum(moved[regions.foot, 2], 0.0)
    skirt = model.group_faces("helper-skirt")
    outward = _unit_rows(_normals(rest, model.faces[skirt]))
    return moved + (style.trouser_loose_mm + 4.0) * outward


def _hair_offsets(model: BodyModel, regions: Regions, style: Style, rest: np.ndarray) -> np.ndarray:
    """(V, 3) mm to add to the skin where hair grows, rising softly from the hairline."""
    if style.hair == "bald":
        return np.zeros_like(rest)
    height = np.where(regions.ear, 0.0, np.clip(regions.scalp - style.hairline_mm, 0.0, None))
    thickness = style.hair_mm * np.clip(np.nan_to_num(height, neginf=0.0) / 25.0, 0.0, 1.0) ** 0.5
    normals = _unit_rows(_normals(rest, model.faces[model.group_faces("body")]))
    offsets = thickness[:, None] * normals
    strands = model.faces[model.group_faces("helper-hair")]
    offsets += (4.0 + 0.5 * style.hair_mm) * _unit_rows(_normals(rest, strands))
    return offsets


def _hidden_vertices(model: BodyModel, regions: Regions, worn: np.ndarray) -> np.ndarray:
    """(V,) bool: skin that lies under cloth, well inside its edges."""
    covered = np.zeros(len(model.template_mm), bool)
    covered[model.faces[worn]] = True
    bare = np.setdiff1d(regions.tights_faces, worn)
    open_ = regions.tights_rim.copy()
    open_[model.faces[bare]] = True
    # One ring of faces more stays, so that no gap shows at the edge.
    edge = open_.copy()
    touching = open_[model.faces[worn]].any(axis=1)
    edge[model.faces[worn[touching]]] = True
    inside = covered & ~edge
    hidden = np.zeros(len(inside), bool)
    skin_vertices = regions.under >= 0
    hidden[skin_vertices] = inside[regions.under[skin_vertices]]
    return hidden


def _normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) sums of face normals (by area) at each vertex; zero where there is no face."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for corner in range(3):
        np.add.at(total, faces[:, corner], normal)
    return total


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)
