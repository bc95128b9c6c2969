"""Postal addresses: the community's names from the region tree, then road, building and room."""

import numpy as np
import pyarrow as pa

from seeds.generator.columns import Ints, join, pick
from seeds.generator.regions import Regions
from seeds.generator.skew import draw, zipf_weights

ROADS = (
    "解放路", "延安路", "文三路", "文一路", "体育场路", "庆春路", "凤起路", "天目山路", "莫干山路",
    "环城北路", "中河路", "建国路", "清江路", "江南大道", "滨盛路", "丰潭路", "古墩路", "石祥路",
    "绍兴路", "学院路",
)  # fmt: skip

_NUMBERS = tuple(str(number) for number in range(1, 400))


def addresses(rng: np.random.Generator, home: Ints, regions: Regions) -> pa.StringArray:
    """An address in each person's home community (`home`: index into the tree's communities)."""
    count = len(home)
    road = pick(ROADS, (home * 7 + draw(rng, zipf_weights(4), count)) % len(ROADS))
    number = pick(_NUMBERS, rng.integers(0, len(_NUMBERS), count))
    building = pick(_NUMBERS, draw(rng, zipf_weights(24, 0.4), count))
    unit = pick(_NUMBERS, rng.integers(0, 4, count))
    floor = pick(_NUMBERS, draw(rng, zipf_weights(26, 0.3), count))
    flat = pick(("01", "02", "03", "04"), rng.integers(0, 4, count))
    area = pick(regions.chinese, home)
    return join(area, road, number, "号", building, "幢", unit, "单元", floor, flat, "室")
