"""From a photo or a video to people in 3D: media, 2D keypoints, tracks, lifting, placement."""
