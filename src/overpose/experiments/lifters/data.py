"""What lifters learn from: runs of the detector on renders, and a pool of motions.

Learning from them belongs to `training`, what is in them to `synthetic`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import Splits, open_recorded
from overpose.experiments.lifters.costs import STEPS, steps_of
from overpose.experiments.lifters.recipe import LifterRecipe
from overpose.experiments.setting import begin_setting
from overpose.mocap.library import MotionLibrary, subject_of
from overpose.mocap.motion import Motion
from overpose.support.cluster import Cluster
from overpose.support.errors import InputError
from overpose.support.files import Output
from overpose.support.seeding import random_stream
from overpose.synthetic.batches import BatchConfig, BatchSource
from overpose.synthetic.detections import COMPLEXITIES, Detections, make_detections, read_detections
from overpose.synthetic.detector import DetectorModel
from overpose.synthetic.motions import CLIP_FPS, Recordings
from overpose.synthetic.pool import ClipPool, renewing
from overpose.training.samples import Drawn, Samples

REAL_RUNS = BatchConfig(
    detected=1.0, generic=0.0, roll_degrees=0.0, shift=0.0, drop=0.0,
    drop_part=0.0, drop_frame=0.0, swap=0.0, focal_error=0.0,
)  # fmt: skip
"""What the detector said of renders, as it is."""


@dataclass(frozen=True, eq=False)
class LifterData:
    """What lifters learn from.

    Attributes:
        pool: clips, renewed while training goes on.
        train, held_out: real runs of the detector.
        detector: its errors in `train`.
    """

    pool: ClipPool
    train: Detections
    held_out: Detections
    detector: DetectorModel

    @classmethod
    def read(cls, recipe: LifterRecipe, out: Path, detections: Path) -> "LifterData":
        """What is in the directory of a run, and in that of the detector's runs."""
        found = read_detections(detections, recipe.detection_clips)
        held_out, train = split_clips(found, recipe.held_out_clips)
        return cls(ClipPool(out / "pool", recipe.pool), train, held_out, DetectorModel.fit(train))

    def source(self, recipe: LifterRecipe, lifter: str) -> BatchSource:
        """Training windows of a lifter."""
        offsets = recipe.encoders[lifter].offsets
        return BatchSource(self.pool, self.detector, self.train, offsets, recipe.batches)

    def validation(self, recipe: LifterRecipe, lifter: str) -> Samples:
        """Windows of real runs that were held out."""
        return self.real_windows(recipe, recipe.encoders[lifter].offsets, self.held_out)[:2]

    def real_windows(
        self, recipe: LifterRecipe, offsets: tuple[int, ...], runs: Detections
    ) -> Drawn:
        """Windows of runs of the detector as they are; of the same clips always the same poses."""
        source = BatchSource(self.pool, self.detector, runs, offsets, REAL_RUNS)
        rng = random_stream(recipe.seed, "lifter validation")
        return source.draw(recipe.validation_windows, rng)


def split_clips(found: Detections, count: int) -> tuple[Detections, Detections]:
    """The first `count` clips, and the others."""
    names = [field.name for field in fields(Detections)]
    first = Detections(**{name: getattr(found, name)[:count] for name in names})
    return first, Detections(**{name: getattr(found, name)[count:] for name in names})


@contextmanager
def making(
    recipe: LifterRecipe,
    motion: MotionSource,
    output: Output,
    models: dict[str, tuple[Path, Path]],
    detections: Path,
    workers: int,
) -> Iterator[None]:
    """Begin or go on with a run: its directory, the detector's runs, the steps of each lifter, and
    the pool, which is renewed as long as the context lasts.

    Args:
        recipe, motion, output, models: as in `training.train_lifters`.
        detections: directory of the detector's runs.
        workers: processes.

    Raises:
        InputError: as there.
    """
    out = output.out
    recordings = recordings_of(*open_recorded(motion))
    begin_setting(
        output,
        "recipe.json",
        {
            "recipe": json.loads(json.dumps(asdict(recipe))),
            "train_trials": len(recordings.motions),
            "train_frames": sum(len(motion) for motion in recordings.motions),
        },
        kind="run of lifters",
        finished="report.json",
        products=(
            "detections", "pool", "code", STEPS, *recipe.encoders, "weights", "tables.md",
            "learning_curve.png", "expected_errors.png",
        ),
    )  # fmt: skip
    found = _detect(recordings, recipe, models, detections, workers)
    steps = steps_of(recipe, found, out)
    most = recipe.direct_epochs * max(steps.values()) + recipe.error_epochs * recipe.steps
    with renewing(recordings, recipe.pool, out / "pool", steps=most, processes=workers):
        yield


def grow_detections(
    recipe: LifterRecipe,
    motion: MotionSource,
    detections: Path,
    *,
    models: dict[str, tuple[Path, Path]],
    clips: int | None = None,
    processes: int | Cluster | None = None,
) -> int:
    """Run the detector on renders of training subjects, for `train_lifters` to find.

    Args:
        recipe: what they are for.
        motion: motion capture, and which of its subjects are for training.
        detections: directory of the runs; those there are kept.
        models: for "full" and "heavy" the files of the detector and of the landmark model.
        clips: how many there are to be; None: as many as the recipe takes.
        processes: that work side by side, or a cluster; one for each core if None.

    Returns:
        how many there are.
    """
    if clips is not None:
        if clips <= recipe.held_out_clips:
            raise InputError(
                f"clips: got {clips}, expected more than the {recipe.held_out_clips} held out"
            )
        recipe = replace(recipe, detection_clips=clips)
    recordings = recordings_of(*open_recorded(motion))
    found = _detect(recordings, recipe, models, detections, processes)
    return len(found.points_mm)


def _detect(
    recordings: Recordings,
    recipe: LifterRecipe,
    models: dict[str, tuple[Path, Path]],
    detections: Path,
    processes: int | Cluster | None,
) -> Detections:
    return make_detections(
        recordings,
        {name: models[name] for name in COMPLEXITIES},
        detections,
        clips=recipe.detection_clips,
        config=recipe.renders,
        processes=processes,
    )


def recordings_of(
    library: MotionLibrary, splits: Splits, split: Literal["train", "test"] = "train"
) -> Recordings:
    """All trials of the subjects of a split, by action; those of none are a class of their own."""
    subjects = splits.train_subjects if split == "train" else splits.test_subjects
    actions = splits.train if split == "train" else splits.test
    action_of = {trial: action for action, trials in actions.items() for trial in trials}
    classes: dict[str, list[Motion]] = {}
    for trial in library.trials():
        if subject_of(trial) in subjects:
            motion = library.motion(trial, CLIP_FPS)
            classes.setdefault(action_of.get(trial, "others"), []).append(motion)
    return Recordings.of(classes)
