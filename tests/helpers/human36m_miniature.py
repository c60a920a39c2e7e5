"""A miniature of Human3.6M in the official layout, every number of it known."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import cdflib.cdfwrite
import h5py
import numpy as np
from scipy.io import savemat
from scipy.spatial.transform import Rotation

from overpose.camera import Camera
from overpose.datasets.human36m.convert import convert_human36m
from overpose.datasets.human36m.layout import Inventory, find_human36m
from overpose.datasets.store import Dataset
from overpose.support.files import Output

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")
WIDTH, HEIGHT, FRAMES = 200, 202, 5
FOCAL, CENTER = (229.0, 228.5), (102.5, 103.1)
RADIAL, TANGENTIAL = (-0.207, 0.2477, -0.00307), (-0.000975, -0.00142)
SUBJECTS = ("S1", "S9")
TRIALS = ("Walking 1", "TakingPhoto")
WANTED = ("Walking", "Taking Photo")
PELVIS_COLOUR = (220, 30, 30)
POSES = Path("MyPoseFeatures", "D3_Positions")
MONO = Path("MyPoseFeatures", "D3_Positions_mono")
MASKS = Path("MySegmentsMat", "ground_truth_bs")
FIRST = f"Walking 1.{CAMERA_IDS[0]}"
_START_MM = {"Walking 1": 0.0, "TakingPhoto": 90.0, "Walking": 180.0}

# Right hand is at negative x: the person looks along -y.
_BODY = {
    0: (0, 0, 0), 1: (-130, 0, 0), 2: (-130, -20, -440), 3: (-130, 20, -880),
    4: (-130, -150, -900), 5: (-130, -200, -900), 6: (130, 0, 0), 7: (130, -20, -440),
    8: (130, 20, -880), 9: (130, -150, -900), 10: (130, -200, -900), 11: (0, 0, 0),
    12: (0, 10, 230), 13: (0, 20, 490), 14: (0, -30, 600), 15: (0, 0, 720),
    16: (0, 20, 490), 17: (150, 20, 460), 18: (170, 30, 180), 19: (180, -40, -60),
    20: (180, -40, -60), 21: (180, -60, -100), 22: (190, -50, -120), 23: (190, -50, -120),
    24: (0, 20, 490), 25: (-150, 20, 460), 26: (-170, 30, 180), 27: (-180, -40, -60),
    28: (-180, -40, -60), 29: (-180, -60, -100), 30: (-190, -50, -120), 31: (-190, -50, -120),
}  # fmt: skip
BODY_MM = np.array([_BODY[joint] for joint in range(32)], dtype=np.float64)


def convert(
    source: Path, out: Path, *, overwrite: bool = False, processes: int = 1, **options: Any
) -> Dataset:
    """In this process, if not told otherwise: starting others takes longer than the conversion."""
    return convert_human36m(source, Output(out, overwrite), processes=processes, **options)


def joints_world_mm(subject: str, trial: str, frames: int = FRAMES) -> np.ndarray:
    """(frames, 32, 3) mm: a person who walks along x, each trial elsewhere."""
    start = 40.0 * SUBJECTS.index(subject) + _START_MM[trial]
    steps = np.arange(frames)[:, None] * np.array([30.0, 10.0, 0.0])
    return (BODY_MM + (start, -start, 900.0) + steps[:, None]).astype(np.float32).astype(float)


def camera_of(subject: str, number: int) -> Camera:
    """The camera as the miniature's metadata.xml describes it, written down independently."""
    turn = 0.3 + number * np.pi / 2 + 0.02 * int(subject[1:])
    position = np.array([4500 * np.cos(turn), 4500 * np.sin(turn), 1500.0])
    view = Camera.look_at(position, (0.0, 0.0, 900.0), 229.0, WIDTH, HEIGHT)
    return Camera.from_human36m(
        view.rotation, position, FOCAL, CENTER, RADIAL, TANGENTIAL, WIDTH, HEIGHT
    )


