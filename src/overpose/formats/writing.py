"""Writing pose tracks in some formats: which files, nothing replaced unasked, all or none."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from overpose.formats import FORMATS
from overpose.formats.format import Format, Frame, with_along
from overpose.poses import PoseTrack
from overpose.support.checks import repeated
from overpose.support.errors import InputError
from overpose.support.files import Output, require_apart, require_writable
from overpose.support.object_storage import path_of
from overpose.support.progress import say


def export_files(
    paths: Sequence[Path], output: Output, formats: Sequence[Format], *, frame: Frame = "world"
) -> list[Path]:
    """Write pose tracks from files in other formats; see `write_formats`.

    Raises:
        InputError: as there, or a result would replace a track or another result.
    """
    stems = [path.stem for path in paths]
    twice = repeated(stems)
    if not paths or twice:
        got = f"{twice[0]}.npz twice" if twice else "no file"
        raise InputError(f"export: got {got}, expected pose tracks (.npz) of different names")
    tracks = [PoseTrack.load(path) for path in paths]
    places = [
        each.person_path(path, number) if each.per_person and track.people > 1 else path
        for stem, track in zip(stems, tracks, strict=True)
        for each in with_along(formats)
        for path in [format_path(output.out, stem, each)]
        for number in range(1, track.people + 1 if each.per_person else 2)
    ]
    require_apart(places, paths)
    get_needed(formats)
    return [
        written
        for stem, track in zip(stems, tracks, strict=True)
        for written in write_formats(
            track, output.out, stem, formats, overwrite=output.overwrite, frame=frame
        )
    ]


def save_track(
    track: PoseTrack,
    path: Path | str,
    *,
    overwrite: bool = False,
    formats: Sequence[Format] = FORMATS,
) -> list[Path]:
    """Write a track in the format that the name of the file ends in: `.npz`, or one of `FORMATS`.

    Args:
        track: what to write.
        path: where. Of several people, a format that holds one (BVH) gives a file for each.
        overwrite: whether files there may be replaced.
        formats: the formats to choose from.

    Returns:
        the files written.

    Raises:
        InputError: another ending, a track that the format cannot hold, or the file exists already.
    """
    path = path_of(path)
    if path.suffix == ".npz":
        track.save(path, overwrite=overwrite)
        return [path]
    for each in sorted(formats, key=lambda each: -len(each.suffix)):
        if path.name.lower().endswith(each.suffix):
            return _write(track, [(each, path)], overwrite=overwrite)
    known = ", ".join([".npz", *(each.suffix for each in formats)])
    raise InputError(f"{path}: got a name that ends in {path.suffix!r}, expected one of {known}")


def write_formats(
    track: PoseTrack,
    directory: Path,
    stem: str,
    formats: Sequence[Format],
    *,
    overwrite: bool = False,
    frame: Frame = "world",
) -> list[Path]:
    """Write `directory/stem.SUFFIX` for every format, each whole or not at all.

    Of several people, formats that hold one (BVH) give `stem_person<n>.SUFFIX` for number n;
    whoever is never seen gets none, and a line says so. With the frame "camera", formats that are y
    up are written about the camera even where the world is known.

    Returns:
        the files written.

    Raises:
        InputError: no format, a track without people or one that a format cannot hold, or a file
            that exists already: then nothing is written; or a file cannot be written: then those
            before it are there.
    """
    if not formats:
        raise InputError("formats: got none, expected some to write")
    wanted = [(each, format_path(directory, stem, each)) for each in with_along(formats)]
    return _write(track, wanted, overwrite=overwrite, frame=frame)


def about_camera(track: PoseTrack) -> PoseTrack:
    """The track without its world, as formats write it about the camera."""
    return replace(
        track, camera_to_world=None, moving_camera_to_world=None, world_is_estimated=None
    )


def get_needed(formats: Sequence[Format]) -> None:
    """Get what the formats need and overpose does not ship, before anything is computed.

    Raises:
        InputError: it cannot be got.
    """
    for each in with_along(formats):
        if each.get is not None:
            each.get()


def format_path(directory: Path, stem: str, wanted: Format) -> Path:
    """The file of a track of that name in a format, where one file holds everybody."""
    return directory / f"{stem}{wanted.suffix}"


def _write(
    track: PoseTrack,
    wanted: Sequence[tuple[Format, Path]],
    *,
    overwrite: bool,
    frame: Frame = "world",
) -> list[Path]:
    if not track.seen.any():
        raise InputError(f"{wanted[0][1].stem}: nobody is seen in it; there is nothing to export")
    files: list[tuple[Format, Path, PoseTrack]] = []
    for each, path in wanted:
        placed = about_camera(track) if frame == "camera" and each.in_world else track
        parts = _one_person_each(placed, each, path) if each.per_person else [(path, placed)]
        for own, part in parts:
            each.check(part, own)
            files.append((each, own, part))
    for _, path, _ in files:
        require_writable(path, overwrite=overwrite)
    for each, path, part in files:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            each.write(part, path)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror or error}); make room or give another "
                "directory"
            ) from None
    return [path for _, path, _ in files]


def _one_person_each(track: PoseTrack, wanted: Format, path: Path) -> list[tuple[Path, PoseTrack]]:
    """A file for each person who is seen, with the part of the track that goes into it."""
    files = []
    for person in range(track.people):
        own = wanted.person_path(path, person + 1) if track.people > 1 else path
        if not track.seen[person].any():
            say(f"{path.stem}: person {person + 1} is never seen, so there is no {own.name}")
            continue
        files.append((own, track.of_people([person])))
    return files
