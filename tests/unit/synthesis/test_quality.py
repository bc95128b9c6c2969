"""The report, on tables small enough to reckon by hand."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from gateway.model.values import FieldType
from gateway.synthesis.columns import KeyColumn
from gateway.synthesis.extract import fit, sample
from gateway.synthesis.marginals import NoisedMarginal
from gateway.synthesis.quality import cramers_v, quality_of_rows
from tests.unit.synthesis.house import COLUMNS, ROWS, marginals

SEX = KeyColumn("sex", FieldType.STRING, ("F", "M"))
SICK = KeyColumn("sick", FieldType.BOOL, (False, True))
BY_BOTH = NoisedMarginal(("sex", "sick"), np.array([[30, 20], [10, 40]]), 4.0)


def table(cells: dict[tuple[str, bool], int]) -> pa.Table:
    rows = [key for key, count in cells.items() for _ in range(count)]
    return pa.table({"sex": [sex for sex, _ in rows], "sick": [sick for _, sick in rows]})


def test_a_hand_made_case() -> None:
    made = table({("F", False): 2, ("F", True): 2, ("M", False): 2, ("M", True): 2})
    found = quality_of_rows(made, (SEX, SICK), (BY_BOTH, NoisedMarginal(("sex",), np.array([60, 40]), 1.0)))
    pair, single = found.marginals
    # shares 25 % each against 30, 20, 10, 40: (5 + 5 + 15 + 15) / 2
    assert pair.total_variation == pytest.approx(0.2)
    assert pair.cells == 4
    assert pair.margin_95 == pytest.approx(3.92, abs=0.001)
    # four cells of a mean |noise| of 2·sqrt(2/π), halved, over 100 rows
    assert pair.noise == pytest.approx(4 * 2 * math.sqrt(2 / math.pi) / 2 / 100)
    assert single.total_variation == pytest.approx(0.1)
    assert found.mean_total_variation == pytest.approx(0.15)
    (association,) = found.associations
    # 2 × 2: |30·40 − 20·10| / sqrt(50·50·40·60)
    assert association.rows == 0
    assert association.counts == pytest.approx(1000 / math.sqrt(50 * 50 * 40 * 60))


def test_rows_like_the_counts_are_at_no_distance() -> None:
    made = table({("F", False): 30, ("F", True): 20, ("M", False): 10, ("M", True): 40})
    found = quality_of_rows(made, (SEX, SICK), (BY_BOTH,))
    assert found.mean_total_variation == pytest.approx(0)
    assert found.associations[0].rows == pytest.approx(found.associations[0].counts)


def test_the_fields_may_be_in_another_order() -> None:
    made = table({("F", False): 30, ("F", True): 20, ("M", False): 10, ("M", True): 40})
    turned = NoisedMarginal(("sick", "sex"), BY_BOTH.counts.T, 4.0)
    assert quality_of_rows(made, (SEX, SICK), (turned,)).mean_total_variation == pytest.approx(0)


def test_negative_counts_are_brought_to_nothing_for_the_association() -> None:
    noised = NoisedMarginal(("sex", "sick"), np.array([[50, -2], [-2, 54]]), 4.0)
    found = quality_of_rows(table({("F", False): 1, ("M", True): 1}), (SEX, SICK), (noised,))
    assert found.associations[0].counts == pytest.approx(1)
    assert found.associations[0].rows == pytest.approx(1)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[5, 0], [0, 5]], 1),
        ([[2, 4], [3, 6]], 0),
        ([[7, 0], [3, 0]], 0),
        ([[0, 0], [0, 0]], 0),
        ([[3, 0, 0], [0, 3, 3]], 1),
        ([[5, 0, 0], [0, 5, 0], [0, 0, 5]], 1),
    ],
    ids=["same", "independent", "one-value", "nothing", "oblong", "three"],
)
def test_cramers_v(counts: list[list[int]], expected: float) -> None:
    assert cramers_v(np.array(counts, np.float64)) == pytest.approx(expected, abs=1e-9)


def test_good_rows_are_as_far_from_the_counts_as_noise_is() -> None:
    noised = marginals(30.0)
    found = quality_of_rows(sample(fit(COLUMNS, noised), ROWS, 1), COLUMNS, noised)
    assert 0.5 * found.mean_noise < found.mean_total_variation < 1.3 * found.mean_noise


def test_a_table_without_a_column_of_the_extract_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="not in the table"):
        quality_of_rows(pa.table({"sex": ["F"]}), (SEX, SICK), (BY_BOTH,))