def write_metadata(
    path: Path,
    *,
    with_trials: bool = True,
    mapping: dict[str, list[str]] | None = None,
    counts: dict[tuple[str, str], list[int]] | None = None,
) -> None:
    """The cameras and the table of trials; `mapping` says other trials, two of each action.

    `counts` is the table `frames`: of a subject's trial the frames of its videos, and the raw ones.
    """
    numbers: list[float] = []
    for number in range(4):
        for subject in range(1, 12):
            camera = camera_of(f"S{subject}", number)
            angles = Rotation.from_matrix(camera.rotation).as_euler("XYZ")
            numbers += [*angles, *camera.position_mm]
    numbers += 4 * [*FOCAL, *CENTER, *RADIAL, *TANGENTIAL]
    table = ""
    if with_trials:
        names = [f"S{subject}" for subject in range(1, 12)]
        rows = [["", "", *names]]
        for action, trials in (("1", ("_ALL 1", "_ALL")), ("14", TRIALS)):
            rows += [[action, str(k + 1), *(11 * [name])] for k, name in enumerate(trials)]
        table = _rows(rows)
        if mapping is not None:
            table = _rows([["", "", *names]])
            count = max(map(len, mapping.values()))
            filled = {name: [*mapping.get(name, []), *count * [""]] for name in names}
            rows = [
                [str(place // 2 + 1), str(place % 2 + 1), *(filled[name][place] for name in names)]
                for place in range(count)
            ]
            table += _rows(rows)
            cells = [
                [
                    "",
                    *(str((counts or {}).get((name, trial), "")) for trial in filled[name][:count]),
                ]
                for name in names
            ]
        table = f"<mapping>{table}</mapping>"
        if mapping is not None and counts is not None:
            table += f"<frames>{_rows(cells)}</frames>"
    text = " ".join(f"{number:.12g}" for number in numbers)
    path.write_text(f"<database>{table}<w0>[{text}]</w0></database>")


def _rows(rows: list[list[str]]) -> str:
    return "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)


def write_cdf(path: Path, poses: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    values = poses.reshape(1, len(poses), -1).astype(np.float32)
    cdf = cdflib.cdfwrite.CDF(path, cdf_spec={"Majority": "row_major"})
    cdf.write_var(
        {
            "Variable": "Pose", "Data_Type": cdf.CDF_REAL4, "Num_Elements": 1, "Rec_Vary": True,
            "Dim_Sizes": list(values.shape[1:]),
        },
        var_data=values,
    )  # fmt: skip
    cdf.close()


def frame_image(pelvis_px: np.ndarray, frame: int) -> np.ndarray:
    """Grey that says which frame it is, with a red square at the pelvis."""
    image = np.full((HEIGHT, WIDTH, 3), 40 + 25 * frame, dtype=np.uint8)
    column, row = np.floor(pelvis_px).astype(int)
    image[row - 4 : row + 5, column - 4 : column + 5] = PELVIS_COLOUR
    return image


def write_video(
    path: Path, images: list[np.ndarray], *, key_every: int = 12, both_ways: int = 0
) -> None:
    """At most `key_every` frames from a key frame to the next, `both_ways` B-frames in a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        # No key frames of the encoder's own choice.
        options = {"sc_threshold": "1000000000"}
        stream = container.add_stream("mpeg4", rate=50, options=options)
        stream.width, stream.height = images[0].shape[1], images[0].shape[0]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        stream.codec_context.gop_size = key_every
        stream.codec_context.max_b_frames = both_ways
        for image in images:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def damage_video(path: Path, frames: Iterable[int]) -> None:
    """Zero the bytes of some frames, as a bad disk does."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        spans = [(packet.pos, packet.size) for packet in packets]
    content = bytearray(path.read_bytes())
    for start, size in (spans[frame] for frame in frames):
        content[start : start + size] = bytes(size)
    path.write_bytes(content)


def mask_image(pelvis_px: np.ndarray) -> np.ndarray:
    """True in the 20 columns about the pelvis."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    column = int(pelvis_px[0])
    mask[:, column - 10 : column + 10] = True
    return mask


def write_masks_v5(path: Path, masks: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = np.empty((1, len(masks)), dtype=object)
    for place, mask in enumerate(masks):
        cells[0, place] = mask.astype(np.uint8)
    savemat(path, {"Masks": cells})


def write_masks_v73(path: Path, masks: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_dataset("Masks", (len(masks), 1), dtype=h5py.ref_dtype)
        for place, mask in enumerate(masks):
            cells[place, 0] = file.create_dataset(
                f"#refs#/{place}", data=mask.T.astype(np.uint8)
            ).ref


def write_miniature(root: Path, *, with_trials: bool = True) -> Path:
    """Two subjects, two trials, four cameras; masks of old kind for S1, of new kind for S9."""
    root.mkdir(parents=True, exist_ok=True)
    write_metadata(root / "metadata.xml", with_trials=with_trials)
    for subject in SUBJECTS:
        for trial in TRIALS:
            write_trial(root, subject, trial)
    return root


def write_trial(root: Path, subject: str, trial: str) -> None:
    """Poses, videos and masks of one trial."""
    poses = joints_world_mm(subject, trial)
    write_cdf(root / subject / POSES / f"{trial}.cdf", poses)
    for number, camera_id in enumerate(CAMERA_IDS):
        name = f"{trial}.{camera_id}"
        pelvis = camera_of(subject, number).project(poses[:, 0])
        images = [frame_image(pelvis[frame], frame) for frame in range(FRAMES)]
        write_video(root / subject / "Videos" / f"{name}.mp4", images)
        write = write_masks_v5 if subject == "S1" else write_masks_v73
        write(root / subject / MASKS / f"{name}.mat", [mask_image(point) for point in pelvis])


def found(root: Path, **options: object) -> Inventory:
    """What of the miniature's actions lies in a copy."""
    return find_human36m(root, actions=WANTED, **options)  # type: ignore[arg-type]


def said(problems: Iterable[str], *words: str) -> bool:
    """Whether one line has all the words."""
    return any(all(word in line for word in words) for line in problems)


def pack(archive: Path, root: Path, names: list[str]) -> Path:
    """An archive of files or folders of `root`, under their own names."""
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            tar.add(root / name, arcname=name)
    return archive


def pack_member(archive: Path, member: tarfile.TarInfo, content: bytes = b"") -> Path:
    """An archive of one made-up member."""
    with tarfile.open(archive, "w:gz") as tar:
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive
