"""Resident identity numbers after GB 11643-1999: area (6), birth date (8), sequence (3), check (1).

The check character is ISO 7064 MOD 11-2 (GB 11643-1999, section 4.2.4): over the first seventeen digits with
weights 2**(18-i) mod 11. The sequence is odd for men and even for women.
"""

import re
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seeds.generator.columns import Bytes, Ints, ascii_column, digits
from seeds.generator.skew import TODAY_NUMBER

WEIGHTS = np.array([2**power % 11 for power in range(17, 0, -1)], dtype=np.int64)
_CHECK = np.frombuffer(b"10X98765432", dtype=np.uint8)
_SHAPE = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)

OLDEST_DAYS = 36_525
"""No resident is older than this many days (100 years)."""

_PER_DAY = 499
"""Numbers for one area, day and sex; prime, so that any stride walks through all of them."""

AREAS: dict[str, float] = {
    # districts of Hangzhou, where most residents were first registered
    "330102": 9.0, "330103": 8.0, "330104": 7.5, "330105": 8.5, "330106": 9.0, "330108": 4.0,
    "330109": 7.0, "330110": 7.5, "330111": 3.5, "330122": 2.0, "330127": 2.0, "330182": 1.5,
    # the rest of the province, then the provinces people move from
    "330203": 1.5, "330302": 2.0, "330382": 1.5, "330402": 1.2, "330502": 1.2, "330602": 1.8, "330702": 1.5,
    "330802": 1.5, "331002": 1.5, "340102": 1.4, "340802": 1.3, "341125": 1.2, "341602": 1.2, "360102": 1.0,
    "361102": 1.3, "410102": 1.0, "411302": 1.1, "420102": 0.9, "421002": 0.8, "430102": 0.7, "500101": 0.6,
    "510104": 0.7, "520102": 0.8, "320102": 0.7, "320502": 0.6, "310101": 0.4, "370102": 0.5, "110101": 0.2,
}  # fmt: skip
"""Area codes of first registration and their weights."""

_AREA_DIGITS = digits(np.array([int(code) for code in AREAS], dtype=np.int64), 6)


def check_character(first_seventeen: str) -> str:
    """The eighteenth character for seventeen digits. Raises ValueError for anything else."""
    if re.fullmatch(r"[0-9]{17}", first_seventeen, re.ASCII) is None:
        raise ValueError("a resident id starts with seventeen digits")
    total = sum(int(digit) * int(weight) for digit, weight in zip(first_seventeen, WEIGHTS, strict=True))
    return chr(_CHECK[total % 11])


def is_valid(resident_id: str) -> bool:
    """Whether the text is a well-formed number: shape, a real birth date, and the check character."""
    if _SHAPE.fullmatch(resident_id) is None:
        return False
    try:
        date(int(resident_id[6:10]), int(resident_id[10:12]), int(resident_id[12:14]))
    except ValueError:
        return False
    return resident_id[17] == check_character(resident_id[:17])


class Registrar:
    """Gives out numbers that are never given twice, in memory that does not grow with the city.

    It keeps one counter per area, birth day and sex (about 6 MB), the only state shared between chunks.
    """

    def __init__(self) -> None:
        self._given = np.zeros(len(AREAS) * OLDEST_DAYS * 2, dtype=np.uint16)

    def issue(self, area: Ints, birth_day: Ints, male: npt.NDArray[np.bool_]) -> pa.StringArray:
        """Numbers for people registered in `area` (index into AREAS), born on day `birth_day` since 1970.

        Raises OverflowError when one area has no number left for a day.
        """
        age = TODAY_NUMBER - 1 - birth_day
        key = (area * OLDEST_DAYS + age) * 2 + male
        ordinal = self._given[key] + _rank_within(key)
        if ordinal.size and int(ordinal.max()) >= _PER_DAY:
            raise OverflowError("an area has more births on one day than the standard has numbers for")
        np.add.at(self._given, key, 1)
        slot = (ordinal * 137 + key * 61) % _PER_DAY
        sequence = np.where(male, 1 + 2 * slot, 2 + 2 * slot)
        return _assemble(area, birth_day, sequence)


def _rank_within(key: Ints) -> Ints:
    """For each entry, how many earlier entries have the same key."""
    order = np.argsort(key, kind="stable")
    in_order = key[order]
    index = np.arange(len(key))
    starts = np.flatnonzero(np.r_[True, in_order[1:] != in_order[:-1]]) if len(key) else index
    lengths = np.diff(np.r_[starts, len(key)])
    rank = np.empty(len(key), dtype=np.int64)
    rank[order] = index - np.repeat(starts, lengths)
    return rank


def _assemble(area: Ints, birth_day: Ints, sequence: Ints) -> pa.StringArray:
    day = birth_day.view("datetime64[D]")
    month_start = day.astype("datetime64[M]")
    month_number = month_start.astype(np.int64)
    year, month = 1970 + month_number // 12, 1 + month_number % 12
    day_of_month = 1 + (day - month_start.astype("datetime64[D]")).astype(np.int64)
    seventeen: Bytes = np.hstack(
        [_AREA_DIGITS[area], digits(year, 4), digits(month, 2), digits(day_of_month, 2), digits(sequence, 3)]
    )
    check = _CHECK[(seventeen.astype(np.int64) @ WEIGHTS) % 11]
    return ascii_column(np.column_stack([seventeen + np.uint8(ord("0")), check]))
