"""Outfits: whole meshes of known materials, decided by their random streams."""

from dataclasses import replace

import numpy as np
import pytest

from overpose.studio.body import BodyModel, BodyShape
from overpose.studio.outfit import (
    MATERIALS,
    Outfit,
    Style,
    dress,
    pose_outfit,
    random_materials,
    random_outfit,
    random_style,
)
from overpose.studio.skinning import skin
from overpose.support.seeding import random_stream


@pytest.fixture(scope="module")
def style(person: BodyShape) -> Style:
    drawn = random_style(person, random_stream(0, "style"))
    return replace(drawn, sleeve=0.6, trouser=1.9, skirt_mm=None, hair="short", shoe=1.95,
                   hem_mm=120.0, collar_mm=80.0, hair_mm=8.0, hairline_mm=0.0)  # fmt: skip


def dressed(body: BodyModel, person: BodyShape, style: Style) -> Outfit:
    rng = random_stream(0, "colours")
    return dress(body, person, style, random_materials(person, rng, rng))


def area_mm2(outfit: Outfit, *names: str) -> float:
    chosen = np.isin(outfit.face_material, [MATERIALS.index(name) for name in names])
    a, b, c = np.moveaxis(outfit.rest_mm[outfit.faces[chosen]].astype(np.float64), 1, 0)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


@pytest.mark.parametrize("seed", range(12))
def test_random_outfits_are_whole_meshes(body: BodyModel, person: BodyShape, seed: int) -> None:
    outfit = random_outfit(body, person, random_stream(seed, "clothes"))
    count = len(outfit.rest_mm)
    assert outfit.rest_mm.dtype == np.float32
    assert np.isfinite(outfit.rest_mm).all()
    assert outfit.faces.dtype == outfit.face_material.dtype == np.int32
    np.testing.assert_array_equal(np.unique(outfit.faces), np.arange(count))
    assert outfit.weights.shape == outfit.weight_indices.shape == (count, 4)
    assert set(np.unique(outfit.face_material)) <= set(range(len(MATERIALS)))
    for colours in (outfit.materials.colour_a, outfit.materials.colour_b):
        assert colours.shape == (len(MATERIALS), 3)
        assert colours.min() >= 0
        assert colours.max() <= 1
    for shown in ("skin", "eye_white", "iris", "pupil", "lips", "shirt"):
        assert area_mm2(outfit, shown) > 0, shown


def test_the_stream_decides_the_outfit(body: BodyModel, person: BodyShape) -> None:
    first, again, other = (
        random_outfit(body, person, random_stream(seed, "clothes")) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.rest_mm, again.rest_mm)
    np.testing.assert_array_equal(first.materials.colour_a, again.materials.colour_a)
    assert first.style == again.style != other.style


def test_a_person_keeps_their_colours_in_other_clothes(body: BodyModel, person: BodyShape) -> None:
    monday, tuesday = (
        random_outfit(body, person, random_stream(day, "clothes"), random_stream(0, "person"))
        for day in (1, 2)
    )
    own = [MATERIALS.index(name) for name in ("skin", "hair", "iris", "lips")]
    cloth = MATERIALS.index("trousers")
    np.testing.assert_array_equal(monday.materials.colour_a[own], tuesday.materials.colour_a[own])
    assert not np.array_equal(monday.materials.colour_a[cloth], tuesday.materials.colour_a[cloth])


def test_longer_sleeves_and_trousers_have_more_cloth_and_leave_less_skin(
    body: BodyModel, person: BodyShape, style: Style
) -> None:
    outfits = [
        dressed(body, person, replace(style, sleeve=length, trouser=length))
        for length in (0.5, 1.0, 1.5, 1.97)
    ]
    cloth = [area_mm2(outfit, "sleeves", "trousers") for outfit in outfits]
    bare = [area_mm2(outfit, "skin") for outfit in outfits]
    assert (np.diff(cloth) > 0).all()
    assert (np.diff(bare) < 0).all()


def test_looser_clothes_reach_farther_out(body: BodyModel, person: BodyShape, style: Style) -> None:
    def width(loose: float) -> float:
        outfit = dressed(body, person, replace(style, trouser_loose_mm=loose, shirt_loose_mm=loose))
        cloth = outfit.faces[outfit.face_material == MATERIALS.index("trousers")]
        return float(np.ptp(outfit.rest_mm[cloth.ravel(), 1]))

    assert width(4.0) < width(10.0) < width(16.0)


def test_clothes_lie_outside_the_skin_they_cover(
    body: BodyModel, person: BodyShape, style: Style
) -> None:
    outfit = dressed(body, person, style)
    bare = person.rest_mm[np.unique(body.faces[body.group_faces("helper-tights")])]
    cloth = [MATERIALS.index(name) for name in ("shirt", "trousers", "sleeves", "print")]
    corners = np.unique(outfit.faces[np.isin(outfit.face_material, cloth)])
    distance = np.linalg.norm(outfit.rest_mm[corners, None] - bare[None], axis=2).min(axis=1)
    assert distance.min() > 1.0
    assert distance.max() < 60.0


def test_bald_heads_have_no_hair_and_long_hair_hangs_lower(
    body: BodyModel, person: BodyShape, style: Style
) -> None:
    def lowest_hair(**asked: object) -> float:
        outfit = dressed(body, person, replace(style, **asked))
        hair = outfit.faces[outfit.face_material == MATERIALS.index("hair")]
        return float(outfit.rest_mm[hair.ravel(), 2].min()) if len(hair) else np.inf

    assert lowest_hair(hair="bald") == np.inf
    assert lowest_hair(hair="long", hair_end_mm=400.0) < lowest_hair(hair="short") - 100


def test_a_skirt_takes_the_place_of_trousers(
    body: BodyModel, person: BodyShape, style: Style
) -> None:
    assert area_mm2(dressed(body, person, style), "skirt") == 0
    with_skirt = dressed(body, person, replace(style, skirt_mm=-300.0))
    assert area_mm2(with_skirt, "skirt") > 0
    assert area_mm2(with_skirt, "trousers") == 0


def test_posing_is_skinning_of_the_dressed_rest(body: BodyModel, person: BodyShape) -> None:
    outfit = random_outfit(body, person, random_stream(3, "clothes"))
    transforms = np.tile(np.eye(3, 4, dtype=np.float32), (len(body.bone_names), 1, 1))
    transforms[:, 2, 3] = np.arange(len(body.bone_names))
    expected = skin(outfit.rest_mm, outfit.weight_indices, outfit.weights, transforms)
    np.testing.assert_array_equal(pose_outfit(outfit, transforms), expected)
    lift = expected[:, 2] - outfit.rest_mm[:, 2]
    heaviest = outfit.weights[:, 0] > 0.9999
    np.testing.assert_allclose(lift[heaviest], outfit.weight_indices[heaviest, 0], atol=1e-2)
