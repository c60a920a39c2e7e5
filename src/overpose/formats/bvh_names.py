"""What other programs call the bones of a BVH."""

from typing import Literal

Names = Literal["overpose", "mixamo", "cmu", "human36m"]

_MIDDLE = {
    "pelvis": ("Hips", "Hips", "Hips"),
    "pelvis_to_spine": ("Spine", "LowerBack", "Spine"),
    "spine": ("Spine1", "Spine", "Spine1"),
    "neck": ("Neck", "Neck", "Neck"),
    "nose": ("Head", "Head", "Head"),
}
_SIDE = {
    "pelvis_to_{}_hip": ("{}Hip", "{:.1}HipJoint", "{}Hip"),
    "{}_hip": ("{}UpLeg", "{}UpLeg", "{}UpLeg"),
    "{}_knee": ("{}Leg", "{}Leg", "{}Leg"),
    "{}_ankle": ("{}Foot", "{}Foot", "{}Foot"),
    "neck_to_{}_shoulder": ("{}Shoulder", "{}Shoulder", "{}Shoulder"),
    "{}_shoulder": ("{}Arm", "{}Arm", "{}Arm"),
    "{}_elbow": ("{}ForeArm", "{}ForeArm", "{}ForeArm"),
}
_COLUMNS = ("mixamo", "cmu", "human36m")


def bone_names(names: Names) -> dict[str, str]:
    """Every bone that `pose_motion` and `with_feet` can give, by our name: what it is called."""
    ours = dict(_MIDDLE)
    for side in ("left", "right"):
        big = side.capitalize()
        for name, others in _SIDE.items():
            ours[name.format(side)] = (
                others[0].format(big), others[1].format(big), others[2].format(big),
            )  # fmt: skip
    if names == "overpose":
        return {name: name for name in ours}
    column, prefix = _COLUMNS.index(names), "mixamorig:" if names == "mixamo" else ""
    return {name: prefix + others[column] for name, others in ours.items()}
