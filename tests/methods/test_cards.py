"""The cards of methods and codes agree with each other, with the presets and with the docs."""

import pickle
from pathlib import Path

import pytest

from overpose.experiments.presets import PRESETS
from overpose.methods import CODES, METHODS, Method, kinds_of
from overpose.report.published import TABLE_1_MPJPE_MM

SYSTEMS = Path(__file__).parents[2] / "docs" / "systems.md"


def table_of(methods: tuple[Method, ...]) -> str:
    """The table of docs/systems.md."""
    lines = ["| Row | What it is | Stages before its own | Code |", "| :-- | :-- | :-- | :-- |"]
    for method in (each for each in methods if each.row):
        config = PRESETS["cpu"].methods.get(method.name, method.Config())
        before = [*method.needs(config), *method.codes(config)]
        stages = ", ".join(f"`{name}`" for name in before) or "none"
        module = method.fit.__module__.removeprefix("overpose.").replace(".", "/")
        lines.append(f"| `{method.name}` | {method.summary} | {stages} | `{module}.py` |")
    return "\n".join(lines) + "\n"


def test_the_table_of_the_docs_is_that_of_the_cards():
    expected = table_of(METHODS)
    assert expected in SYSTEMS.read_text(), f"expected in docs/systems.md:\n{expected}"


def test_no_two_methods_no_two_codes_and_no_two_kinds_share_a_name():
    for names in (
        [method.name for method in METHODS],
        [code.name for code in CODES],
        [kind.name for kind in kinds_of()],
    ):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("card", [*METHODS, *CODES], ids=lambda card: card.name)
def test_cards_can_be_sent_to_other_processes(card):
    assert pickle.loads(pickle.dumps(card)) == card


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_what_is_kept_has_a_kind_and_published_rows_are_in_the_papers_table(method):
    assert bool(method.kinds) == method.kept
    assert method.published is None or method.published in TABLE_1_MPJPE_MM


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_every_preset_compares_every_method_of_the_paper(preset):
    assert {m.name for m in preset.compared} == {m.name for m in METHODS if m.row} - {"pca"}
