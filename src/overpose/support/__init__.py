"""What knows nothing of poses: errors, files, checks, workers, assets, archives, progress."""
