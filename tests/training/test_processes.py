"""Training in several processes: the weights of one, whoever has which sample of a batch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from shared_training import KINDS, begin, losses, trained

from overpose.networks import sharing
from overpose.networks.sharing import Dropout, Share
from overpose.support.errors import InputError
from overpose.training import processes

pytestmark = pytest.mark.slow


def in_processes(count: int, out: Path, dtype: str, epochs: int = 5) -> None:
    ranks = begin(count, out, dtype, epochs, -1)
    for rank in ranks:
        said = rank.communicate(timeout=600)[1]
        assert rank.returncode == 0, said


def weights(out: Path, kind: str) -> dict[str, np.ndarray]:
    return load_file(out / kind / "last" / "weights.safetensors")


def assert_same_weights(one: Path, other: Path) -> None:
    for kind in KINDS:
        expected, found = weights(one, kind), weights(other, kind)
        assert expected.keys() == found.keys()
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes in 50 steps, in float64."""
    out = tmp_path_factory.mktemp("alone")
    trained(out, torch.float64)
    return out


@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_have_the_weights_of_one(count: int, alone: Path, tmp_path: Path) -> None:
    in_processes(count, tmp_path, "float64")
    assert_same_weights(alone, tmp_path)
    for kind in KINDS:
        np.testing.assert_allclose(losses(tmp_path, kind), losses(alone, kind), rtol=1e-9)


def test_the_loss_in_float32_is_that_of_one_process(tmp_path: Path) -> None:
    trained(tmp_path / "one", torch.float32)
    in_processes(2, tmp_path / "two", "float32")
    for kind in KINDS:
        one, two = losses(tmp_path / "one", kind), losses(tmp_path / "two", kind)
        np.testing.assert_allclose(two, one, rtol=1e-4)


def test_another_number_of_processes_goes_on_with_a_training(alone: Path, tmp_path: Path) -> None:
    in_processes(3, tmp_path, "float64", epochs=2)
    trained(tmp_path, torch.float64)
    assert_same_weights(alone, tmp_path)


def test_a_process_that_dies_ends_the_others_with_one_line(tmp_path: Path) -> None:
    ranks = begin(3, tmp_path, "float32", 5, 1)
    said = [rank.communicate(timeout=60)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [1, 9, 1]
    for place in (0, 2):
        assert "another process of this training ended" in said[place].splitlines()[-1]


def test_each_sample_has_its_own_dropout_whoever_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    dropout, ones = Dropout(0.5), torch.ones(8, 5)
    torch.manual_seed(0)
    whole = dropout(ones)
    torch.manual_seed(0)
    with sharing.sharing(Share(2, 6, 8)):
        assert torch.equal(dropout(ones[2:6]), whole[2:6])
    torch.manual_seed(0)
    with sharing.sharing(Share(1, 2, 4)):  # two rows a sample
        assert torch.equal(dropout(ones[2:4]), whole[2:4])


def test_batches_are_shared_without_gaps_and_small_ones_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "number", lambda: 3)
    shares = []
    for rank in range(3):
        monkeypatch.setattr(processes.distributed, "get_rank", lambda rank=rank: rank)
        shares.append(processes.own_share(11))
    assert [place for share in shares for place in range(share.start, share.stop)] == [*range(11)]
    assert sum(share.weight for share in shares) == pytest.approx(1)
    with pytest.raises(InputError, match="got 3 for a batch of 2 samples"):
        processes.own_share(2)
