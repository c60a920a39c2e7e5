"""BVH files: round trips, what others write, and bad files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from overpose.mocap.bvh import read_bvh, write_bvh
from overpose.mocap.motion import BoneSkeleton, Motion
from overpose.support.errors import InputError

BVH = """\
HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Spine
  {
    OFFSET 0 10 0
    CHANNELS 3 Xrotation Zrotation Yrotation
    JOINT Head
    {
      OFFSET 0 20 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 0 5 0
      }
    }
    JOINT Arm
    {
      OFFSET 15 18 0
      CHANNELS 3 Zrotation Xrotation Yrotation
      End Site
      {
        OFFSET 30 0 0
      }
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.033333
0 90 0 0 0 0 0 0 0 0 0 0 0 0 0
1 91 2 10 20 30 40 50 60 70 80 85 -10 -20 -30
"""


def written(tmp_path, text):
    path = tmp_path / "take.bvh"
    path.write_text(text)
    return path


def reference(values):
    """Ends of head and arm of `BVH`'s skeleton in file axes, by products of single turns, cm."""

    def turn(order, angles):
        result = np.eye(3)
        for letter, angle in zip(order, angles, strict=True):
            result = result @ Rotation.from_euler(letter, angle, degrees=True).as_matrix()
        return result

    hips = turn("zyx", values[3:6])
    spine = hips @ turn("xzy", values[6:9])
    start = np.array(values[:3]) + hips @ [0, 10, 0]
    head = start + spine @ [0, 20, 0]
    arm = start + spine @ [15, 18, 0]
    head_end = head + spine @ turn("zxy", values[9:12]) @ [0, 5, 0]
    arm_end = arm + spine @ turn("zxy", values[12:15]) @ [30, 0, 0]
    return {"Hips": np.array(values[:3]), "Spine": head, "Head": head_end, "Arm": arm_end,
            "Spine_to_Arm": arm, "Hips_to_Spine": start}  # fmt: skip


def test_joints_lie_where_products_of_single_turns_put_them(tmp_path):
    motion = read_bvh(written(tmp_path, BVH))
    ends = motion.positions_mm()
    for frame, line in enumerate(BVH.splitlines()[-2:]):
        expected = reference([float(word) for word in line.split()])
        assert set(expected) == set(motion.skeleton.names)
        for name, (x, y, z) in expected.items():
            got = ends[frame, motion.skeleton.index(name)]
            np.testing.assert_allclose(got, [10 * x, -10 * z, 10 * y], atol=1e-6)


def test_the_unit_scales_lengths(tmp_path):
    path = written(tmp_path, BVH)
    metres, centimetres = read_bvh(path, unit="mm"), read_bvh(path)
    np.testing.assert_allclose(10 * metres.positions_mm(), centimetres.positions_mm())


def test_the_frame_rate_is_the_round_number_meant(tmp_path):
    assert read_bvh(written(tmp_path, BVH)).fps == 30.0
    assert read_bvh(written(tmp_path, BVH.replace("0.033333", "0.0083333"))).fps == 120.0
    assert read_bvh(written(tmp_path, BVH.replace("0.033333", "0.3"))).fps == pytest.approx(10 / 3)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.sampled_from(["cm", "m", "mm", "inch"]))
def test_written_and_read_back_nothing_moves(tmp_path_factory, seed, bones, unit):
    rng = np.random.default_rng(seed)
    offsets = rng.normal(0, 200, (bones, 3))
    offsets[0] = 0
    parents = (-1, *(int(rng.integers(bone)) for bone in range(1, bones)))
    skeleton = BoneSkeleton(tuple(f"b{i}" for i in range(bones)), parents, offsets)
    turns = Rotation.random(3 * bones, rng=rng).as_matrix().reshape(3, bones, 3, 3)
    # Straight up: where the angles of the file are not unique.
    turns[0, 0] = Rotation.from_euler("XY", [90, rng.uniform(0, 90)], degrees=True).as_matrix()
    fps = float(rng.choice([25, 29.97, 120]))
    motion = Motion(skeleton, turns, rng.normal(0, 2000, (3, 3)), fps)
    path = tmp_path_factory.mktemp("bvh") / "a.bvh"
    write_bvh(motion, path, unit=unit)
    back = read_bvh(path, unit=unit)
    assert back.fps == pytest.approx(motion.fps, rel=1e-9)
    assert sorted(back.skeleton.names) == sorted(skeleton.names)
    order = [back.skeleton.index(name) for name in skeleton.names]
    np.testing.assert_allclose(back.positions_mm()[:, order], motion.positions_mm(), atol=1e-3)
    expected = motion.global_rotations()
    np.testing.assert_allclose(back.global_rotations()[:, order], expected, atol=1e-6)


