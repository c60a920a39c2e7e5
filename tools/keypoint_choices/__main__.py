"""Makes the clips and prints the tables. Usage: python -m keypoint_choices --help"""

import argparse
from pathlib import Path

from keypoint_choices.clips import hard_clips
from keypoint_choices.sides import choose, tracks_of
from overpose.datasets.motion_source import MotionSource
from overpose.datasets.rendering.recorded import open_recorded
from overpose.experiments.lifters.data import recordings_of


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--mocap", type=Path, required=True)
    given.add_argument("--splits", type=Path, required=True)
    given.add_argument("--out", type=Path, required=True, help="the clips; those there are kept")
    given.add_argument("--clips", type=int, default=120)
    given.add_argument("--detections", type=Path, help="of overpose detect-renders: easier clips")
    given.add_argument("--easy", type=int, default=100, help="how many of these")
    said = given.parse_args()
    motion = MotionSource(said.mocap, said.splits)
    clips = hard_clips(lambda: recordings_of(*open_recorded(motion)), said.out, said.clips)
    choose(tracks_of(clips, said.detections, said.easy))


if __name__ == "__main__":
    main()
