"""Datasets: `render`, and `data` with `human36m`, `own` and `check`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from overpose.app.options import CropSize, Processes
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.options import RenderConfig
from overpose.support.files import Output


@dataclass(frozen=True)
class Render:
    """Render labelled images of motion: the dataset that training reads.

    Without --mocap the motion is made up (procedural). Finished shards survive any interruption;
    the same command renders the rest. The files do not depend on the number of processes.

    Example: overpose render --mocap cmu.tar.xz --splits splits.json --max-train 24000 --out data
    """

    output: Output
    motion: MotionSource = field(default_factory=MotionSource)
    images: RenderConfig = field(default_factory=RenderConfig)
    processes: Processes = None
    contact_sheet: Path | None = None
    """Also write a picture of samples with their 2D joints here (.png, .jpg)."""

    def run(self) -> None:
        from overpose.datasets.rendering.contact_sheet import write_contact_sheet
        from overpose.experiments.rendering import render_motion
        from overpose.support.files import require_writable

        if self.contact_sheet is not None:
            require_writable(self.contact_sheet, overwrite=self.output.overwrite)
        with render_motion(
            self.images, self.output, self.motion, processes=self.processes
        ) as dataset:
            if self.contact_sheet is not None:
                write_contact_sheet(self.contact_sheet, dataset)
            print(f"{len(dataset)} samples: {self.output.out}")


@dataclass(frozen=True)
class DataHuman36m:
    """Make a dataset of your own licensed copy of Human3.6M; see docs/human36m.md.

    What is missing or damaged is listed, the rest is used. The same command resumes.

    Example: overpose data human36m --from human3.6m --out data/h36m --every 5
    """

    source: Annotated[Path, tyro.conf.arg(name="from")]
    """The official directory, or one with the official archives."""
    output: Output
    image_size: CropSize = 128
    actions: tuple[str, ...] = ()
    """Actions to take; the six of the paper if not given."""
    every: int = 1
    """Take one frame of that many; the videos have 50 a second."""
    metadata: Path | None = None
    """metadata.xml, if it is elsewhere."""
    processes: Processes = None

    def run(self) -> None:
        from overpose.datasets.human36m.names import PAPER_ACTIONS
        from overpose.datasets.sources.human36m import convert_human36m
        from overpose.measure.protocols import dataset_text

        dataset = convert_human36m(
            self.source,
            self.output,
            image_size=self.image_size,
            actions=self.actions or PAPER_ACTIONS,
            every=self.every,
            metadata=self.metadata,
            processes=self.processes,
        )
        print(dataset_text(dataset))
        print(self.output.out)


@dataclass(frozen=True)
class DataOwn:
    """Make a dataset of your own images and poses; see docs/own-data.md.

    Example: overpose data own --from mine --out data/mine
    """

    source: Annotated[Path, tyro.conf.arg(name="from")]
    """A directory with images and samples.csv or samples.parquet."""
    output: Output
    image_size: CropSize = 128
    processes: Processes = None

    def run(self) -> None:
        from overpose.datasets.sources.own import convert_own_data
        from overpose.measure.protocols import dataset_text

        dataset = convert_own_data(
            self.source, self.output, image_size=self.image_size, processes=self.processes
        )
        print(dataset_text(dataset))
        print(self.output.out)


@dataclass(frozen=True)
class DataCheck:
    """Name everything that is wrong with your images and poses, or with a finished dataset.

    Of a finished dataset every file is compared with its checksum.

    Example: overpose data check mine
    """

    data: Annotated[Path, tyro.conf.Positional]
    """The directory."""

    def run(self) -> None:
        from overpose.experiments.data_check import check_data

        for line in check_data(self.data):
            print(line)


@dataclass(frozen=True)
class Data:
    """Bring and check datasets of your own."""

    command: (
        Annotated[DataHuman36m, tyro.conf.subcommand("human36m")]
        | Annotated[DataOwn, tyro.conf.subcommand("own")]
        | Annotated[DataCheck, tyro.conf.subcommand("check")]
    )

    def run(self) -> None:
        self.command.run()
