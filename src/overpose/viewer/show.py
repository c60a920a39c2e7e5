"""Showing files: what `overpose view` does.

Drawing belongs to `page` and `scene`.
"""

from collections.abc import Sequence
from pathlib import Path

from overpose.poses import PoseTrack
from overpose.support.errors import InputError
from overpose.support.files import require_apart
from overpose.support.progress import say
from overpose.viewer.page import write_page


def show_files(
    paths: Sequence[Path],
    *,
    html: Path | None = None,
    video: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8080,
    open_browser: bool = True,
    overwrite: bool = False,
) -> None:
    """Show pose tracks from files: live in the browser, or as one HTML file.

    Args:
        paths: `.npz` files that `predict` wrote; several are shown together.
        html: write this HTML file instead of starting the live viewer.
        video: the photo or video that the first track is of.
        host: address that the live viewer listens on.
        port: its port; the next free one if it is taken.
        open_browser: whether to open the live viewer in the browser.
        overwrite: whether to replace an existing HTML file.

    Raises:
        InputError: a file cannot be read or written, `html` is one of those that are read, or the
            address cannot be listened on.
    """
    tracks = load_tracks(paths)
    if html is None:
        from overpose.viewer.scene import view  # viser takes a second to import

        view(tracks, video=video, host=host, port=port, open_browser=open_browser)
        return
    require_apart([html], [*paths, *([video] if video is not None else [])])
    title = ", ".join(tracks)
    write_page(tracks, html, video=video, title=title, overwrite=overwrite)
    say(f"{html}: written; open it in any browser")


def load_tracks(paths: Sequence[Path]) -> dict[str, PoseTrack]:
    """Read pose tracks; each is named by its file, as far up as it takes to tell them apart.

    Raises:
        InputError: no path, the same file twice, or a file that cannot be read.
    """
    if not paths:
        raise InputError("view: got no file, expected at least one pose track (.npz)")
    resolved = [path.resolve() for path in paths]
    repeated = sorted({str(path) for path in resolved if resolved.count(path) > 1})
    if repeated:
        raise InputError(f"{', '.join(repeated)}: given more than once")
    names = [path.stem for path in resolved]
    for depth in range(1, max(len(path.parts) for path in resolved)):
        if len(set(names)) == len(names):
            break
        names = [
            "/".join((*path.parts[1:-1][-depth:], path.stem)) if names.count(name) > 1 else name
            for path, name in zip(resolved, names, strict=True)
        ]
    return {name: PoseTrack.load(path) for name, path in zip(names, paths, strict=True)}
