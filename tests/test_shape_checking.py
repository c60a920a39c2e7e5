"""That types and shapes are checked in tests at all, and when not."""

import jaxtyping
import pytest
import torch
from beartype.roar import BeartypeCallHintViolation

from overpose.networks.normalization import PoseNormalization
from overpose.support.seeding import stream_seed


def test_a_value_of_another_type_than_annotated_is_an_error() -> None:
    with pytest.raises(BeartypeCallHintViolation, match="seed"):
        stream_seed("three")  # type: ignore[arg-type]


def test_an_array_of_another_shape_than_annotated_is_an_error() -> None:
    with pytest.raises(jaxtyping.TypeCheckError, match="poses_mm"):
        PoseNormalization().to_normalised(torch.zeros(4, 16, 3))


@pytest.mark.wrong_types
def test_nothing_is_checked_in_tests_that_pass_wrong_types() -> None:
    assert stream_seed("3", 4) == stream_seed(3, 4)  # type: ignore[arg-type]
