"""The region tree: which places lie inside which."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from gateway.model.region import Region, RegionLevel
from gateway.policy.documents import Document
from gateway.policy.problems import Problems
from gateway.policy.validation import Names, Shape, Slug, shaped

_LEVELS = tuple(RegionLevel)


class RegionTree:
    """Regions by path, in the order of the document, parents first. Immutable."""

    __slots__ = ("_children", "_regions", "root")

    def __init__(self, regions: Iterable[Region]) -> None:
        """Take regions whose first is the root and whose parents precede their children."""
        ordered = tuple(regions)
        self.root = ordered[0]
        self._regions = {region.path: region for region in ordered}
        children: dict[str, list[Region]] = {path: [] for path in self._regions}
        for region in ordered[1:]:
            children[region.path.rpartition("/")[0]].append(region)
        self._children = {path: tuple(below) for path, below in children.items()}

    def contains(self, path: str) -> bool:
        """Tell whether there is a region of this very path."""
        return path in self._regions

    def get(self, path: str) -> Region | None:
        """Return the region of this path, or None."""
        return self._regions.get(path)

    def children(self, path: str) -> tuple[Region, ...]:
        """Return the regions one level below; none for an unknown path."""
        return self._children.get(path, ())

    def descendants(self, path: str, level: RegionLevel | None = None) -> tuple[Region, ...]:
        """Return the region and all below it, parents first; of `level` alone where given."""
        found = self._regions.get(path)
        if found is None:
            return ()
        own = (found,) if level is None or found.level is level else ()
        return own + tuple(below for child in self._children[path] for below in self.descendants(child.path, level))

    def leaves(self, path: str) -> tuple[str, ...]:
        """Return the paths of the regions within this one that have none below them."""
        return tuple(one.path for one in self.descendants(path) if not self._children[one.path])

    def paths(self) -> tuple[str, ...]:
        """Return every path, parents first."""
        return tuple(self._regions)


class RegionShape(Shape):
    """One region as it is written."""

    id: Slug
    level: Annotated[RegionLevel, Field(strict=False)]
    name: Names
    children: list[RegionShape] = Field(default_factory=list)


class RegionsShape(Shape):
    """regions.yaml: exactly one tree."""

    regions: Annotated[list[RegionShape], Field(min_length=1, max_length=1)]


def read_regions(document: Document, problems: Problems) -> RegionTree | None:
    """Return the tree, or None after noting what is wrong with it."""
    shape = shaped(RegionsShape, document, problems)
    if shape is None:
        return None
    before = len(problems)
    regions: list[Region] = []
    seen: set[str] = set()

    def visit(region: RegionShape, parent: Region | None, place: tuple[str | int, ...]) -> None:
        path = region.id if parent is None else f"{parent.path}/{region.id}"
        line = document.line(*place, "id")
        if path in seen:
            problems.add(document.file, line, f"the region '{path}' is there twice", "Ids are unique among siblings.")
        rank = 0 if parent is None else _LEVELS.index(parent.level) + 1
        if rank >= len(_LEVELS) or region.level is not _LEVELS[rank]:
            where = "at the top" if parent is None else f"below a {parent.level}"
            remedy = (
                f"There belongs a {_LEVELS[rank]}." if rank < len(_LEVELS) else f"Nothing stands {where}: remove it."
            )
            line = document.line(*place, "level")
            problems.add(document.file, line, f"a {region.level} cannot stand {where}", remedy)
            return  # what is below it would be told to stand in a wrong place, too
        seen.add(path)
        own = Region(path, region.level, region.name.en, region.name.zh)
        regions.append(own)
        for index, child in enumerate(region.children):
            visit(child, own, (*place, "children", index))

    visit(shape.regions[0], None, ("regions", 0))
    return RegionTree(regions) if len(problems) == before else None