def test_a_file_of_another_program_survives_writing_and_reading(tmp_path):
    first = read_bvh(written(tmp_path, BVH))
    write_bvh(first, tmp_path / "b.bvh")
    second = read_bvh(tmp_path / "b.bvh")
    assert sorted(second.skeleton.names) == sorted(first.skeleton.names)
    order = [second.skeleton.index(name) for name in first.skeleton.names]
    positions = second.positions_mm()[:, order]
    np.testing.assert_allclose(positions, first.positions_mm(), atol=1e-3)


def test_a_real_trial_survives_writing_and_reading(tmp_path, cmu):
    motion = cmu.motion("09_01", fps=25)
    write_bvh(motion, tmp_path / "run.bvh")
    back = read_bvh(tmp_path / "run.bvh")
    assert back.skeleton.names == motion.skeleton.names
    np.testing.assert_allclose(back.positions_mm(), motion.positions_mm(), atol=1e-3)


def test_nothing_is_overwritten_unasked(tmp_path):
    path = written(tmp_path, BVH)
    motion = read_bvh(path)
    with pytest.raises(InputError, match="exists already"):
        write_bvh(motion, path)
    assert path.read_text() == BVH
    write_bvh(motion, path, overwrite=True)
    assert path.read_text() != BVH


def test_white_space_and_braces_on_the_same_line_do_not_matter(tmp_path):
    expected = read_bvh(written(tmp_path, BVH)).positions_mm()
    odd = BVH.replace("\n{", " {").replace("Site\n      {", "Site {").replace(" ", "\t ")
    path = tmp_path / "odd.bvh"
    path.write_bytes(odd.replace("\n", "\r\n\r\n").encode())
    np.testing.assert_array_equal(read_bvh(path).positions_mm(), expected)


def test_a_byte_order_mark_does_not_matter(tmp_path):
    expected = read_bvh(written(tmp_path, BVH)).positions_mm()
    marked = written(tmp_path, "\ufeff" + BVH)
    np.testing.assert_array_equal(read_bvh(marked).positions_mm(), expected)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY\n", "", r"take\.bvh:1: got 'ROOT Hips', expected HIERARCHY"),
        ("MOTION\n", "ROOT Other\n", r"take\.bvh:30: got a second ROOT, expected one"),
        ("MOTION\n", "", r"take\.bvh:30: got 'Frames: 2', expected MOTION"),
        (BVH[BVH.index("    JOINT Arm") :], "", r"the file ends within HIERARCHY, expected MOTION"),
        ("JOINT Arm", "JOINT Head", r"take\.bvh:19: a second joint is called Head"),
        ("JOINT Arm", "JIONT Arm", r"take\.bvh:19: got 'JIONT Arm', expected OFFSET"),
        ("JOINT Arm\n    {", "JOINT Arm\n    (", r"take\.bvh:20: got '\(', expected '\{'"),
        ("      OFFSET 15 18 0\n", "", r"take\.bvh:19: Arm has no OFFSET"),
        ("OFFSET 15 18 0", "OFFSET 15 18", r"take\.bvh:21: got 2 values, expected 3"),
        ("OFFSET 15 18 0", "OFFSET 15 up 0", r"take\.bvh:21: got 'up', expected a number"),
        ("OFFSET 15 18 0", "OFFSET 15 1800 0", r"bone Spine_to_Arm is 17\.\d+ m long.*unit cm"),
        ("CHANNELS 6", "CHANNELS 5", r"take\.bvh:5: got 6 channels after CHANNELS 5"),
        ("Yrotation Xrotation\n", "Yrotation Wrotation\n", r"take\.bvh:5: got channels"),
        ("Yrotation Xrotation\n", "Yrotation Yrotation\n", r"take\.bvh:5: got channels"),
        ("Frames: 2", "Frames: 0", r"take\.bvh:31: got 0 frames, expected at least one"),
        ("Frames: 2", "Frames: 3", r"got 2 frames, expected 3 as line 31 says"),
        ("Frames: 2", "Frames: two", r"take\.bvh:31: got 'two', expected a number"),
        ("Frame Time: 0.033333\n", "", r"take\.bvh:32: .*expected 'Frame Time: …'"),
        ("Time: 0.033333", "Time: 0", r"take\.bvh:32: got Frame Time 0, expected more than 0"),
        ("Time: 0.033333", "Time: 1e-320", r"take\.bvh:32: .* expected more than 0"),
        (
            "        OFFSET 5 0 0\n".replace("5 0", "0 5"),
            "        OFFSET 0 5 0\n        JOINT Tip {\n",
            r"take\.bvh:17: got JOINT in an End Site, expected '\}'",
        ),
        (" -20 -30", " -20", r"take\.bvh:34: got 14 values, expected 15.*truncated"),
        (" -20 -30", " -20 x", r"take\.bvh:34: got 'x', expected a number"),
        (" -20 -30", " -20 nan", r"take\.bvh:34: got nan, expected a finite number"),
        ("1 91 2", "1 91000 2", r"the root is 910 m from the origin at frame 1.*unit cm"),
    ],
)
def test_a_garbled_file_is_refused_with_file_line_and_what_was_expected(
    tmp_path, old, new, message
):
    assert BVH.count(old) == 1
    with pytest.raises(InputError, match=message):
        read_bvh(written(tmp_path, BVH.replace(old, new)))


