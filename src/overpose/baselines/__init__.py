"""The systems that the paper compares itself with, on the same samples and behind one interface."""
