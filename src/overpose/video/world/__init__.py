"""Where things are in the world: gravity and floor from one static camera, feet that stand on it.

What is known of the camera itself belongs to `optics`, a person's pose and place before the camera
to `posing`.
"""