@pytest.mark.parametrize("cut", range(1, BVH.rindex("-10") - 1, 23))
def test_a_file_cut_anywhere_is_refused(tmp_path, cut):
    with pytest.raises(InputError, match=r"take\.bvh"):
        read_bvh(written(tmp_path, BVH[:cut]))


def test_a_joint_that_moves_along_its_parent_is_refused(tmp_path):
    text = BVH.replace("CHANNELS 3 Xrotation Zrotation Yrotation", "CHANNELS 1 Xposition")
    text = text.replace("0 0 0 0 0 0 0\n1 91", "0 0 0 0 0\n1 91").replace(" 50 60 70", " 70")
    with pytest.raises(InputError, match=r"take\.bvh:6: joint Spine moves along"):
        read_bvh(written(tmp_path, text))


def test_an_unknown_unit_is_refused(tmp_path):
    with pytest.raises(InputError, match="unit: got 'ell'"):
        read_bvh(written(tmp_path, BVH), unit="ell")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.bvh: no such file"):
        read_bvh(tmp_path / "no.bvh")


def six_channels(noise: float, offset: str = "0 10 0") -> str:
    """`BVH` with position channels for Spine, which move by `noise` cm about the OFFSET."""
    six = "CHANNELS 6 Xposition Yposition Zposition Xrotation"
    text = BVH.replace("CHANNELS 3 Xrotation", six).replace("OFFSET 0 10 0", f"OFFSET {offset}")
    rows = [line.split() for line in BVH.splitlines()[-2:]]
    for sign, row in zip((1, -1), rows, strict=True):
        row[6:6] = [f"{sign * noise}", f"{10 + sign * noise}", "0"]
    return "\n".join([*text.splitlines()[:-2], *map(" ".join, rows), ""])


@pytest.mark.parametrize("noise_cm", [0.0, 0.001, 0.05, 0.4])
@pytest.mark.parametrize("offset", ["0 10 0", "0 0 0"])
def test_joints_whose_positions_hardly_move_stand_at_their_median(tmp_path, noise_cm, offset):
    plain = read_bvh(written(tmp_path, BVH)).positions_mm()
    motion = read_bvh(written(tmp_path, six_channels(noise_cm, offset)))
    np.testing.assert_allclose(motion.positions_mm(), plain, atol=1e-6)


def test_stretching_bones_are_said_and_beyond_5_mm_refused(tmp_path, capsys):
    read_bvh(written(tmp_path, six_channels(0.001)))
    assert not capsys.readouterr().err
    read_bvh(written(tmp_path, six_channels(0.3)))
    assert "bones stretch by up to 3 mm" in capsys.readouterr().err
    with pytest.raises(InputError, match="joint Spine moves along by 6 mm"):
        read_bvh(written(tmp_path, six_channels(0.6)))


def test_blenders_z_up_is_taken_as_it_is(tmp_path):
    motion = read_bvh(written(tmp_path, BVH), up="z")
    upright = read_bvh(written(tmp_path, BVH)).positions_mm()
    x, y, z = np.moveaxis(motion.positions_mm(), -1, 0)
    np.testing.assert_allclose(np.stack([x, -z, y], axis=-1), upright, atol=1e-6)
    np.testing.assert_allclose(motion.root_mm[0], [0, 900, 0])


@pytest.mark.parametrize("end", ["\x1a", "\x1a\n", "\r\n\x1a", "\n\n\x1a\x1a"])
def test_a_ctrl_z_at_the_end_is_no_line(tmp_path, end):
    plain = read_bvh(written(tmp_path, BVH)).positions_mm()
    np.testing.assert_array_equal(read_bvh(written(tmp_path, BVH + end)).positions_mm(), plain)


def crowded(joints: int, frames: int) -> str:
    """A root with one channel and many joints without any: a small file, much to hold."""
    inner = "".join(f"JOINT j{i}\n{{\nOFFSET 0 1 0\n}}\n" for i in range(joints))
    head = f"HIERARCHY\nROOT r\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n{inner}}}\n"
    return f"{head}MOTION\nFrames: {frames}\nFrame Time: 0.01\n" + "0\n" * frames


def test_a_small_file_that_would_take_much_memory_is_refused(tmp_path):
    with pytest.raises(InputError, match="more than 1000 joints"):
        read_bvh(written(tmp_path, crowded(1001, 1)))
    with pytest.raises(InputError, match="got 20000 numbers for 501 bones in 20000 frames"):
        read_bvh(written(tmp_path, crowded(500, 20_000)))
    assert len(read_bvh(written(tmp_path, crowded(500, 100))).skeleton) >= 500
