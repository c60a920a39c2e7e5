"""The dataset of an experiment: rendered from recorded or made-up motion; resumes."""

from collections.abc import Callable

from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.jobs import Renderer
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.rendering.render import Rendering, make_studio, render_dataset
from overpose.datasets.sources import SOURCES, motion_source
from overpose.datasets.sources.source import MotionRequest, Source
from overpose.datasets.store import Dataset
from overpose.experiments.preset import Preset, ProceduralMotion
from overpose.support.cluster import Cluster
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
    sources: tuple[Source, ...] = SOURCES,
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
        sources=sources,
    )


def render_motion(
    config: RenderConfig,
    output: Output,
    motion: MotionSource = _MADE_UP,
    *,
    procedural: ProceduralMotion | None = None,
    processes: int | Cluster | None = None,
    make_renderer: Callable[[RenderConfig], Renderer] | None = None,
    sources: tuple[Source, ...] = SOURCES,
) -> Dataset:
    """Render motion capture, or without it procedural motion, as a dataset; resumes.

    Args:
        output: directory of the dataset, and whether another one in it is removed first.
        config, motion, procedural, make_renderer, sources: as in `rendering_of`.
        processes: that work side by side, or a cluster; None: one for each core.

    Raises:
        InputError: the motion is missing or damaged, or the directory holds another dataset.
    """
    wanted = rendering_of(config, motion, procedural, make_renderer, sources)
    return render_dataset(wanted, output, processes)


def rendering_of(
    config: RenderConfig,
    motion: MotionSource = _MADE_UP,
    procedural: ProceduralMotion | None = None,
    make_renderer: Callable[[RenderConfig], Renderer] | None = None,
    sources: tuple[Source, ...] = SOURCES,
) -> Rendering:
    """What is rendered of motion capture, or without it of procedural motion.

    Args:
        config: the dataset's options.
        motion: where the motion comes from.
        procedural: how much motion is made up, where it is.
        make_renderer: another renderer than the studio; a function at the top of a module.
        sources: cards to choose from, your own among them.

    Raises:
        InputError: the motion is missing or damaged.
    """
    source = motion_source(motion.mocap, sources)
    made = procedural or ProceduralMotion()
    amount = {
        "train_subjects": made.train_subjects,
        "test_subjects": made.test_subjects,
        "repetitions": made.trials,
        "frames": made.frames,
    }
    assert source.motions is not None
    trials, motions = source.motions(MotionRequest(motion, config.fps, config.seed, amount))
    return Rendering(
        tuple(trials),
        motions,
        config,
        source.title,
        source.provenance,
        make_renderer or make_studio,
    )


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
