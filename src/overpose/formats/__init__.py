"""Pose tracks in formats that other programs open."""
