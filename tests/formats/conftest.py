"""The body, for formats that need it."""

from studio_body import body

__all__ = ["body"]
