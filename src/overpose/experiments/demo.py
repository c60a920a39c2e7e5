"""What `overpose demo` does: predict a real clip: poses, BVH, overlay video and page."""

from collections.abc import Iterator

from overpose.experiments.predict import predict_files
from overpose.experiments.prediction import Outputs, Prediction
from overpose.formats import bvh
from overpose.support.assets import DOWNLOADS, download_asset
from overpose.support.files import Output
from overpose.video.options import PredictOptions


def demo(output: Output) -> Iterator[str]:
    """Predict the demo clip; give the lines that say what was written and what to do next.

    Raises:
        InputError: a file cannot be downloaded, or exists already.
    """
    clip = download_asset("demo_clip")
    outputs = Outputs(output, (bvh.FORMAT,), overlay=True, html=True)
    outputs.prepare([clip.stem], [clip])
    yield f"clip: {clip} ({DOWNLOADS['demo_clip'].licence})"
    for path in predict_files([clip], Prediction(outputs, PredictOptions())):
        yield f"{_WHAT[path.suffix]}: {path}"
    yield f"your own: overpose predict VIDEO --out {output.out} --formats bvh csv --overlay --html"


_WHAT = {
    ".npz": "poses, for Python",
    ".bvh": "motion, for Blender",
    ".mp4": "overlay",
    ".html": "page that plays in any browser",
}
