"""ASF and AMC files, good and bad."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from overpose.mocap.asf_amc import read_amc, read_asf, read_trial
from overpose.support.errors import InputError

ASF = """\
# a comment
:version 1.10
:name TEST
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
   begin end root 1 2 3
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name fixed
     direction 1 0 0
     length 4.5
     axis 0 0 0 XYZ
  end
  begin
     id 2
     name arm
     direction 0 1 -1.6e-014
     length 9
     axis 10 20 30 XYZ
     dof rx ry rz
     limits (-160.0 20.0)
            (-70.0 70.0)
            (-60.0 70.0)
  end
  begin
     id 3
     name hand
     direction 0 0 1
     length 4.5
     axis 90 0 -20 ZYX
     dof ry rx
  end
:hierarchy
  begin
    root fixed arm
    arm hand
  end
"""

AMC = """\
#!OML:ASF somewhere
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 0 0
arm 0 0 0
hand 0 0
2
root 1 2 3 10 -20 30
arm 15 25 -1.6e-014
hand 7 8
"""


def write(tmp_path, asf=ASF, amc=AMC, asf_name="01.asf", amc_name="01_01.amc"):
    (tmp_path / asf_name).write_bytes(asf.encode())
    (tmp_path / amc_name).write_bytes(amc.encode())
    return tmp_path / asf_name, tmp_path / amc_name


UNIT_MM = 25.4 / 0.45


def axis_turn(letter, degrees):
    """A rotation about one axis, by the textbook's formula."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return {
        "x": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[letter]


def test_the_rest_pose_lies_where_computed_by_hand_in_z_up_millimetres(tmp_path):
    motion = read_trial(*write(tmp_path))
    assert motion.skeleton.names == ("root", "fixed", "arm", "hand")
    root = np.array([1, -3, 2]) * UNIT_MM
    expected = root + np.array([[0, 0, 0], [4.5, 0, 0], [0, 0, 9], [0, -4.5, 9]]) * UNIT_MM
    np.testing.assert_allclose(motion.positions_mm()[0], expected, atol=1e-6)
    turns = motion.global_rotations()[0]
    np.testing.assert_allclose(turns, np.tile(np.eye(3), (4, 1, 1)), atol=1e-12)


def test_a_turned_pose_equals_products_of_single_turns(tmp_path):
    motion = read_trial(*write(tmp_path))
    root = axis_turn("z", 30) @ axis_turn("y", -20) @ axis_turn("x", 10)
    c = axis_turn("z", 30) @ axis_turn("y", 20) @ axis_turn("x", 10)
    arm = c @ (axis_turn("z", -1.6e-14) @ axis_turn("y", 25) @ axis_turn("x", 15)) @ c.T
    # The order ZYX names z first, with the angles in the order of the letters.
    c = axis_turn("x", -20) @ axis_turn("y", 0) @ axis_turn("z", 90)
    hand = c @ (axis_turn("x", 8) @ axis_turn("y", 7)) @ c.T
    arm_end = np.array([1, 2, 3]) + root @ arm @ [0, 9, 0]
    hand_end = arm_end + root @ arm @ hand @ [0, 0, 4.5]
    x, y, z = hand_end * UNIT_MM
    np.testing.assert_allclose(motion.positions_mm()[1, 3], [x, -z, y], atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "  \t\n\n"),
        lambda text: text.replace(" ", "\t  "),
        lambda text: text + "\n\n  \n",
        lambda text: text.rstrip("\n"),
    ],
    ids=["CRLF", "blank lines", "tabs", "trailing blanks", "no last newline"],
)
def test_white_space_does_not_matter(tmp_path, change):
    expected = read_trial(*write(tmp_path)).positions_mm()
    (tmp_path / "odd").mkdir()
    got = read_trial(*write(tmp_path / "odd", change(ASF), change(AMC))).positions_mm()
    np.testing.assert_array_equal(got, expected)


def test_radians_equal_degrees(tmp_path):
    expected = read_trial(*write(tmp_path)).positions_mm()
    radians = AMC.replace(":DEGREES", ":RADIANS")
    for line in ("root 1 2 3 10 -20 30", "arm 15 25 -1.6e-014", "hand 7 8"):
        name, *values = line.split()
        numbers = [float(v) for v in values]
        kept = 3 if name == "root" else 0
        numbers[kept:] = np.deg2rad(numbers[kept:])
        radians = radians.replace(line, f"{name} " + " ".join(repr(float(n)) for n in numbers))
    got = read_trial(*write(tmp_path, amc=radians)).positions_mm()
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_an_asf_in_radians_equals_one_in_degrees(tmp_path):
    expected = read_trial(*write(tmp_path)).positions_mm()
    asf = ASF.replace("angle deg", "angle rad")
    for angles in ("10 20 30", "90 0 -20"):
        radians = " ".join(repr(float(np.deg2rad(float(a)))) for a in angles.split())
        asf = asf.replace(f"axis {angles}", f"axis {radians}")
    got = read_trial(*write(tmp_path, asf=asf)).positions_mm()
    np.testing.assert_allclose(got, expected, atol=1e-9)


