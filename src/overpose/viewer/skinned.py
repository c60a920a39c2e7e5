"""Bodies in the live viewer: a skinned mesh of viser's for each person. Sticks are `scene`'s."""

import numpy as np
import viser
from scipy.spatial.transform import Rotation

from overpose.formats.glb_body import Surface
from overpose.viewer.bodies import ShownBody
from overpose.viewer.shown import ShownPerson, frame_at


class SkinnedBody:
    """The body of one person in the scene, hidden at first; metres.

    Args:
        server: viser's.
        name: of the body in the scene.
        person: whose it is.
        body: the person's body.
        surface: of all bodies.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        name: str,
        person: ShownPerson,
        body: ShownBody,
        surface: Surface,
    ) -> None:
        self._person, self._body = person, body
        bones = len(body.bones_mm)
        weights = np.zeros((len(body.rest_mm), bones))
        rows = np.arange(len(weights))[:, None]
        np.add.at(weights, (rows, surface.joints), surface.weights / 65535)
        self.mesh = server.scene.add_mesh_skinned(
            name,
            (body.rest_mm / 1000).astype(np.float32),
            np.concatenate(surface.faces).astype(np.int64),
            bone_wxyzs=np.tile((1.0, 0.0, 0.0, 0.0), (bones, 1)),
            bone_positions=body.bones_mm / 1000,
            skin_weights=weights,
            color=person.colour,
            visible=False,
        )

    def draw(self, time_s: float | None) -> None:
        """Put the body where the person is at a time; hide it for None or where not seen."""
        frame = -1 if time_s is None else frame_at(time_s, self._person.fps)
        seen = 0 <= frame < self._person.frames and bool(self._person.seen[frame])
        self.mesh.visible = seen
        if not seen:
            return
        turns = Rotation.from_matrix(self._body.rotations[frame]).as_quat(scalar_first=True)
        for bone, turn, head_mm in zip(
            self.mesh.bones, turns, self._body.heads_mm[frame], strict=True
        ):
            bone.wxyz, bone.position = turn, head_mm / 1000
