"""tables.md from rows that are known: the numbers, the ratios and the checks that must be in it."""

import pytest

from overpose.report import published
from overpose.report.blocks import blocks_of
from overpose.report.checks import checks
from overpose.report.rows import MEASURES, Report, Row
from overpose.report.tables import (
    measured_tables,
    number_text,
    published_tables,
    tables_markdown,
)

ACTIONS = ("walking", "running", "exercise", "dance", "martial_arts", "gesturing")


def rows_of(method, mpjpe_by_action, *, limb_ratio_full, seed=0, **block):
    def row(action, mpjpe_mm):
        numbers = dict.fromkeys(MEASURES, 1.0)
        numbers |= {"mpjpe_mm": mpjpe_mm, "limb_ratio_full": limb_ratio_full}
        return Row(method, action, seed, **numbers, **block)

    rows = [row(a, e) for a, e in zip(ACTIONS, mpjpe_by_action, strict=True)]
    return [*rows, row("mean", sum(mpjpe_by_action) / len(ACTIONS))]


@pytest.fixture
def rows():
    return [
        *rows_of("direct", (100.0, 100.0, 100.0, 100.0, 100.0, 100.0), limb_ratio_full=10.0),
        *rows_of("finetuned", (90.0, 90.0, 90.0, 90.0, 90.0, 120.0), limb_ratio_full=7.5),
    ]


def text_of(rows):
    return tables_markdown(Report("the protocol", "the data", "abc", "a box", "today", tuple(rows)))


def test_finetuned_wins_where_its_error_is_smaller(rows):
    found = checks(rows)
    assert found.actions_won == ACTIONS[:5]
    assert found.mean_mpjpe_ratio == pytest.approx(0.95)
    assert found.limb_ratio_full_ratio == pytest.approx(0.75)


def test_the_check_lines_are_in_the_text(rows):
    text = text_of(rows)
    assert "finetuned beats direct in MPJPE on 5 of 6 actions" in text
    expected = "full-body limb-ratio error finetuned/direct = 0.750 (published: 0.795; reached)"
    assert expected in text


def test_other_systems_are_compared_with_ours_beside_the_published_ratio(rows):
    others = rows_of("linkde", (190.0,) * 6, limb_ratio_full=20.0)
    text = text_of([*others, *rows, Row("structnet_max", "mean", 0, error="no memory")])
    assert "mean MPJPE finetuned/linkde = 0.500 (published: 0.730; reached)" in text
    assert "finetuned/structnet_max" not in text
    assert "finetuned/linkde" not in text_of(others)


def test_every_block_has_its_own_tables_and_checks(rows):
    masked = [
        *rows_of("direct", (80.0,) * 6, limb_ratio_full=10.0, inputs="masked_image"),
        *rows_of("finetuned", (72.0,) * 6, limb_ratio_full=9.0, inputs="masked_image"),
    ]
    finished = rows_of("direct", (79.0,) * 6, limb_ratio_full=5.0, finishing="common")
    blocks = blocks_of([*finished, *masked, *rows])
    assert [(block.inputs, block.finishing) for block in blocks] == [
        ("image", "none"),
        ("masked_image", "none"),
        ("image", "common"),
    ]
    assert [len(block.rows) for block in blocks] == [14, 14, 7]
    parts = text_of([*finished, *masked, *rows]).split("\n# ")
    assert [part.splitlines()[0] for part in parts[1:]] == [
        "Images",
        "Images with masks",
        "Images, with the common finishing",
        "As published, and further measurements",
    ]
    assert "mean MPJPE finetuned/direct = 0.950" in parts[1]
    assert "mean MPJPE finetuned/direct = 0.900" in parts[2]
    assert "0.900 (published: 0.795; not reached)" in parts[2]
    assert "cannot be compared" in parts[3]
    assert "| CNN (direct) | 79.0 |" in parts[3]
    assert "79.0" not in parts[1] + parts[2]


