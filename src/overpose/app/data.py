"""Datasets: `render`, and `data` with a command for each source that is converted, and `check`."""

from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Union

from tyro.conf import Positional, arg, subcommand

from overpose.app.options import Part, Processes, Ray, cluster_at
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.sources import SOURCES, Source
from overpose.support.files import Output


@dataclass(frozen=True)
class Render:
    """Render labelled images of motion: the dataset that training reads.

    Without --mocap the motion is made up (procedural). Finished shards survive an interruption;
    the same command renders the rest. The files do not depend on the number of processes.

    Example: overpose render --mocap cmu.tar.xz --splits splits.json --max-train 24000 --out data
    """

    sources: ClassVar[tuple[Source, ...]] = SOURCES
    elsewhere: ClassVar = ("out",)
    output: Output
    motion: MotionSource = field(default_factory=MotionSource)
    images: RenderConfig = field(default_factory=RenderConfig)
    processes: Processes = None
    shard: Part = None
    """Render this part of the dataset only, i/N: part i of N, i from 0 to N - 1. Give every part
    the same options; `overpose merge` puts the parts together."""
    ray: Ray = None
    contact_sheet: Path | None = None
    """Also write a picture of samples with their 2D joints here (.png, .jpg)."""

    def run(self) -> None:
        from overpose.datasets.rendering.contact_sheet import write_contact_sheet
        from overpose.datasets.rendering.render import render_part
        from overpose.experiments.rendering import render_motion, rendering_of
        from overpose.support.cluster import require_one_way
        from overpose.support.errors import InputError
        from overpose.support.files import require_apart, require_writable

        cluster = cluster_at(self.ray, self.processes)
        require_one_way(self.shard, cluster)
        if self.shard is not None:
            if self.contact_sheet is not None:
                raise InputError("contact_sheet: got it with --shard, expected the whole dataset")
            wanted = rendering_of(self.images, self.motion, sources=self.sources)
            count = render_part(wanted, self.shard, self.output, self.processes)
            print(f"part {self.shard}: {count} samples: {self.output.out}")
            return
        if self.contact_sheet is not None:
            given = (self.motion.mocap, self.motion.splits)
            require_apart([self.contact_sheet], [path for path in given if path is not None])
            require_writable(self.contact_sheet, overwrite=self.output.overwrite)
        with render_motion(
            self.images,
            self.output,
            self.motion,
            processes=cluster or self.processes,
            sources=self.sources,
        ) as dataset:
            if self.contact_sheet is not None:
                write_contact_sheet(self.contact_sheet, dataset)
            print(f"{len(dataset)} samples: {self.output.out}")


def data_group(sources: tuple[Source, ...]) -> type[Any]:
    """The commands `data NAME`, one for each source that is converted, and `data check`."""
    commands = [(source.name, _conversion(source)) for source in sources if source.convert]
    commands.append(("check", _check(sources)))
    kinds = Union[tuple(Annotated[kind, subcommand(name)] for name, kind in commands)]  # noqa: UP007
    group = make_dataclass("Data", [("command", kinds)], frozen=True)
    group.__doc__ = "Convert and check data of your own."
    group.run = lambda self: self.command.run()
    return group


def _conversion(source: Source) -> type[Any]:
    """The command that converts one source."""

    def run(self: Any) -> None:
        from overpose.measure.protocols import dataset_text

        assert source.convert is not None
        with source.convert(self.source, self.output, self.images, self.processes) as dataset:
            print(dataset_text(dataset))
        print(self.output.out)

    said = f"{source.expected[:1].upper()}{source.expected[1:]}."
    place = Annotated[Path, arg(name="from", help=said)]
    fields = [
        ("source", place),
        ("output", Output),
        ("images", source.options, field(default_factory=source.options)),
        ("processes", Processes, None),
    ]
    command = make_dataclass(source.name.capitalize(), fields, frozen=True)
    command.__doc__ = source.help
    command.run = run
    return command


def _check(sources: tuple[Source, ...]) -> type[Any]:
    def run(self: Any) -> None:
        from overpose.experiments.data_check import check_data

        for line in check_data(self.data, sources):
            print(line)

    place = Annotated[Path, Positional, arg(help="The directory.")]
    command = make_dataclass("Check", [("data", place)], frozen=True)
    command.__doc__ = """Name everything that is wrong with your data, or with a finished dataset.

Of a finished dataset every file is compared with its checksum.

Example: overpose data check mine"""
    command.run = run
    return command
