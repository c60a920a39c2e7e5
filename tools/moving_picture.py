"""Makes docs/people.webp, the picture at the top of the README, from the demo clip.

The clip is Sports2D's (BSD-3-Clause, David Pagnon); it is downloaded once, checked by SHA-256.

Usage: python tools/moving_picture.py
"""

import tempfile
from pathlib import Path

from PIL import Image

from overpose.experiments.predict import predict_files
from overpose.experiments.prediction import Outputs, Prediction
from overpose.media.video import open_media
from overpose.support.assets import download_asset
from overpose.support.files import Output
from overpose.video.options import PredictOptions

OUT = Path(__file__).parents[1] / "docs" / "people.webp"
WIDTH = 760
FIRST, LAST, EVERY = 30, 210, 4
"""Which frames of the clip are shown."""
LIMIT_BYTES = 3_000_000


def frames_of(overlay: Path) -> tuple[list[Image.Image], int]:
    """The pictures that are shown, and for how many milliseconds each."""
    with open_media(overlay) as video:
        shown = [
            Image.fromarray(frame.image)
            for index, frame in enumerate(video)
            if FIRST <= index < LAST and (index - FIRST) % EVERY == 0
        ]
        wait_ms = round(1000 * EVERY / video.info.fps)
    height = round(WIDTH * shown[0].height / shown[0].width)
    return [image.resize((WIDTH, height), Image.Resampling.LANCZOS) for image in shown], wait_ms


def main() -> None:
    """Predict the clip with its overlay, and write the picture."""
    with tempfile.TemporaryDirectory() as place:
        outputs = Outputs(Output(Path(place)), overlay=True)
        clip = download_asset("demo_clip")
        outputs.prepare([clip.stem])
        written = list(predict_files([clip], Prediction(outputs, PredictOptions())))
        overlay = next(path for path in written if path.suffix == ".mp4")
        images, wait_ms = frames_of(overlay)
    images[0].save(
        OUT, save_all=True, append_images=images[1:], duration=wait_ms, loop=0, quality=55, method=6
    )
    size = OUT.stat().st_size
    if size > LIMIT_BYTES:
        raise SystemExit(f"{OUT}: got {size} bytes, expected at most {LIMIT_BYTES}")
    print(f"{OUT}: {len(images)} frames, {size} bytes")


if __name__ == "__main__":
    main()
