"""From motion to labelled images: what is rendered, by whom, and into which dataset."""
