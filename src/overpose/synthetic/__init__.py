"""What lifters learn from: motion beyond the recorded, and the errors of the detector."""
