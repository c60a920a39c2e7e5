"""The memory of prediction, measured in a process of its own."""

from functools import partial

import pytest
from test_standalone import TINY

from overpose.experiments.standalone import train_stages
from overpose.measure.memory import prediction_memory_mib
from overpose.methods import load_predictor
from overpose.methods.direct import METHOD


@pytest.mark.slow
def test_a_process_that_predicts_tells_its_peak_and_one_that_fails_says_why(
    tmp_path, tiny_dataset, capsys
):
    data = tiny_dataset(tmp_path / "data")
    place = train_stages(TINY, data, tmp_path / "out", stage="direct")["direct"]
    mib = prediction_memory_mib("direct", partial(load_predictor, METHOD, place), data)
    assert mib is not None
    assert 50 < mib < 4000  # Python and torch alone take more than 50
    nothing = partial(load_predictor, METHOD, tmp_path / "nothing")
    assert prediction_memory_mib("direct", nothing, data) is None
    said = capsys.readouterr().err
    assert "memory of direct: not measured" in said
    assert "nothing" in said