def test_bones_of_a_frame_may_come_in_any_order(tmp_path):
    expected = read_trial(*write(tmp_path)).positions_mm()
    amc = AMC.replace("arm 0 0 0\nhand 0 0\n", "hand 0 0\narm 0 0 0\n")
    got = read_trial(*write(tmp_path, amc=amc)).positions_mm()
    np.testing.assert_array_equal(got, expected)


def test_the_frame_rate_is_cmus_unless_the_file_says_otherwise(tmp_path):
    assert read_trial(*write(tmp_path)).fps == 120.0
    amc = AMC.replace(":DEGREES", ":DEGREES\n:SAMPLES-PER-SECOND 60")
    assert read_trial(*write(tmp_path, amc=amc)).fps == 60.0


def test_a_motion_knows_its_subject_and_trial(tmp_path):
    motion = read_trial(*write(tmp_path))
    assert (motion.subject, motion.trial) == ("01", "01_01")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hand 7 8\n", "", r"01_01\.amc:\d+: frame 2 ends without hand; is the file truncated"),
        ("hand 7 8\n", "hand 7\n", r"01_01\.amc:11: got 1 values for bone hand, expected 2"),
        ("hand 7 8\n", "hand 7 8 9\n", r"01_01\.amc:11: got 3 values for bone hand, expected 2"),
        ("arm 15", "arm 1x5", r"01_01\.amc:10: got '1x5', expected a number"),
        ("arm 15", "arm nan", r"01_01\.amc:10: got nan, expected a finite number"),
        ("arm 15", "arm 1e400", r"01_01\.amc:10: got 1e400, expected a finite number"),
        ("arm 15", "leg 15", r"01_01\.amc:10: bone 'leg' is not one that moves .*another subject"),
        ("hand 7 8\n", "hand 7 8\nfixed 1\n", r"01_01\.amc:12: bone 'fixed' is not one that moves"),
        ("hand 7 8\n", "hand 7 8\nhand 7 8\n", r"01_01\.amc:12: bone hand appears twice"),
        ("\n2\n", "\n3\n", r"01_01\.amc:8: got frame 3, expected 2"),
        ("\n2\n", "\n1\n", r"01_01\.amc:8: got frame 1, expected 2"),
        ("\n2\n", "\n2.5\n", r"01_01\.amc:8: got '2.5', expected a frame number"),
        ("\n2\n", "\n²\n", r"01_01\.amc:8: got '²', expected a frame number"),
        ("\n2\n", f"\n{'9' * 5000}\n", r"01_01\.amc:8: got '9+', expected a frame number"),
        (":DEGREES", ":DEGREES\n:SAMPLES-PER-SECOND 0", r"01_01\.amc: .*got fps 0"),
        ("\n1\n", "\n", r"01_01\.amc:4: got 'root 1 2 3 0 0 0', expected a frame number first"),
        ("2\nroot 1", "2\nroot 5000", r"01_01\.amc: frame 2: tx of bone root is 5000, expected"),
        ("arm 15", "arm 1e30", r"01_01\.amc: frame 2: rx of bone arm is 1e\+30, expected an angle"),
        ("arm 15", "arm 1\0", r"01_01\.amc:10: got a zero byte"),
    ],
)
def test_a_garbled_amc_is_refused_with_file_line_and_what_was_expected(tmp_path, old, new, message):
    assert AMC.count(old) == 1
    with pytest.raises(InputError, match=message):
        read_trial(*write(tmp_path, amc=AMC.replace(old, new)))


def test_a_number_beside_every_frame_number_is_refused(tmp_path):
    amc = AMC.replace("\n1\n", "\n1 7\n").replace("\n2\n", "\n2 7\n")
    with pytest.raises(InputError, match=r"01_01\.amc:4: got '1 7', expected a frame number"):
        read_trial(*write(tmp_path, amc=amc))


WHOLE_FRAME_1 = AMC.index("2\nroot 1 2 3 10")


@pytest.mark.parametrize("cut", range(AMC.index("\n1\n") + 3, WHOLE_FRAME_1 - 3, 3))
def test_an_amc_cut_within_its_first_frame_is_refused(tmp_path, cut):
    with pytest.raises(InputError, match=r"01_01\.amc"):
        read_trial(*write(tmp_path, amc=AMC[:cut]))


