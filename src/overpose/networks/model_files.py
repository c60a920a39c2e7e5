"""What a model directory holds, read and checked without any network library.

The networks themselves are rebuilt by `storage` (torch) and `numpy_lifter`.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from safetensors import SafetensorError

from overpose.networks.configs import PosePredictorConfig
from overpose.support.digests import sha256
from overpose.support.errors import InputError
from overpose.support.files import read_json, recover_directory

FORMAT_VERSION = 1
POSE_PREDICTOR = "pose_predictor"
POSE_PREDICTOR_KINDS = (POSE_PREDICTOR, "regressor", "lifter")
"""What `config.json` calls a pose predictor; the last two were written by 0.1.0."""
BEFORE_KINDS = {"kind": "mlp", "heads": 8, "jitter": False}
"""What encoders of keypoints were when their configuration did not say so."""
_OLD_ENCODER = "image_encoder."
_Config = TypeVar("_Config")
_Tensor = TypeVar("_Tensor")


def read_model_config(directory: Path) -> dict:
    """Read and check `config.json` of a model directory.

    Raises:
        InputError: it is missing, damaged, or of another format version.
    """
    recover_directory(directory)
    if not directory.is_dir():
        raise InputError(f"{directory}: no such model directory; train or fetch the model first")
    path = directory / "config.json"
    config = read_json(path)
    version = config.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path}: got model format version {version}, expected {FORMAT_VERSION}; use the "
            "version of overpose that wrote it, or train again"
        )
    return config


def pose_predictor_config(found: Mapping[str, Any], where: str) -> PosePredictorConfig:
    """The configuration in a pose predictor's `config.json`, also in one that 0.1.0 wrote.

    There were two kinds then: "regressor" (images) and "lifter" (keypoints).

    Args:
        found: all of `config.json`, its kind one of `POSE_PREDICTOR_KINDS`.
        where: the file, for messages.

    Raises:
        InputError: a field is missing, unknown or refused; it is named.
    """
    model = found.get("model")
    if isinstance(model, dict):
        model = {"code_tokens": 0, "feet": False, "errors": False, **model}
    if isinstance(model, dict) and found["kind"] != POSE_PREDICTOR:
        model = {"encoder" if name == "image_encoder" else name: v for name, v in model.items()}
        model.setdefault("latent_activation", "linear")
    if isinstance(model, dict):
        encoder = model.get("encoder")
        if isinstance(encoder, dict) and "offsets" in encoder:
            model = {**model, "encoder": {**BEFORE_KINDS, **encoder}}
    return dataclass_from_json(PosePredictorConfig, model, f"{where}: model")


def current_names(tensors: Mapping[str, _Tensor]) -> dict[str, _Tensor]:
    """Tensors of a pose predictor by the names of now; 0.1.0 said `image_encoder`."""
    return {
        f"encoder.{name.removeprefix(_OLD_ENCODER)}" if name.startswith(_OLD_ENCODER) else name: t
        for name, t in tensors.items()
    }


def read_tensors(
    path: Path, expected: str | None, load: Callable[[bytes], dict[str, _Tensor]]
) -> dict[str, _Tensor]:
    """Read named tensors from a safetensors file, after comparing its SHA-256 if one is given.

    Args:
        path: the file.
        expected: its SHA-256, in hex.
        load: of safetensors, for the library the tensors are wanted for.

    Raises:
        InputError: the file is missing, truncated or otherwise not what was written.
    """
    try:
        size, most = path.stat().st_size, memory_bytes() // 2
        if size > most:
            raise InputError(
                f"{path}: got {size} bytes, expected at most {most}, half of this machine's memory"
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; the model directory is incomplete") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: not a whole safetensors file ({error}); copy or train it again"
        ) from None
    found = sha256(data)
    if expected is not None and found != expected:
        raise InputError(
            f"{path}: got SHA-256 {found}, expected {expected} from config.json; the file is "
            "damaged or not this model's: copy or train it again"
        )
    return tensors


def memory_bytes() -> int:
    """The memory of this machine; 8 GB where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 8 << 30


def require_fit(
    path: Path,
    found: Mapping[str, tuple[tuple[int, ...], str]],
    expected: Mapping[str, tuple[tuple[int, ...], str]],
) -> None:
    """Refuse tensors of other names, shapes or types than a model has; half precision will do.

    Args:
        path: where the tensors were read, for the message.
        found: shape and type ("float32") of each, by name.
        expected: the same of the model.

    Raises:
        InputError: names, shapes or types differ; the first one that does is named.
    """
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise InputError(f"{path}: no tensor {name!r}, which the configuration calls for")
        if name not in expected:
            raise InputError(f"{path}: tensor {name!r} has no place in the configured model")
        (shape, dtype), (wanted_shape, wanted_dtype) = found[name], expected[name]
        widened = dtype == "float16" and wanted_dtype == "float32"
        if shape != wanted_shape or (dtype != wanted_dtype and not widened):
            raise InputError(
                f"{path}: tensor {name!r} is {shape} {dtype}, the configuration calls for "
                f"{wanted_shape} {wanted_dtype}"
            )


def dataclass_from_json(
    cls: type[_Config], value: object, where: str, before: Mapping[str, Any] | None = None
) -> _Config:
    """Build a (nested) configuration dataclass from what its `asdict` became in JSON.

    Raises:
        InputError: a field is missing, unknown or refused by the class; it is named.
    """
    if not isinstance(value, dict):
        raise InputError(f"{where}: got {type(value).__name__}, expected an object")
    value = {**(before or {}), **value}
    names = {item.name for item in fields(cls)}  # pyright: ignore[reportArgumentType]
    if names != value.keys():
        odd = sorted(names ^ value.keys())[0]
        state = "missing" if odd in names else "unknown"
        raise InputError(f"{where}.{odd}: {state} field")
    hints = get_type_hints(cls)
    built: dict[str, Any] = {}
    for name, item in value.items():
        choices = [c for c in (get_args(hints[name]) or (hints[name],)) if is_dataclass(c)]
        if choices:
            built[name] = dataclass_from_json(_fitting(choices, item), item, f"{where}.{name}")
        else:
            built[name] = _value(item, hints[name], f"{where}.{name}")
    try:
        return cls(**built)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except TypeError as error:
        raise InputError(f"{where}: a value of the wrong type ({error})") from None
    except (ValueError, LookupError, ArithmeticError) as error:  # of values the class never expects
        raise InputError(f"{where}: values that do not fit together ({error})") from None


def _value(item: object, hint: Any, where: str) -> Any:
    """A JSON value as its field has it, e.g. a list as a tuple of numbers."""
    try:
        return msgspec.convert(item, hint)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {str(error)[0].lower()}{str(error)[1:]}") from None


def _fitting(choices: list[Any], value: object) -> Any:
    """The class that shares most fields with an object: which one of a union it describes."""
    names = value.keys() if isinstance(value, dict) else ()
    return max(choices, key=lambda choice: sum(item.name in names for item in fields(choice)))
