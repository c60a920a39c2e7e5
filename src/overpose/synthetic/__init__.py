"""From 2D keypoints over time to 3D poses: what is learned from, and how it is trained."""
