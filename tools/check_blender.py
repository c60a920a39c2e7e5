"""Import what overpose writes into Blender and see that everybody is where the track has them.

`make test-blender` runs both halves: `write DIR`, with overpose, makes files and what is expected
of them; `import DIR`, with the module bpy, imports them and compares, frame by frame.
"""

import json
import sys
from pathlib import Path

FRAMES, FPS, PEOPLE = 40, 30, 2
MOST_MM = 0.1


def write(directory: Path) -> None:
    """Files of two people, the second of whom is not always there, and `expected.json`."""
    import numpy as np
    import pybvh
    from glb_file import GlbFile
    from moving_person import moving_track

    from overpose.formats import bvh, glb
    from overpose.formats.writing import write_formats

    track = moving_track(PEOPLE, FRAMES)
    paths = write_formats(track, directory, "clip", [bvh.FORMAT, glb.FORMAT], overwrite=True)
    expected: dict[str, object] = {"files": [path.name for path in paths], "seen": {}}
    for path in paths[:-1]:
        read = pybvh.read_bvh_file(path, world_up="+y")
        places = read.node_positions() @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) * 10
        expected[path.name] = {
            node.name: places[:, row].tolist()
            for row, node in enumerate(read.nodes)
            if not node.is_end_site()
        }
    file = GlbFile(paths[-1])
    z_up = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # Blender's
    bones = {}
    for person in range(1, PEOPLE + 1):
        seen = np.flatnonzero(track.seen[person - 1]).tolist()
        expected["seen"][f"person {person}"] = seen
        joints = file.whole["skins"][person - 1]["joints"]
        worlds = {frame: file.at(frame / FPS) for frame in seen}
        bones[f"person {person}"] = {
            file.nodes[joint]["name"]: {
                str(frame): (z_up @ world[joint, :3, 3] * 1000).tolist()
                for frame, world in worlds.items()
            }
            for joint in joints
        }
    expected["clip.glb"] = bones
    frame = 20
    skin = file.vertices(1, frame / FPS) @ z_up.T * 1000
    expected["skin"] = {"frame": frame, "low": skin.min(0).tolist(), "high": skin.max(0).tolist()}
    (directory / "expected.json").write_text(json.dumps(expected))


def import_all(directory: Path) -> None:
    """Import the files and compare; raises AssertionError where something is elsewhere."""
    import bpy
    import numpy as np

    expected = json.loads((directory / "expected.json").read_text())
    bvhs = [name for name in expected["files"] if name.endswith(".bvh")]
    for name in bvhs:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        bpy.ops.import_anim.bvh(
            filepath=str(directory / name), global_scale=0.01, frame_start=1, use_fps_scale=False
        )
        (armature,) = [each for each in bpy.data.objects if each.type == "ARMATURE"]
        worst = 0.0
        for frame in range(FRAMES):
            bpy.context.scene.frame_set(frame + 1)
            for bone, places in expected[name].items():
                head = armature.matrix_world @ armature.pose.bones[bone].head
                off = np.linalg.norm(np.array(head) * 1000 - places[frame])
                worst = max(worst, float(off))
        print(f"{name}: {len(expected[name])} bones, {FRAMES} frames, at most {worst:.4f} mm off")
        assert worst < MOST_MM, worst
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = FPS
    bpy.ops.import_scene.gltf(filepath=str(directory / "clip.glb"))
    meshes = [each for each in bpy.data.objects if each.type == "MESH" and each.vertex_groups]
    assert len(meshes) == PEOPLE, [each.name for each in meshes]
    worst = 0.0
    for person, bones in expected["clip.glb"].items():
        armature = bpy.data.objects[person]
        seen = expected["seen"][person]
        for frame in range(FRAMES):
            bpy.context.scene.frame_set(frame)
            there = armature.matrix_world.median_scale > 0.5
            assert there == (frame in seen), (person, frame)
            for bone, places in bones.items() if there else ():
                head = armature.matrix_world @ armature.pose.bones[bone].head
                off = np.linalg.norm(np.array(head) * 1000 - places[str(frame)])
                worst = max(worst, float(off))
    print(f"clip.glb: {PEOPLE} people, {FRAMES} frames, bones at most {worst:.4f} mm off")
    assert worst < MOST_MM, worst
    skin = expected["skin"]
    bpy.context.scene.frame_set(skin["frame"])
    mesh = next(each for each in meshes if each.name.startswith("body of person 1"))
    moved = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    places = np.array([moved.matrix_world @ each.co for each in moved.data.vertices]) * 1000
    off = max(abs(places.min(0) - skin["low"]).max(), abs(places.max(0) - skin["high"]).max())
    print(f"clip.glb: the skin's box at most {off:.4f} mm off")
    assert off < MOST_MM, off


if __name__ == "__main__":
    {"write": write, "import": import_all}[sys.argv[1]](Path(sys.argv[2]))
