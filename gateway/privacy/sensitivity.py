"""How much one privacy unit can change what is measured: the sensitivity of bounded contributions.

Neighbouring data differ by all the records of one privacy unit. A unit contributes to at most `max_groups` cells, and
to each at most what its measure says. (User-level privacy by contribution bounding: Wilson et al. 2020, section 3.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from gateway.model.measure import Measure, MeasureKind
from gateway.privacy.answers.quantiles import BinTree


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The most that one unit changes a measure's vector, in L1 and in the square of L2, and how that comes about."""

    l1: int
    l2_squared: int
    derivation: str

    @property
    def l2(self) -> float:
        """The L2 norm, rounded up to a float."""
        root = math.sqrt(self.l2_squared)
        return root if Fraction(root) ** 2 >= self.l2_squared else math.nextafter(root, math.inf)


def sensitivity(measure: Measure, max_groups: int, levels: int = 1) -> Sensitivity:
    """Return the sensitivity of one measure over all cells, where a row counts on so many levels of a tree of regions.

    Of a histogram, all of a unit's rows in a cell may lie in one bin: that is the worst case of L2. In a tree of bins
    they count once on every level. In a tree of regions, all of a unit's cells may lie below one region.
    """
    largest, deep = measure.largest, levels
    if measure.branching:
        deep = BinTree(len(measure.edges), measure.branching).levels
        squared = deep * max_groups * largest**2
    else:
        squared = max_groups * largest**2 + (levels - 1) * (max_groups * largest) ** 2
    derivation = f"{max_groups} cells per unit × {_per_cell(measure)}" + (f" × {deep} levels" if deep > 1 else "")
    return Sensitivity(deep * max_groups * largest, squared, derivation)


def _per_cell(measure: Measure) -> str:
    rows = f"{measure.max_rows} rows per cell"
    match measure.kind:
        case MeasureKind.UNITS:
            return "1"
        case MeasureKind.TOTAL | MeasureKind.OFFSETS | MeasureKind.SQUARES:
            return f"{rows} × {measure.largest // measure.max_rows} per row"
        case _:
            return rows


def bias_note(measure: Measure, max_groups: int, cells: int, decimals: int) -> str:
    """Say what bounding may take away from the answer, in words."""
    of_cells = f" of {cells}" if cells else ""  # 0: those that are there are yet to be found
    groups = f"each unit counts in at most {max_groups}{of_cells} cells" if cells != 1 else ""
    match measure.kind:
        case MeasureKind.UNITS:
            own = "each unit counts once in a cell"
        case MeasureKind.ROWS | MeasureKind.BINS:
            own = f"at most {measure.max_rows} rows of a unit count in a cell"
        case MeasureKind.TOTAL:
            own = (
                f"values are clamped to {_range(measure, decimals)} and a unit's total in a cell to "
                f"{measure.max_rows} times that"
            )
        case _:
            own = (
                f"values are clamped to {_range(measure, decimals)}, and a unit weighs no more than {measure.max_rows} "
                "rows in a cell"
            )
    return "; ".join(part for part in (groups, own) if part) + ": what exceeds that is not in the answer"


def _range(measure: Measure, decimals: int) -> str:
    if measure.bounds is None:
        raise ValueError("a measure of a field has bounds")
    return f"{measure.bounds.lower // 10**decimals}…{measure.bounds.upper // 10**decimals}"
