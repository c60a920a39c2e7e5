"""Fixtures of tests that train or measure on a tiny dataset."""

from tiny_dataset import bodies, one_thread, tiny_dataset  # noqa: F401
