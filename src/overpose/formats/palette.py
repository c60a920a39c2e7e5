"""Colours of people, in files and on screens."""

PALETTE = (
    (255, 159, 67), (72, 191, 255), (126, 217, 87), (255, 107, 139),
    (178, 148, 255), (255, 214, 82), (64, 214, 192), (240, 128, 230),
)  # fmt: skip
"""RGB, to be seen on a dark ground; they repeat after eight people."""
