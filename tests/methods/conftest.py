"""Fixtures of tests on a tiny dataset."""

from tiny_dataset import bodies, tiny_dataset  # noqa: F401
