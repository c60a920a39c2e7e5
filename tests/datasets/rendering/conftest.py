"""Fixtures of tests that need the body, or a made-up mover."""

from studio_body import body, movement, mover, person  # noqa: F401
