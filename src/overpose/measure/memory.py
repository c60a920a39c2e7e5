"""How much memory prediction takes: the peak of a fresh process that loads a model and predicts.

What is loaded, and how, is said by the caller.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from overpose.datasets.store import open_dataset
from overpose.measure.protocols import Predict
from overpose.support.progress import say
from overpose.support.workers import in_fresh_process

IMAGES = 256
"""Predicted at once."""
_STATUS = Path("/proc/self/status")


def prediction_memory_mib(
    name: str, load: Callable[[], Predict], dataset: Path, *, mask_channel: bool = False
) -> float | None:
    """Peak resident memory, MiB, of Python, the libraries, the model and one batch of 256 images.

    Args:
        name: what the method is called in messages.
        load: gives the function from images to poses; it is sent to another process.
        dataset: whose test images to predict.
        mask_channel: whether it takes images with the person's mask as fourth channel.

    Returns:
        None where the system does not tell (other than Linux), or the process failed; the reason
        is printed.
    """
    if not _STATUS.is_file():
        return None
    try:
        return in_fresh_process(_peak_mib, load, dataset, mask_channel)
    except Exception as error:
        say(f"memory of {name}: not measured: {error}")
        return None


def _peak_mib(load: Callable[[], Predict], dataset: Path, mask_channel: bool) -> float:
    with open_dataset(dataset) as opened:
        predict = load()
        test = np.flatnonzero(opened.splits == "test")[:IMAGES]
        predict((opened.masked_images if mask_channel else opened.images)(test))
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
