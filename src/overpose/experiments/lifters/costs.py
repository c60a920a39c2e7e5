"""How many steps lifters of different networks learn for, so that all cost the same."""

import time
from pathlib import Path

import numpy as np
import torch

from overpose.experiments.lifters.recipe import LifterRecipe
from overpose.networks.configs import KeypointEncoderConfig, PosePredictorConfig
from overpose.networks.pose_predictor import PosePredictor
from overpose.support.bfloat16 import training_dtype
from overpose.support.files import read_json, write_json
from overpose.support.seeding import random_stream
from overpose.synthetic.batches import BatchSource
from overpose.synthetic.detections import Detections
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.landmarks import POINTS
from overpose.training.losses import pose_loss

STEPS = "steps.json"


def steps_of(recipe: LifterRecipe, runs: Detections, out: Path) -> dict[str, int]:
    """Steps in an epoch of each lifter, kept in `STEPS` so that a run goes on with the same.

    With `equal_cost`, those that take the same time of a processor as the first lifter's.
    """
    path = out / STEPS
    if path.is_file():
        return read_json(path)
    steps = dict.fromkeys(recipe.encoders, recipe.steps)
    if recipe.equal_cost:
        costs = {
            lifter: _seconds_a_step(recipe, runs, encoder)
            for lifter, encoder in recipe.encoders.items()
        }
        first = next(iter(costs.values()))
        steps = {name: max(1, round(recipe.steps * first / cost)) for name, cost in costs.items()}
    write_json(path, steps)
    return steps


def _seconds_a_step(
    recipe: LifterRecipe, runs: Detections, encoder: KeypointEncoderConfig
) -> float:
    """Seconds of a processor for drawing and learning from a batch; other programs do not count."""
    rng = random_stream(recipe.seed, "cost of a step")
    pool = rng.integers(-4000, 4000, (8, recipe.pool.frames, POINTS, 3)).astype(np.int16)
    source = BatchSource(pool, DetectorModel.fit(runs), runs, encoder.offsets, recipe.batches)
    model = PosePredictor(PosePredictorConfig("direct", encoder))
    model.training_dtype = training_dtype(wanted=True)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    taken = []
    for _ in range(4):
        began = time.process_time()
        drawn = source.draw(recipe.batch_size, rng)
        pose_loss(
            model(torch.from_numpy(drawn.features)), torch.zeros(recipe.batch_size, 51)
        ).backward()
        optimizer.step()
        optimizer.zero_grad()
        taken.append(time.process_time() - began)
    return min(taken)
