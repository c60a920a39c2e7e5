"""A user's own images and poses: their table, files and what is wrong with them."""
