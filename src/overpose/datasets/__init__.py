"""Labelled images on disk: the house's dataset format, and the benchmarks made from it."""
