"""What finds people and their keypoints in pictures, a file each."""
