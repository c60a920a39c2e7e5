"""How much memory prediction takes: the peak of a fresh process that loads one model and predicts.

Run as a program by itself: python -m overpose.measure.memory MODEL METHOD DATASET.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from overpose.datasets.store import open_dataset
from overpose.experiments.baseline_stages import KernelSystem
from overpose.experiments.pipeline import prediction
from overpose.networks.storage import load_model
from overpose.support.progress import say

IMAGES = 256
"""Predicted at once."""


def prediction_memory_mib(model: Path, method: str, dataset: Path) -> float | None:
    """Peak resident memory, MiB, of Python, the libraries, the model and one batch of 256 images.

    Args:
        model: directory of the trained model.
        method: what it predicts as.
        dataset: whose test images to predict.

    Returns:
        None where the system does not tell (other than Linux), or the process failed; the reason
        is printed.
    """
    if not _STATUS.is_file():
        return None
    arguments = [str(model), method, str(dataset)]
    done = subprocess.run(
        [sys.executable, "-m", "overpose.measure.memory", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        say(f"memory of {method}: not measured: {reason}")
        return None
    return float(done.stdout.split()[-1])


_STATUS = Path("/proc/self/status")


def _main(model: str, method: str, dataset: str) -> None:
    with open_dataset(dataset) as opened:
        loaded = load_model(Path(model))
        test = np.flatnonzero(opened.splits == "test")[:IMAGES]
        images_of = opened.masked_images if isinstance(loaded, KernelSystem) else opened.images
        prediction(loaded, method)(images_of(test))
    lines = _STATUS.read_text().splitlines()
    print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))


if __name__ == "__main__":
    _main(*sys.argv[1:])
