"""Looking at pose tracks: an interactive 3D viewer and a one-file HTML page.

Finding the poses belongs to `video`; drawing on the picture to `video.overlay`. `show.show_files`,
`page.write_page` and `scene.view` are the doors.
"""
