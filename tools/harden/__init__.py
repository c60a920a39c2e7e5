"""Breaks overpose on purpose: faults of the system, kills, lack of memory, damaged files.

`make harden` runs it, `docs/reliability.md` says what it found. Nothing of the package imports it.
"""
