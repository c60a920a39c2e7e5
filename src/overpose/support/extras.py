"""Which extra brings a package that is needed and that a light install lacks."""

PACKAGES = {
    "torch": ("PyTorch", "train"),
    "jaxtyping": ("jaxtyping", "train"),
    "matplotlib": ("matplotlib", "train"),
    "numba": ("numba", "train"),
    "onnx": ("onnx", "onnx"),
    "onnxruntime": ("ONNX Runtime", "onnx"),
    "onnxscript": ("onnxscript", "onnx"),
    "pyarrow": ("pyarrow", "train"),
    "ray": ("Ray", "ray"),
}
"""Name for people and extra of each module that is imported without asking whether it is there."""


def advice(wanted: str, missing: ModuleNotFoundError) -> str | None:
    """What to install for a command or a name of the package; None if no extra has the module."""
    found = PACKAGES.get((missing.name or "").partition(".")[0])
    if found is None:
        return None
    package, extra = found
    return f"{wanted} needs {package}: pip install 'overpose[{extra}]'"
