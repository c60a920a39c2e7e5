"""`table`: the predictions of a whole corpus as one table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from overpose.support.errors import InputError


@dataclass(frozen=True)
class Table:
    """Write pose tracks as one Parquet table of person-frames, for DuckDB, Spark and pandas.

    Example: overpose table out --out corpus.parquet
    """

    tracks: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Directories that predict wrote to, and single tracks (.npz), all of different names."""
    out: Path
    """The table, .parquet; docs/formats.md says what its columns are."""
    overwrite: bool = False
    """Replace an earlier table."""

    def run(self) -> None:
        try:
            from overpose.formats.table import write_table
        except ModuleNotFoundError as error:
            if error.name != "pyarrow":
                raise
            raise InputError(
                "overpose table needs pyarrow: pip install 'overpose[table]'"
            ) from None
        print(write_table(self.tracks, self.out, overwrite=self.overwrite))
