"""The 17 joints of `HUMAN36M` on a skeleton with CMU's bone names.

The joints of the rendered body belong to the studio; these are those of the mocap skeleton.
"""

import numpy as np

from overpose.mocap.motion import Motion
from overpose.skeleton import HUMAN36M
from overpose.support.errors import InputError

BONE_ENDS = {
    "pelvis": "root",
    "right_hip": "rhipjoint",
    "right_knee": "rfemur",
    "right_ankle": "rtibia",
    "left_hip": "lhipjoint",
    "left_knee": "lfemur",
    "left_ankle": "ltibia",
    "spine": "upperback",
    "neck": "lowerneck",
    "head_top": "head",
    "left_shoulder": "lclavicle",
    "left_elbow": "lhumerus",
    "left_wrist": "lwrist",
    "right_shoulder": "rclavicle",
    "right_elbow": "rhumerus",
    "right_wrist": "rwrist",
}
"""For every joint but the nose, the CMU bone at whose end it lies.

CMU's thorax ends below the shoulders and its lowerneck at the base of the neck, a little above:
there Human3.6M has its neck. CMU cuts the forearm in two, `lradius` (two thirds, which the elbow
bends) and `lwrist` (one third, which only twists): the wrist, where the hand bends, is the end of
the second. In cartwheels the chain turns from upright to flat on the floor right there.
"""

REST_FORWARD = np.array([0.0, -1.0, 0.0])
"""Where CMU's skeletons look in the rest pose, world axes."""


def joints17_world_mm(motion: Motion) -> np.ndarray:
    """Positions of the 17 joints.

    All but the nose are ends of bones (`BONE_ENDS`). The nose, for which CMU has no bone, is the
    middle of the head bone moved forward, in the frame of the head, by the length of that bone
    (about 9 cm): every distance among neighbouring joints of neck and head stays nearly constant.

    Args:
        motion: motion of a skeleton with CMU's bone names.

    Returns:
        (frames, 17, 3) float64 in `HUMAN36M`'s order, world frame (z up), mm.

    Raises:
        InputError: the skeleton lacks a bone of CMU's.
    """
    skeleton = motion.skeleton
    missing = sorted(set(BONE_ENDS.values()) - set(skeleton.names))
    if missing:
        raise InputError(
            f"motion {motion.trial}: no bone {', '.join(missing)}; expected CMU's bone names, got "
            f"{', '.join(skeleton.names)}"
        )
    ends = motion.positions_mm()
    head = skeleton.index("head")
    start = ends[:, skeleton.parents[head]]
    forward = motion.global_rotations()[:, head] @ REST_FORWARD
    joints = np.empty((len(motion), len(HUMAN36M), 3))
    for joint, bone in BONE_ENDS.items():
        joints[:, HUMAN36M.index(joint)] = ends[:, skeleton.index(bone)]
    nose = (start + ends[:, head]) / 2 + skeleton.lengths_mm[head] * forward
    joints[:, HUMAN36M.index("nose")] = nose
    return joints
