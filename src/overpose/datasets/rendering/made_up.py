"""Made-up motion that the studio renders where no motion capture is at hand."""

from dataclasses import dataclass, field
from functools import cached_property

from overpose.datasets.rendering.plan import Trial
from overpose.mocap.motion import Motion
from overpose.mocap.procedural import PROCEDURAL_ACTIONS, procedural_motion
from overpose.support.errors import InputError


@dataclass(frozen=True)
class ProceduralMotions:
    """Made-up trials: some subjects, each doing every action some times.

    Attributes:
        train_subjects, test_subjects: how many people; no one is in both.
        repetitions: how often each subject does each action, each time otherwise.
        frames: length of each trial.
        fps: frames per second.
        seed: of what they do; the people are the same for every seed.
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
