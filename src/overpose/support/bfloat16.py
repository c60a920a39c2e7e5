"""Training in bfloat16, where a processor multiplies in it faster than in float32."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Trained(Protocol):
    """A network that says in what type its layers multiply in training."""

    training: bool
    training_dtype: "torch.dtype"


def knows_bfloat16(device: str = "cpu") -> bool:
    """Whether products in bfloat16 pay on this machine.

    Processors without instructions for it (AVX512-BF16 or AMX) imitate them, which takes twice the
    time of float32.

    Args:
        device: "cpu" or "cuda".
    """
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def training_dtype(wanted: bool, device: str = "cpu") -> "torch.dtype":
    """Of a network's products in training: bfloat16 where it is wanted and pays, else float32.

    Args:
        wanted: what the configuration says.
        device: "cpu" or "cuda".
    """
    import torch

    return torch.bfloat16 if wanted and knows_bfloat16(device) else torch.float32


def name_of(dtype: "torch.dtype") -> str:
    """Such as "bfloat16", for metrics and reports."""
    return str(dtype).removeprefix("torch.")


def training_products(model: Trained, device: "torch.device") -> "torch.autocast":
    """A context in which layers multiply in the model's `training_dtype` while it trains, else in
    float32; weights and gradients stay float32."""
    import torch

    dtype = model.training_dtype if model.training else torch.float32
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
