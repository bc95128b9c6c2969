"""What all departments share: the regions, the firms, where the places are, and the sources of chance."""

import zlib
from dataclasses import dataclass

import numpy as np

from seeds.generator import categories
from seeds.generator.columns import Ints
from seeds.generator.regions import Regions
from seeds.generator.skew import Floats, draw, zipf_weights

PEOPLE_PER_FIRM = 42
_SECTOR_WEIGHTS = (24, 17, 13, 10, 10, 8, 4, 4, 3, 3, 3, 1)
_STATUS_WEIGHTS = (78, 15, 7)
_EMPLOYER_SKEW = 2.5  # the largest firm of F employs about F**(-1/2.5) of all staff


@dataclass(frozen=True, slots=True, eq=False)
class Firms:
    """Codes of each firm's attributes, indexed by the firm's number: a few bytes a firm."""

    sector: Ints
    status: Ints
    community: Ints
    by_size: Ints
    """Firm numbers by falling attraction to staff."""


@dataclass(frozen=True, slots=True, eq=False)
class Town:
    """The city before anybody lives in it; the same for every chunk."""

    seed: int
    regions: Regions
    community_weights: Floats
    firms: Firms
    place_community: Ints
    garage_community: Ints

    def chance(self, stream: str, chunk: int) -> np.random.Generator:
        """The random numbers of one table in one chunk; independent of every other stream's."""
        key = (zlib.crc32(stream.encode("utf-8")), chunk)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key)))

    def hire(self, rng: np.random.Generator, count: int) -> Ints:
        """Employers for `count` people: a few firms are large and most are small."""
        firms = len(self.firms.by_size)
        rank = (firms * rng.random(count) ** _EMPLOYER_SKEW).astype(np.int64)
        return self.firms.by_size[np.minimum(rank, firms - 1)]


def found(people: int, seed: int, regions: Regions) -> Town:
    """Lay out a town for so many people."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))
    size = len(regions.communities)
    weights = rng.permutation(zipf_weights(size, 0.7))
    count = max(1, people // PEOPLE_PER_FIRM)
    firms = Firms(
        sector=draw(rng, _SECTOR_WEIGHTS, count),
        status=draw(rng, _STATUS_WEIGHTS, count),
        community=draw(rng, rng.permutation(zipf_weights(size, 0.8)), count),
        by_size=rng.permutation(count),
    )
    return Town(
        seed=seed,
        regions=regions,
        community_weights=weights,
        firms=firms,
        place_community=_places(regions),
        garage_community=(np.arange(len(categories.GARAGES)) * 7) % size,
    )


def _places(regions: Regions) -> Ints:
    """The community of each place: one in its own district where the tree has that district."""
    lies_in = {place: id_ for id_, places in categories.PLACE_DISTRICTS.items() for place in places}
    chosen = []
    for rank, place in enumerate(categories.PLACES):
        near = [
            index for index, path in enumerate(regions.communities) if path.split("/")[1] == lies_in[place]
        ] or range(len(regions.communities))
        chosen.append(near[rank % len(near)])
    return np.array(chosen, dtype=np.int64)
