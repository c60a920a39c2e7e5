"""Plausible colours of skin, hair, eyes and cloth: palettes and draws. sRGB, 0..1."""

import colorsys
from dataclasses import dataclass

import numpy as np

NO_PATTERN = 0

SKIN_TONES = np.array(
    [
        [0.96, 0.84, 0.77], [0.93, 0.78, 0.68], [0.88, 0.71, 0.59], [0.80, 0.61, 0.48],
        [0.70, 0.50, 0.37], [0.57, 0.39, 0.28], [0.44, 0.29, 0.20], [0.31, 0.20, 0.15],
    ]
)  # fmt: skip
"""From light to dark."""

ANCESTRY_TONES = {"caucasian": (0.0, 3.5), "asian": (1.0, 4.5), "african": (3.5, 7.0)}
"""Range of positions on `SKIN_TONES` for each ancestry."""

HAIR_COLOURS = np.array(
    [
        [0.05, 0.04, 0.04], [0.12, 0.08, 0.06], [0.22, 0.14, 0.09], [0.35, 0.23, 0.14],
        [0.52, 0.37, 0.22], [0.75, 0.60, 0.38], [0.50, 0.22, 0.10], [0.55, 0.54, 0.53],
        [0.80, 0.79, 0.78],
    ]
)  # fmt: skip
"""Black, dark browns, browns, blond, red, greys."""

HAIR_SHARES = {
    "caucasian": (0.1, 0.2, 0.2, 0.18, 0.1, 0.09, 0.05, 0.05, 0.03),
    "asian": (0.55, 0.25, 0.08, 0.03, 0.01, 0.01, 0.0, 0.05, 0.02),
    "african": (0.6, 0.25, 0.05, 0.01, 0.0, 0.01, 0.0, 0.06, 0.02),
}

IRIS_COLOURS = np.array(
    [[0.18, 0.10, 0.06], [0.30, 0.18, 0.09], [0.36, 0.32, 0.15], [0.28, 0.40, 0.30],
     [0.30, 0.45, 0.62], [0.45, 0.50, 0.53]]
)  # fmt: skip
"""Dark brown, brown, hazel, green, blue, grey."""


@dataclass(frozen=True, eq=False)
class Paint:
    """One material: two colours (3,), pattern id, repeats per mm, strength of highlights."""

    colour_a: np.ndarray
    colour_b: np.ndarray
    pattern: int
    scale: float
    specular: float


def plain_paint(colour: np.ndarray, specular: float) -> Paint:
    """One colour, no pattern."""
    return Paint(colour, colour, NO_PATTERN, 0.0, specular)


def mix(
    first: np.ndarray | tuple[float, ...], second: np.ndarray | tuple[float, ...], share: float
) -> np.ndarray:
    """(3,) between two colours, `share` of the second."""
    return (1 - share) * np.asarray(first) + share * np.asarray(second)


def skin_colour(phenotypes: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """(3,) a skin tone within the range of the person's ancestry."""
    shares = _shares(phenotypes)
    low, high = np.array([ANCESTRY_TONES[name] for name in shares]).T @ np.array([*shares.values()])
    position = rng.uniform(low, high)
    tone = np.array(
        [np.interp(position, np.arange(len(SKIN_TONES)), SKIN_TONES[:, k]) for k in range(3)]
    )
    return np.clip(tone * rng.normal(1.0, 0.02, 3), 0.0, 1.0)


def hair_colour(phenotypes: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """(3,) a natural hair colour; sometimes a dyed one."""
    shares = _shares(phenotypes)
    chance = sum(share * np.array(HAIR_SHARES[name]) for name, share in shares.items())
    colour = HAIR_COLOURS[rng.choice(len(HAIR_COLOURS), p=chance / np.sum(chance))]
    if rng.random() < 0.04:
        colour = np.array(colorsys.hsv_to_rgb(rng.random(), 0.6, 0.6))
    return np.clip(colour * rng.uniform(0.8, 1.2), 0.0, 1.0)


def iris_colour(phenotypes: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """(3,) an eye colour; light ones with European ancestry only."""
    light = rng.random() < 0.6 * _shares(phenotypes)["caucasian"]
    return IRIS_COLOURS[rng.integers(2, 6) if light else rng.integers(0, 2)]


def cloth_paint(rng: np.random.Generator, pattern_chance: float) -> Paint:
    """Any colour, greys and denim more often; with the given chance a pattern."""
    colour_a, colour_b = _cloth_colour(rng), _cloth_colour(rng)
    if np.abs(colour_a - colour_b).max() < 0.15:
        colour_b = 1.0 - colour_a
    pattern = int(rng.integers(1, 6)) if rng.random() < pattern_chance else NO_PATTERN
    period_mm = np.exp(rng.uniform(np.log(18.0), np.log(140.0)))
    return Paint(colour_a, colour_b, pattern, 1.0 / period_mm, float(rng.uniform(0.0, 0.15)))


def _cloth_colour(rng: np.random.Generator) -> np.ndarray:
    kind = rng.random()
    if kind < 0.3:
        return np.full(3, rng.uniform(0.04, 0.95)) * rng.uniform(0.95, 1.0, 3)
    if kind < 0.42:
        return np.array([0.18, 0.26, 0.42]) * rng.uniform(0.5, 1.6)
    return np.array(
        colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.25, 0.95), rng.uniform(0.15, 0.95))
    )


def _shares(phenotypes: dict[str, float]) -> dict[str, float]:
    amounts = {name: phenotypes[name] for name in ("caucasian", "asian", "african")}
    return {name: amount / sum(amounts.values()) for name, amount in amounts.items()}
