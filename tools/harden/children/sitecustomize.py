"""Run by every Python process that a command starts in a trial: its memory can run out too."""

import os

if number := os.environ.get("HARDEN_FAIL_CHILD"):
    from harden.allocations import in_child

    in_child(int(number))
