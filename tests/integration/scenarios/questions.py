"""Statistics and groupings as stories write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import gateway.client as gw
from gateway.api.v1 import release_pb2

WRITTEN_STATISTIC = r"^(count|count_units|(sum|mean|variance)\([a-z_]+\)|quantiles\([a-z_]+\)( at [0-9.]+)+)$"
WRITTEN_GROUPING = (
    r"^[a-z_]+( by (city|district|street|community|bins of [0-9.]+|"
    r"(hour|day|week|month|year) from [0-9-]{10} to [0-9-]{10}))?$"
)


def statistic(written: str) -> release_pb2.Statistic:
    """Read a count, count_units, or sum, mean or variance of (field), or quantiles(field) at 0.25 at 0.5."""
    called, *ranks = written.split(" at ")
    name, _, field = called.removesuffix(")").partition("(")
    match name:
        case "count":
            return gw.count()
        case "count_units":
            return gw.count_units()
        case "quantiles":
            return gw.quantiles_of(field, *map(float, ranks))
        case _:
            return {"sum": gw.sum_of, "mean": gw.mean_of, "variance": gw.variance_of}[name](field)


def grouping(written: str) -> str | release_pb2.Grouping:
    """Read a field alone, by a level, by bins of 100, or by day from 2026-10-01 to 2026-10-07."""
    field, _, way = written.partition(" by ")
    if not way:
        return field
    if way.startswith("bins of "):
        return gw.by_bins(field, float(way.removeprefix("bins of ")))
    if found := re.fullmatch(r"([a-z]+) from (\S+) to (\S+)", way):
        return gw.by_period(field, found[1], date.fromisoformat(found[2]), date.fromisoformat(found[3]))
    return gw.by_level(field, way)


def fields_of(groupings: Sequence[str]) -> list[str]:
    """The fields of groupings, in order."""
    return [written.partition(" by ")[0] for written in groupings]
