"""Motion in, motion out: reading, writing and making movement of a skeleton through time.

Cameras, bodies and images do not belong here.
"""
