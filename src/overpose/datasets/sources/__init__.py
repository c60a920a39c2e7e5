"""Where datasets come from, a file each."""
