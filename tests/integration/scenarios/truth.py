"""What must come out of a disclosure, worked out from the city's own tables in plain Python.

Nothing of the gateway is used here: the treatments are done anew, from the words that receipts say them in.
"""

from __future__ import annotations

import operator
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from seeds.generator import Canary
from tests.integration.scenarios.story import Filter

Row = Mapping[str, Any]
Plain = tuple[Any, ...]

PSEUDONYMS = (
    "pseudonymize per recipient and purpose",
    "pseudonymize irreversible per recipient and purpose, renewed daily and by entered_at",
)


def _among(value: Any, values: Any) -> bool:
    return value in values


_LEVELS = {"city": 1, "district": 2, "street": 3}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"==": operator.eq, ">=": operator.ge, "in": _among}


def rows_of(
    data: Path, dataset: str, region: str, consent: str | None, filters: Iterable[Filter]
) -> list[dict[str, Any]]:
    """The raw rows of a table that are in scope."""
    pushed = data / "pushed" / dataset
    files = sorted(pushed.glob("[!.]*.parquet")) if pushed.is_dir() else [data / f"{dataset}.parquet"]
    rows: list[dict[str, Any]] = [row for file in files for row in pq.read_table(file).to_pylist()]
    rows = [row for row in rows if not region or f"{row['community']}/".startswith(f"{region}/")]
    if consent is not None:
        rows = [row for row in rows if row[consent]]
    for one in filters:
        rows = [row for row in rows if row[one.field] is not None and _OPERATORS[one.op](row[one.field], one.value)]
    return rows


def treated(value: Any, how: str) -> Any:
    """A value as it must leave under a treatment; a pseudonym is not worked out here."""
    if value is None or how == "keep":
        return value
    if found := re.fullmatch(r"generalize to (day|month|year)", how):
        day = value.date() if isinstance(value, datetime) else value
        return {"day": day, "month": day.replace(day=1), "year": date(day.year, 1, 1)}[found[1]]
    if found := re.fullmatch(r"generalize to (city|district|street)", how):
        return "/".join(value.split("/")[: _LEVELS[found[1]]])
    if found := re.fullmatch(r"generalize to steps of (\d+), top-coded at (\d+)", how):
        width, top = int(found[1]), int(found[2])
        return min(value, top) // width * width
    if found := re.fullmatch(r"mask all but the first (\d+) and last (\d+)", how):
        first, last = int(found[1]), int(found[2])
        return "".join(
            character if place < first or place >= len(value) - last else "*" for place, character in enumerate(value)
        )
    raise AssertionError(f"the scenario names a treatment that nobody knows: {how}")


@dataclass(frozen=True)
class Groups:
    """Rows by the person they are about, named by a raw id or a token."""

    by_name: Mapping[str, Counter[Plain]]

    def shape(self) -> Counter[frozenset[tuple[Plain, int]]]:
        """The groups without their names: what must be the same of raw rows and of pseudonymous ones."""
        return Counter(frozenset(group.items()) for group in self.by_name.values())


def plain(rows: Sequence[Row], fields: Mapping[str, str], *, raw: bool) -> Counter[Plain]:
    """The rows without pseudonyms, each as it must leave (`raw`) or as it left."""
    names = [name for name, how in fields.items() if how not in PSEUDONYMS]
    return Counter(tuple(treated(row[name], fields[name]) if raw else row[name] for name in names) for row in rows)


def grouped(rows: Sequence[Row], fields: Mapping[str, str], *, raw: bool) -> Groups | None:
    """The rows by their pseudonymised field, or None if none is."""
    hidden = [name for name, how in fields.items() if how in PSEUDONYMS]
    if not hidden:
        return None
    assert len(hidden) == 1, "scenarios show one pseudonym at a time"
    groups: dict[str, list[Row]] = defaultdict(list)
    _, _, by = fields[hidden[0]].partition(" and by ")
    for row in rows:
        # one vehicle of two days has two names
        day = f" {row[by].date()}" if raw and by else ""
        groups[row[hidden[0]] + day].append(row)
    return Groups({name: plain(group, fields, raw=raw) for name, group in groups.items()})


def leaks(canaries: Iterable[Canary], text: str, kept: Iterable[str]) -> list[str]:
    """The planted values that show in a text, by field; those of fields that are kept may."""
    shown = set(kept)
    return [
        f"{field} of canary {canary.number}"
        for canary in canaries
        for field in ("resident_id", "name", "phone", "address", "diagnosis", "reason", "plate")
        if field not in shown and getattr(canary, field) in text
    ]
