"""Options that several commands take."""

from typing import Literal

Format = Literal["json", "csv", "bvh", "c3d", "trc"]
