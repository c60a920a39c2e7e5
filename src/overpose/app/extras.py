"""Which extra brings a package that a command needs and a light install lacks."""

PACKAGES = {
    "torch": ("PyTorch", "train"),
    "jaxtyping": ("jaxtyping", "train"),
    "matplotlib": ("matplotlib", "train"),
    "numba": ("numba", "train"),
    "pyarrow": ("pyarrow", "train"),
}
"""Name for people and extra of each module that is imported without asking whether it is there."""


def advice(command: str, missing: ModuleNotFoundError) -> str | None:
    """What to install so that a command runs; None if no extra has the missing module."""
    found = PACKAGES.get((missing.name or "").partition(".")[0])
    if found is None:
        return None
    package, extra = found
    return f"overpose {command} needs {package}: pip install 'overpose[{extra}]'"
