"""Pictures and videos in, and videos out: upright RGB frames at a constant rate."""
