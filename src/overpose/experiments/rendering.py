"""The dataset of an experiment: rendered from recorded or made-up motion; resumes."""

from collections.abc import Callable
from typing import Any

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.jobs import Renderer
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.rendering.render import render_dataset
from overpose.datasets.sources.cmu import NAME as CMU_NAME
from overpose.datasets.sources.cmu import PROVENANCE as CMU_PROVENANCE
from overpose.datasets.sources.cmu import LibraryMotions, open_recorded
from overpose.datasets.sources.procedural import NAME as PROCEDURAL_NAME
from overpose.datasets.sources.procedural import PROVENANCE as PROCEDURAL_PROVENANCE
from overpose.datasets.sources.procedural import ProceduralMotions
from overpose.datasets.store import Dataset
from overpose.experiments.preset import Preset, ProceduralMotion
from overpose.support.errors import InputError
from overpose.support.files import Output

_MADE_UP = MotionSource()


def build_dataset(
    preset: Preset,
    output: Output,
    motion: MotionSource = _MADE_UP,
    *,
    processes: int | None = None,
    make_renderer: Callable[[RenderConfig], Renderer] | None = None,
) -> Dataset:
    """Render a preset's dataset, or finish it, or open it if it is finished.

    Raises:
        InputError: the motion is missing or damaged, or the directory holds another dataset.
    """
    require_motion(preset, motion)
    return render_motion(
        preset.render,
        output,
        motion,
        procedural=preset.procedural,
        processes=processes,
        make_renderer=make_renderer,
    )


def render_motion(
    config: RenderConfig,
    output: Output,
    motion: MotionSource = _MADE_UP,
    *,
    procedural: ProceduralMotion | None = None,
    processes: int | None = None,
    make_renderer: Callable[[RenderConfig], Renderer] | None = None,
) -> Dataset:
    """Render motion capture, or without it procedural motion, as a dataset; resumes.

    Args:
        config: the dataset's options.
        output: directory of the dataset, and whether another one in it is removed first.
        motion: where the motion comes from.
        procedural: how much motion is made up, where it is.
        processes: None: one for each core.
        make_renderer: another renderer than the studio; a function at the top of a module.

    Raises:
        InputError: the motion is missing or damaged, or the directory holds another dataset.
    """
    options: dict[str, Any] = {"processes": processes}
    if make_renderer is not None:
        options["make_renderer"] = make_renderer
    if motion.is_recorded:
        library, splits = open_recorded(motion)
        motions = LibraryMotions(library, config.fps)
        options |= {"name": CMU_NAME, "provenance": CMU_PROVENANCE}
        return render_dataset(splits.trials(), motions, config, output, **options)
    made = procedural or ProceduralMotion()
    motions = ProceduralMotions(
        made.train_subjects, made.test_subjects, made.trials, made.frames, config.fps, config.seed
    )
    options |= {"name": PROCEDURAL_NAME, "provenance": PROCEDURAL_PROVENANCE}
    return render_dataset(motions.trials(), motions, config, output, **options)


def require_motion(preset: Preset, motion: MotionSource) -> None:
    """Refuse motion that a preset does not take, and a preset without the motion that it needs.

    Raises:
        InputError: one of both.
    """
    if motion.is_recorded and not preset.needs_mocap:
        raise InputError(
            f"preset {preset.name}: got --mocap, but it makes up its motion; leave it out, or use "
            "--preset cpu"
        )
    if preset.needs_mocap and not motion.is_recorded:
        raise InputError(
            f"preset {preset.name}: got no motion capture, expected --mocap (CMU's files, a "
            "directory or archive) and --splits; or use --preset smoke"
        )
