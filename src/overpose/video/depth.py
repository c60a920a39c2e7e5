"""Whether a video is beyond the faster keypoint model, by how often it takes left for right.

Putting sides back belongs to `keypoints.sides`, judging whether somebody is a person to `judging`.
"""

from collections.abc import Sequence

import numpy as np

from overpose.support.progress import say
from overpose.video.recording import PersonRecord

TOO_OFTEN = 0.15
"""From this share of somebody's frames on the better model errs less, on renders of training
subjects. The model's own scores and the judge's measures do not tell where it does."""
_SHORTEST_S = 1.0
"""Nothing is said of who is seen for less."""


def share_exchanged(record: PersonRecord) -> float:
    """The share of the frames that show somebody in which left and right were put back."""
    seen = np.isfinite(record.keypoints_px[..., 0]).any(axis=-1)
    return float(record.exchanged[seen].any(axis=-1).mean()) if seen.any() else 0.0


def say_if_out_of_depth(
    name: str, records: Sequence[PersonRecord], fps: float, better: str
) -> None:
    """Say in one line that the people of a video are too hard for the model, if they are.

    Args:
        name: of the video.
        records: its people, with sides put back.
        fps: frames a second.
        better: name of the engine to take instead.
    """
    shares = [
        share_exchanged(record)
        for record in records
        if np.isfinite(record.keypoints_px[..., 0]).any(axis=-1).sum() >= _SHORTEST_S * fps
    ]
    hard = [share for share in shares if share >= TOO_OFTEN]
    if hard:
        say(
            f"{name}: left and right were exchanged in up to {max(hard):.0%} of the frames of "
            f"{len(hard)} of {len(records)} people, and put back; the faster keypoint model is out "
            f"of its depth here, --keypoints {better} sees them better"
        )