@pytest.mark.parametrize("cut", range(WHOLE_FRAME_1 + 1, len(AMC) - 3, 5))
def test_an_amc_cut_within_its_second_frame_is_refused(tmp_path, cut):
    with pytest.raises(InputError, match=r"01_01\.amc"):
        read_trial(*write(tmp_path, amc=AMC[:cut]))


def test_an_empty_trial_is_refused(tmp_path):
    with pytest.raises(InputError, match="no frames"):
        read_trial(*write(tmp_path, amc=":FULLY-SPECIFIED\n:DEGREES\n"))
    with pytest.raises(InputError, match="is empty"):
        read_trial(*write(tmp_path, amc="\n"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":hierarchy", "", r"01\.asf:\d+: got 'root', expected id, name"),
        (ASF[ASF.index("    arm hand") :], "", r"01\.asf:\d+: the file ends in section :hierarchy"),
        (ASF[ASF.index(":hierarchy") :], "", r"01\.asf:\d+: the file ends in section :bonedata"),
        ("    arm hand\n", "", r"01\.asf: :hierarchy does not join hand to the root"),
        ("arm hand", "arm hand tail", r"01\.asf:\d+: bone 'tail' is not in :bonedata"),
        ("root fixed arm", "root fixed arm hand", r"01\.asf:\d+: bone hand gets a second parent"),
        ("length 9", "length", r"01\.asf:27: got 0 values, expected 1"),
        ("length 9", "length -9", r"01\.asf:23: bone arm lacks a direction or a length"),
        ("length 9", "length 900", r"01\.asf: .*bone arm is 50.8 m long"),
        ("length 9", "length nan", r"01\.asf:27: got nan, expected a finite number"),
        ("direction 1 0 0", "direction 0 0 0", r"01\.asf:16: bone fixed has direction"),
        ("direction 1 0 0", "direction 1 0", r"01\.asf:19: got 2 values, expected 3"),
        ("axis 10 20 30 XYZ", "axis 10 20 30", r"01\.asf:28: got axis order ''"),
        ("axis 10 20 30 XYZ", "axis 10 20 30 XYX", r"01\.asf:28: got axis order 'XYX'"),
        ("dof ry rx", "dof ry ry", r"01\.asf:40: got degrees of freedom 'ry ry'"),
        ("dof ry rx", "dof ry rq", r"01\.asf:40: got degrees of freedom 'ry rq'"),
        ("name hand", "name arm", r"01\.asf:34: a second bone is called arm"),
        ("name hand\n", "\n", r"01\.asf:34: the bone that begins here has no name"),
        ("id 3", "what 3", r"01\.asf:35: got 'what', expected id, name"),
        ("length 0.45", "length 0", r"01\.asf:6: got length 0, expected a positive number"),
        ("angle deg", "angle grad", r"01\.asf:7: got angle 'grad', expected deg or rad"),
        ("   order TX TY TZ RX RY RZ\n", "", r"01\.asf: section :root has no 'order'"),
    ],
)
def test_a_garbled_asf_is_refused_with_file_line_and_what_was_expected(tmp_path, old, new, message):
    assert old in ASF
    with pytest.raises(InputError, match=message):
        read_asf(write(tmp_path, asf=ASF.replace(old, new, 1))[0])


def test_a_file_that_is_no_asf_is_refused(tmp_path):
    with pytest.raises(InputError, match="not an ASF file"):
        read_asf(write(tmp_path, asf="hello\nworld\n")[0])


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.asf: no such file"):
        read_asf(tmp_path / "no.asf")
    with pytest.raises(InputError, match=r"01_02\.amc: no such file"):
        read_amc(tmp_path / "01_02.amc", read_asf(write(tmp_path)[0]))


def test_a_trial_of_another_subject_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a trial of subject 02, but .*01\.asf"):
        read_trial(*write(tmp_path, amc_name="02_01.amc"))


def test_a_skeleton_with_other_degrees_of_freedom_is_refused(tmp_path):
    asf = ASF.replace("dof ry rx", "dof rx ry rz")
    with pytest.raises(InputError, match="got 2 values for bone hand, expected 3"):
        read_trial(*write(tmp_path, asf=asf))


def test_a_bone_that_stretches_is_refused(tmp_path):
    asf, amc = ASF.replace("dof ry rx", "dof ry l"), AMC
    with pytest.raises(InputError, match="bones that stretch are not supported"):
        read_trial(*write(tmp_path, asf=asf, amc=amc))


def test_the_roots_position_at_rest_is_added(tmp_path):
    asf = ASF.replace("position 0 0 0", "position 1 0 0")
    shift = read_trial(*write(tmp_path, asf=asf)).root_mm[0]
    np.testing.assert_allclose(shift, np.array([2, -3, 2]) * UNIT_MM)


