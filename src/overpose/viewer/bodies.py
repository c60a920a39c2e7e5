"""Bodies in place of sticks: those of GLB files, in the axes that the viewers show.

How they are drawn belongs to the page and to the live scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overpose.formats.glb_body import Surface, body_following, surface_of
from overpose.skeleton import HUMAN36M
from overpose.studio.body import load_body
from overpose.support.assets import asset_path
from overpose.support.errors import InputError
from overpose.support.progress import say
from overpose.viewer.shown import ShownPerson

MOST_BODIES = 8
"""More people are shown as sticks: drawing and files would become slow and large."""
_LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""From the body's axes, z up, to the level ones that are shown."""


@dataclass(frozen=True, eq=False)
class ShownBody:
    """The body of one person, n vertices and B bones, in the show's level axes, mm.

    Attributes:
        rest_mm: (n, 3) vertices at rest.
        bones_mm: (B, 3) heads of the bones at rest, where none is turned.
        rotations: (frames, B, 3, 3) of each bone from its rest; not turned where nobody is seen.
        heads_mm: (frames, B, 3) heads of the bones; NaN where the person is not seen.
    """

    rest_mm: np.ndarray
    bones_mm: np.ndarray
    rotations: np.ndarray
    heads_mm: np.ndarray


@dataclass(frozen=True, eq=False)
class Bodies:
    """Bodies of the people of a show.

    Attributes:
        surface: what they share of their surface.
        bone_parents: (B,) int32, -1 for the root; parents come first.
        people: the body of each person; None of who is a stick figure.
    """

    surface: Surface
    bone_parents: np.ndarray
    people: tuple[ShownBody | None, ...]


def bodies_of(people: Sequence[ShownPerson]) -> Bodies | None:
    """Bodies for everybody who can have one; None, and a line that says why, where nobody can.

    Nothing is downloaded for it.
    """
    if not people:
        return None
    if len(people) > MOST_BODIES:
        say(f"{len(people)} people are drawn as sticks: bodies are for up to {MOST_BODIES}")
        return None
    if not asset_path("body").is_file():
        say("people are drawn as sticks: there is no body in the cache; overpose assets gets it")
        return None
    model = load_body()
    surface = surface_of(model)
    found = tuple(_body_of(person, surface) for person in people)
    if not any(found):
        return None
    return Bodies(surface, model.bone_parents, found)


def _body_of(person: ShownPerson, surface: Surface) -> ShownBody | None:
    seen = person.seen
    if person.joint_names != HUMAN36M.joint_names or not seen.any():
        return None
    feet = None if person.feet_mm is None else person.feet_mm[seen]
    try:
        shape, rotations, heads = body_following(
            person.poses_mm[seen], person.root_mm[seen], feet, person.fps, person.label
        )
    except InputError as error:
        say(f"{error}; drawn as sticks")
        return None
    bones = len(shape.bone_heads_mm)
    turns = np.tile(np.eye(3), (person.frames, bones, 1, 1))
    places = np.full((person.frames, bones, 3), np.nan)
    turns[seen], places[seen] = _LEVEL @ rotations @ _LEVEL.T, heads @ _LEVEL.T
    rest = shape.rest_mm[surface.vertices].astype(np.float64)
    return ShownBody(rest @ _LEVEL.T, shape.bone_heads_mm @ _LEVEL.T, turns, places)
