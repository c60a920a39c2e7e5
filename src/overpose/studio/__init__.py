"""The studio: motion in, labelled pictures out. What to render is decided by datasets."""
