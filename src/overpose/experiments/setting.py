"""A directory that says what it holds, so that results of two experiments never mix in it.

What an experiment is and does belongs to `reproduce` and `ablation`.
"""

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from overpose.support.errors import InputError
from overpose.support.files import Output, read_json, write_json
from overpose.support.progress import say
from overpose.training.checkpoint import first_difference


def begin_setting(
    output: Output,
    name: str,
    wanted: Mapping[str, Any],
    *,
    kind: str,
    finished: str,
    products: Sequence[str],
) -> None:
    """Begin an experiment in a directory, or go on with the same one.

    Args:
        output: the directory, and whether a finished experiment there, or one set otherwise, is
            removed first. An unfinished one of the same setting is gone on with.
        name: the file in the directory that holds what was set.
        wanted: what is set now, as JSON values.
        kind: what the experiment is called in messages.
        finished: name of a file that only a finished experiment has.
        products: patterns of everything else that it writes; nothing else is ever removed.

    Raises:
        InputError: the directory holds an experiment set otherwise that is not to be replaced,
            or anything that is not one.
    """
    out, overwrite = output.out, output.overwrite
    path = out / name
    if not path.is_file():
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise InputError(f"{out} exists already and holds no {kind}; give another directory")
    elif any(child != path for child in out.iterdir()):  # else it failed before making anything
        difference = first_difference(read_json(path), dict(wanted))
        if difference is not None and not overwrite:
            what, there, now = difference
            raise InputError(
                f"{out} holds another {kind} ({what}: {there!r} there, {now!r} now); give another "
                "directory or --overwrite"
            )
        if difference is not None or (overwrite and (out / finished).exists()):
            say(f"{out}: removing the {kind} there")
            for pattern in (*products, finished):
                for made in out.glob(pattern):
                    shutil.rmtree(made) if made.is_dir() else made.unlink()
    write_json(path, wanted)
