"""The names that the package offers at its top."""

import subprocess
import sys

import pytest

import overpose


def test_every_name_is_the_thing_itself() -> None:
    for name in overpose.__all__:
        home = sys.modules[f"overpose.{overpose._HOMES[name]}"] if getattr(overpose, name) else None
        assert getattr(overpose, name) is getattr(home, name)


def test_dir_shows_what_users_need_and_each_of_it_is_there() -> None:
    shown = dir(overpose)
    assert {"PoseEstimator", "metrics", "save_track", *overpose.__all__} <= set(shown)
    assert all(getattr(overpose, name) is not None for name in shown)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = overpose.nothing  # type: ignore[attr-defined]


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, overpose; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