def test_ours_on_limbs_is_compared_with_the_cnn_on_limbs(rows):
    more = [
        *rows_of("direct_limbs", (100.0,) * 6, limb_ratio_full=10.0),
        *rows_of("finetuned_limbs", (85.0,) * 6, limb_ratio_full=8.5),
    ]
    text = text_of([*rows, *more])
    assert "mean MPJPE finetuned_limbs/direct_limbs = 0.850, smaller" in text
    assert "limb-ratio error finetuned_limbs/direct_limbs = 0.850 (published: 0.795; not" in text


def test_the_smallest_errors_are_named_but_not_of_a_privileged_method(rows):
    told = rows_of("structnet_avg_apf", (10.0,) * 6, limb_ratio_full=0.0, privileged=True)
    text = text_of([*rows, *told])
    assert "smallest mean MPJPE: finetuned, 95.0 mm" in text
    assert "smallest full-body limb-ratio error: finetuned, 7.5" in text


def test_a_tie_is_not_a_win(rows):
    tied = rows_of("direct", (90.0,) * 5 + (120.0,), limb_ratio_full=1.0)
    assert checks([*tied, *rows[7:]]).actions_won == ()


def test_measured_cells_are_mean_deviation_and_ratio_to_ours(rows):
    more = rows_of("direct", (102.0,) * 6, limb_ratio_full=10.0, seed=1)
    report = Report("p", "d", "c", "m", "t", (*rows, *more))
    direct = measured_tables(report)[0].rows[0]
    assert direct[1] == "101.0 ± 1.4"
    assert direct[-1] == f"{101 / 95:.3f}"


def test_limb_ratio_table_gives_the_ratio_of_the_full_body(rows):
    report = Report("p", "d", "c", "m", "t", tuple(rows))
    direct = measured_tables(report)[2].rows[0]
    assert direct[3:] == ("10.00", f"{10 / 7.5:.3f}")


def test_published_means_are_those_known_of_the_paper():
    table = published_tables(Report("p", "d", "c", "m", "t", ()))[0]
    means = {row[0]: float(row[-2]) for row in table.rows}
    assert means == pytest.approx(
        {
            "LinKDE": 159.87,
            "DconvMP-HML": 132.21,
            "StructNet-Max": 134.45,
            "StructNet-Avg": 120.17,
            "Ours": 116.77,
        },
        abs=0.011,
    )


def test_the_notes_say_whether_the_published_numbers_compare():
    for dataset, same in (("CMU-Studio, 64 px: 1 image", False), ("Human3.6M, 128 px", True)):
        first, second = published_tables(Report("p", dataset, "c", "m", "t", ()))
        assert ("could not be measured here" in first.note) is not same
        assert ("could not be measured here" in second.note) is not same


def test_every_published_number_is_in_the_text(rows):
    text = text_of(rows)
    tables = (published.TABLE_1_MPJPE_MM, published.TABLE_2_LIMB_RATIO)
    numbers = [x for table in tables for values in table.values() for x in values]
    assert [x for x in numbers if f"| {x:.2f} " not in text] == []
    assert "could not be measured here" in text


def test_the_protocol_stands_beside_every_measured_table(rows):
    report = Report("the protocol", "d", "c", "m", "t", tuple(rows))
    assert all("the protocol" in table.note for table in measured_tables(report)[:3])


def test_a_failed_method_says_so_and_leaves_the_others(rows):
    text = text_of([*rows, Row("latent", "mean", 0, error="no memory")])
    assert "latent, seed 0: failed: no memory" in text
    assert "Ours, no fine-tuning (latent) | – | – | – | – | – | – | failed |" in text
    assert "5 of 6" in text


def test_without_a_direct_row_there_is_no_comparison(rows):
    assert checks(rows[7:]) is None
    assert "cannot be compared" in text_of(rows[7:])


def test_an_absent_number_is_a_dash():
    assert number_text(float("nan")) == "–"