def test_real_trials_have_bodies_of_people(cmu):
    for trial in ("02_01", "09_01", "49_02", "127_03"):
        motion = cmu.motion(trial, fps=25)
        length = dict(zip(motion.skeleton.names, motion.skeleton.lengths_mm, strict=True))
        assert 380 < length["lfemur"] < 480
        assert 370 < length["ltibia"] < 480
        for bone in ("femur", "tibia", "humerus", "radius", "clavicle", "foot"):
            assert length["l" + bone] == pytest.approx(length["r" + bone], rel=0.1)
        heights = motion.positions_mm()[:, motion.skeleton.index("head"), 2]
        assert 1350 < np.median(heights) < 1900


def test_a_walker_stands_on_the_ground_and_goes_where_the_toes_point(cmu):
    motion = cmu.motion("02_01", fps=25)
    ends, names = motion.positions_mm(), motion.skeleton
    assert -40 < np.median(ends[..., 2].min(axis=1)) < 80
    way = ends[-1, 0] - ends[0, 0]
    for side in "lr":
        toes = ends[:, names.index(f"{side}toes")] - ends[:, names.index(f"{side}tibia")]
        assert (toes @ way > 0).all()
    to_left = ends[:, names.index("lhipjoint")] - ends[:, names.index("rhipjoint")]
    up = np.array([0, 0, 1.0])
    assert (np.cross(up, way) @ to_left.T > 0).all()


def test_real_kinematics_equal_a_bone_by_bone_reading_of_the_file(cmu):
    """The numbers of one frame, read and multiplied here once more, in the file's own axes."""
    asf, amc = cmu.files["09_01"]
    bones, parents, name, key = {}, {}, "", False
    for words in (line.split() for line in asf.read_text().splitlines()):
        if words and words[0] == ":hierarchy":
            key = True
        elif key and len(words) > 1:
            parents.update(dict.fromkeys(words[1:], words[0]))
        elif words and words[0] == "name":
            name, bones[words[1]] = words[1], {"dof": []}
        elif words and name and words[0] in ("direction", "length", "dof"):
            bones[name][words[0]] = words[1:] if words[0] == "dof" else np.array(words[1:], float)
        elif words and name and words[0] == "axis":
            bones[name]["axis"] = np.array(words[1:4], float)
    lines = amc.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip() == "40")
    values = {w[0]: np.array(w[1:], float) for w in map(str.split, lines[start + 1 : start + 30])}

    def end(bone):
        if bone == "root":
            return values["root"][:3], Rotation.from_euler("xyz", values["root"][3:], degrees=True)
        start, above = end(parents[bone])
        entry = bones[bone]
        c = Rotation.from_euler("xyz", entry["axis"], degrees=True)
        turn = Rotation.identity()
        for dof, value in zip(entry["dof"], values.get(bone, []), strict=True):
            turn = Rotation.from_euler(dof[1], value, degrees=True) * turn
        turn = above * c * turn * c.inv()
        return start + turn.apply(entry["direction"] * entry["length"]), turn

    motion = cmu.motion("09_01")
    got = motion.positions_mm()[39]
    for bone, position in zip(motion.skeleton.names, got, strict=True):
        x, y, z = end(bone)[0] * UNIT_MM
        np.testing.assert_allclose(position, [x, -z, y], atol=0.01)


def test_a_ctrl_z_at_the_end_is_no_line_in_either_file(tmp_path):
    plain = read_trial(*write(tmp_path)).positions_mm()
    found = read_trial(*write(tmp_path, ASF + "\x1a", AMC + "\r\n\x1a"))
    np.testing.assert_array_equal(found.positions_mm(), plain)


def with_fixed_bones(count: int) -> str:
    """`ASF` with that many more bones that do not move: a small file, much to hold."""
    data = "".join(
        f"begin\nname b{i}\ndirection 1 0 0\nlength 1\naxis 0 0 0 XYZ\nend\n" for i in range(count)
    )
    names = " ".join(f"b{i}" for i in range(count))
    return ASF.replace(":hierarchy\n", f"{data}:hierarchy\n").rstrip().removesuffix("end") + (
        f"root {names}\nend\n"
    )


def test_a_skeleton_of_more_bones_than_a_body_is_refused(tmp_path):
    with pytest.raises(InputError, match="more than 1000 bones"):
        read_trial(*write(tmp_path, with_fixed_bones(1001)))


def test_a_small_trial_that_would_take_much_memory_is_refused(tmp_path):
    frames = "".join(f"{i}\nroot 0 0 0 0 0 0\narm 0 0 0\nhand 0 0\n" for i in range(1, 2001))
    head = AMC.split("1\nroot")[0]
    with pytest.raises(InputError, match="got 22000 numbers for 904 bones in 2000 frames"):
        read_trial(*write(tmp_path, with_fixed_bones(900), head + frames))
