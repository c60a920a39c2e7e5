"""Measuring places in the world: clips of known people before known cameras."""
