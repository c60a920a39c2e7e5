"""2D keypoints of people: from engines and files, with one number for each person."""
