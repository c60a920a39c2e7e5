"""The files of Human3.6M: their names, archives, layout and content."""
