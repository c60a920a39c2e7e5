"""The token code: its sizes, its soft choices, and the decoder copied from it."""

import pytest
import torch

from overpose.networks.codes import PoseCode, PoseDecoder, soft_choice
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.tokens import PoseTokens, TokenCodeConfig
from overpose.support.errors import InputError

SMALL = TokenCodeConfig(tokens=6, entries=5, entry_size=4, hidden=20)


def code_of(config: TokenCodeConfig = SMALL, seed: int = 0) -> PoseTokens:
    return PoseTokens(config, seed=seed).double()


def poses(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 51, generator=generator, dtype=torch.float64)


def test_a_code_has_a_number_for_every_entry_of_every_token_within_the_sharpness() -> None:
    model = code_of()
    assert isinstance(model, PoseCode)
    code = model.encode(poses(7))
    assert code.shape == (7, 30) == (7, model.latent_size)
    assert code.abs().max() <= SMALL.sharpness + 1e-9
    assert model.decode(code).shape == (7, 51)


def test_the_shares_of_a_token_sum_to_one_and_do_not_see_the_other_tokens() -> None:
    code = poses(4)[:, :30]
    shares = soft_choice(code, 6).unflatten(1, (6, 5))
    torch.testing.assert_close(shares.sum(-1), torch.ones(4, 6).double())
    changed = code.clone()
    changed[:, :5] += torch.arange(5)
    others = soft_choice(changed, 6).unflatten(1, (6, 5))[:, 1:]
    torch.testing.assert_close(others, shares[:, 1:])


def test_a_sure_choice_decodes_to_what_its_entries_alone_decode_to() -> None:
    model = code_of()
    chosen = torch.tensor([0, 4, 2, 2, 1, 3])
    code = 1e3 * torch.nn.functional.one_hot(chosen, 5).double().flatten()[None]
    first, second = model.outward
    expected = second(first(model.codebook[chosen].flatten()[None]).relu())
    torch.testing.assert_close(model.decode(code), expected)


def test_the_copied_decoder_decodes_the_same_and_shares_no_weights() -> None:
    model = code_of()
    decoder = model.decoder().double()
    code = model.encode(poses(5))
    torch.testing.assert_close(decoder(code), model.decode(code), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        model.codebook.zero_()
    assert not torch.allclose(decoder(code), model.decode(code))


def test_the_linearised_decoder_is_its_jacobian() -> None:
    decoder = PoseDecoder((30, 16, 51), "relu", 6).double()
    code, change = poses(3)[:, :30], poses(6)[3:, :30]
    _, expected = torch.autograd.functional.jvp(decoder, code, change)
    torch.testing.assert_close(decoder.linearised(code, change), expected)


def test_weights_depend_on_the_seed_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = code_of(seed=3), code_of(seed=3), code_of(seed=4)
    assert torch.equal(before, torch.random.get_rng_state())
    for name, tensor in first.named_parameters():
        assert torch.equal(tensor, again.get_parameter(name))
    assert not torch.equal(first.codebook, other.codebook)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: TokenCodeConfig(tokens=0), "tokens"),
        (lambda: TokenCodeConfig(entries=-1), "entries"),
        (lambda: TokenCodeConfig(sharpness=0.0), "sharpness"),
        (lambda: PosePredictorConfig("latent", decoder_sizes=(10, 51), code_tokens=3), "tokens"),
        (lambda: PosePredictorConfig("latent", decoder_sizes=(10, 51), code_tokens=-1), "tokens"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(make, name: str) -> None:
    with pytest.raises(InputError, match=name):
        make()
