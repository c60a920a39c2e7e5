"""Chooses the few numbers by which keypoints are trusted, on renders of training subjects.

`python -m keypoint_choices` makes the clips and prints the tables; nothing of it is in the package.
"""
