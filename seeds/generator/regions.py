"""The region tree, read from its file: the communities, their paths and their Chinese names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from seeds.generator.columns import Ints

LEVELS = ("city", "district", "street", "community")


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """The communities in the file's order, and the districts they lie in."""

    communities: tuple[str, ...]
    """Full paths, such as ``hangzhou/xiacheng/wulin/c01``."""
    chinese: tuple[str, ...]
    """The names on the way down, put together, one per community."""
    districts: tuple[str, ...]
    """Paths of the districts, such as ``hangzhou/xiacheng``."""
    district_of: Ints
    """For each community, the index of its district."""


def read_regions(path: Path) -> Regions:
    """The tree in a regions file. Raises ValueError when the file is not such a tree."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or not isinstance(document.get("regions"), list):
        raise ValueError("a regions file has a list under the key 'regions'")
    found: list[tuple[str, str]] = []
    for node in document["regions"]:
        _walk(node, (), "", found)
    if not found:
        raise ValueError("a regions file names at least one community")
    if len({community for community, _ in found}) != len(found):
        raise ValueError("a regions file names each community once")
    communities = tuple(community for community, _ in found)
    of = ["/".join(community.split("/")[:2]) for community in communities]
    districts = tuple(dict.fromkeys(of))
    index = np.array([districts.index(district) for district in of], dtype=np.int64)
    return Regions(communities, tuple(chinese for _, chinese in found), districts, index)


def _walk(node: Any, above: tuple[str, ...], chinese: str, found: list[tuple[str, str]]) -> None:
    try:
        region_id, level, name = node["id"], node["level"], node["name"]["zh"]
        children = node.get("children", [])
    except (KeyError, TypeError, AttributeError):
        raise ValueError("a region has an id, a level and a name in zh and en") from None
    depth = len(above)
    if depth >= len(LEVELS) or level != LEVELS[depth] or not isinstance(region_id, str) or "/" in region_id:
        raise ValueError("a region's level follows from its depth, and its id is one path segment")
    here = (*above, region_id)
    if depth == len(LEVELS) - 1:
        found.append(("/".join(here), chinese + name))
        return
    for child in children:
        _walk(child, here, chinese + name, found)
