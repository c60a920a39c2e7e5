"""A stretch of motion turned into labelled images: one person, one place, one rig of cameras.

How a single picture is drawn belongs to `frame.py`; how the work is shared out, to `render.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from overpose.boxes import joint_visibility, paper_box
from overpose.camera import Camera
from overpose.datasets.layout import Sample
from overpose.datasets.rendering.jobs import Piece, Renderer, ShardJob
from overpose.datasets.rendering.options import RenderConfig
from overpose.datasets.rendering.plan import RenderSequence
from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.mocap.proportions import other_lengths
from overpose.skeleton import HUMAN36M
from overpose.studio.background import find_photos
from overpose.studio.body import BodyModel, BodyShape, load_body
from overpose.studio.cameras import place_cameras
from overpose.studio.fit import fit_body
from overpose.studio.frame import render_layers
from overpose.studio.outfit import Outfit, dress, pose_outfit, random_materials, random_style
from overpose.studio.postprocess import encode_jpeg
from overpose.studio.retarget import BoneTransforms, retarget
from overpose.studio.scene import Scene, random_scene
from overpose.support.seeding import random_stream

PELVIS = HUMAN36M.index("pelvis")


@dataclass(frozen=True, eq=False)
class SequenceScene:
    """What stays the same through a sequence.

    Attributes:
        outfit: the person's clothes.
        scene: light and surroundings.
        cameras: the rig.
    """

    outfit: Outfit
    scene: Scene
    cameras: tuple[Camera, ...]


def make_studio(config: RenderConfig) -> Renderer:
    """What renders shards with the body asset; keeps bodies and the last trial between calls.

    Raises:
        InputError: the body asset is missing, or `config.backgrounds` holds no photos.
    """
    cv2.setNumThreads(1)
    model = load_body()
    photos = find_photos(config.backgrounds) if config.backgrounds is not None else ()
    shapes: dict[tuple[str, bytes], BodyShape] = {}
    bones: dict[tuple[Motion, tuple[str, bytes]], BoneTransforms] = {}

    def render(job: ShardJob, check: Callable[[], None]) -> list[Sample]:
        samples = []
        for piece in job.pieces:
            check()
            sequence, motion = piece.sequence, piece.motion
            key = body_name(sequence, config), motion.skeleton.offsets_mm.tobytes()
            if key not in shapes:
                if config.bodies == "take":
                    shapes.clear()  # hardly any is needed again
                shapes[key] = make_body(model, motion.skeleton, sequence, config)
            if (motion, key) not in bones:
                # Only the last: pieces of one trial follow each other.
                bones.clear()
                bones[motion, key] = retarget(motion, model, shapes[key])
            moved = bones[motion, key]
            setting = set_scene(model, shapes[key], moved, sequence, config, photos)
            samples += render_piece(piece, setting, moved, config, check)
        return samples

    return render


def body_name(sequence: RenderSequence, config: RenderConfig) -> str:
    """What decides whose body it is: the subject, or where takes have their own, trial and take."""
    own = config.bodies == "take" and sequence.split != "test"
    return f"{sequence.trial}, take {sequence.take}" if own else sequence.subject


def make_body(
    model: BodyModel, skeleton: BoneSkeleton, sequence: RenderSequence, config: RenderConfig
) -> BodyShape:
    """The body of a sequence; one of a take's own has the subject's lengths varied at random."""
    name = body_name(sequence, config)
    if name != sequence.subject:
        skeleton = other_lengths(skeleton, random_stream(config.seed, "lengths", name))
    return fit_body(model, skeleton, config.seed, name)


def set_scene(
    model: BodyModel,
    shape: BodyShape,
    bones: BoneTransforms,
    sequence: RenderSequence,
    config: RenderConfig,
    photos: tuple[Path, ...] = (),
) -> SequenceScene:
    """Clothes, scene and cameras of a sequence: the same whichever of its samples are rendered.

    A body's skin, hair and eyes have the same colours in all its sequences. The cameras stand about
    the middle of the way of the pelvis; walls stand clear of all of it.
    """
    joints = bones.joints_world_mm[sequence.start : sequence.stop].astype(np.float64)
    way = joints[:, PELVIS, :2]
    middle = (way.min(axis=0) + way.max(axis=0)) / 2
    reach = joints[..., :2].reshape(-1, 2)
    name = (sequence.trial, sequence.split, sequence.take, sequence.start)
    person = random_stream(config.seed, "person", body_name(sequence, config))
    clothes = random_stream(config.seed, "clothes", *name)
    style = random_style(shape, clothes)
    return SequenceScene(
        outfit=dress(model, shape, style, random_materials(shape, person, clothes)),
        scene=random_scene(
            random_stream(config.seed, "scene", *name),
            area_mm=np.stack([reach.min(axis=0), reach.max(axis=0)]),
            photos=photos,
        ),
        cameras=place_cameras(
            random_stream(config.seed, "cameras", *name), middle, count=config.cameras
        ),
    )


def render_piece(
    piece: Piece,
    setting: SequenceScene,
    bones: BoneTransforms,
    config: RenderConfig,
    check: Callable[[], None],
) -> list[Sample]:
    """The samples of a piece of a sequence, in order; `check` is called before each."""
    sequence = piece.sequence
    samples, posed, vertices = [], -1, np.empty((0, 3), np.float32)
    for place in range(piece.start, piece.stop):
        check()
        frame, number = sequence.frames[place], sequence.cameras[place]
        if frame != posed:
            posed, vertices = frame, pose_outfit(setting.outfit, bones.transforms[frame])
        samples.append(
            _render_sample(
                sequence, frame, number, vertices, bones.joints_world_mm[frame], setting, config
            )
        )
    return samples


def _render_sample(
    sequence: RenderSequence,
    frame: int,
    number: int,
    vertices_world_mm: np.ndarray,
    joints_world_mm: np.ndarray,
    setting: SequenceScene,
    config: RenderConfig,
) -> Sample:
    name = (sequence.trial, sequence.take, frame, number)
    rng = random_stream(config.seed, "image", *name)
    camera = setting.cameras[number]
    left, top, side = paper_box(joints_world_mm, camera)
    size = config.image_size
    crop = camera.crop(left, top, side, side).resize(size, size)
    layers = render_layers(
        vertices_world_mm, setting.outfit, setting.scene, crop, rng, config.supersample
    )
    low, high = config.jpeg_quality
    joints_camera_mm = camera.to_camera_mm(joints_world_mm)
    visible = joint_visibility(joints_world_mm, layers.depth_mm, crop)
    return Sample(
        jpeg=encode_jpeg(layers.image, int(rng.integers(low, high + 1))),
        mask_png=_encode_mask(layers.mask),
        subject=sequence.subject,
        action=sequence.action,
        trial=sequence.trial,
        split=sequence.split,
        camera_number=number,
        frame=frame,
        take=sequence.take,
        pose_mm=joints_camera_mm - joints_camera_mm[PELVIS],
        root_mm=joints_camera_mm[PELVIS],
        keypoints_px=np.concatenate(
            [crop.project(joints_world_mm), visible[:, None].astype(np.float64)], axis=1
        ),
        box_px=(float(left), float(top), float(side)),
        camera=camera,
        crop=crop,
    )


def _encode_mask(mask: np.ndarray) -> bytes:
    options = [cv2.IMWRITE_PNG_BILEVEL, 1]
    return cv2.imencode(".png", mask.astype(np.uint8) * 255, options)[1].tobytes()
