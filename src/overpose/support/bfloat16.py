"""Whether a processor multiplies in bfloat16 faster than in float32: asked of torch."""


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
