"""The systems that are compared, each a card in a file of its own; `METHODS` lists them.

To add a method:
1. write `methods/mine.py`: a frozen Config, a function `fit(config, context)` that gives a model
   with `predict`, the model's storage `Kind`, and `METHOD = Method(...)`;
2. put it into `METHODS` below, where its row is to stand in the tables;
3. give it a configuration in each preset that is to include it (`experiments/presets.py`).
A code of poses is added the same way, in `methods/codes`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from overpose.methods import (
    begun,
    dconv_mp_hml,
    direct,
    direct_limbs,
    finetuned,
    finetuned_limbs,
    kde,
    latent,
    linkde,
    mean_pose,
    nearest_pose,
    pca,
    structnet,
)
from overpose.methods.card import Adjust, FitContext, Method, Predict
from overpose.methods.codes import CODES, Code
from overpose.methods.finishing import CommonFinishing, mean_limb_lengths
from overpose.methods.samples import INPUTS, Inputs, Samples, pictures
from overpose.networks import pose_predictor, storage
from overpose.networks.storage import Kind

METHODS: tuple[Method, ...] = (
    mean_pose.METHOD,
    nearest_pose.METHOD,
    pca.METHOD,
    linkde.METHOD,
    kde.METHOD,
    dconv_mp_hml.METHOD,
    structnet.BEST,
    structnet.AVERAGE,
    structnet.AVERAGE_TOLD_LIMBS,
    direct.METHOD,
    latent.METHOD,
    begun.METHOD,
    finetuned.METHOD,
    direct_limbs.METHOD,
    finetuned_limbs.METHOD,
)
"""In the order of all tables."""

__all__ = [
    "CODES",
    "INPUTS",
    "METHODS",
    "Adjust",
    "Code",
    "CommonFinishing",
    "FitContext",
    "Inputs",
    "Method",
    "Predict",
    "Samples",
    "kinds_of",
    "load_model",
    "load_predictor",
    "mean_limb_lengths",
    "pictures",
]


def kinds_of(
    methods: Iterable[Method] = METHODS, codes: Iterable[Code] = CODES
) -> tuple[Kind, ...]:
    """The kinds of saved models: of pose predictors, and of these methods and codes."""
    kinds = [pose_predictor.KIND, *(code.kind for code in codes)]
    kinds += [kind for method in methods for kind in method.kinds]
    return tuple(dict.fromkeys(kinds))


KINDS = kinds_of()
"""The kinds of models that this version saves and loads."""


def load_model(directory: Path, device: str = "cpu", *, kinds: Sequence[Kind] = KINDS) -> Any:
    """Read a saved model of any kind, in evaluation mode.

    Raises:
        InputError: a file is missing or damaged, of another format version, or the weights do not
            fit the configuration.
    """
    return storage.load_model(directory, kinds, device)


def load_predictor(method: Method, directory: Path) -> Predict:
    """A method's function from images to poses, with a saved model.

    Raises:
        InputError: as `load_model`; or the model is of a kind that the method does not have.
    """
    return method.predict(storage.load_model(directory, method.kinds))
