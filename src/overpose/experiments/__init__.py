"""Whole experiments: what trains, measures and writes reports; presets and predictions to files."""
