"""Regions: a tree of four administrative levels, each region named by its path."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RegionLevel(StrEnum):
    """The administrative levels, from the top down."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"


@dataclass(frozen=True, slots=True)
class Region:
    """One region. `path` is its name everywhere, such as "hangzhou/xiacheng/wulin"."""

    path: str
    level: RegionLevel
    name_en: str
    name_zh: str


def is_within(region: str, subtree: str) -> bool:
    """Tell whether a region path is the subtree's root or lies below it, exact on segments."""
    return region == subtree or region.startswith(subtree + "/")
