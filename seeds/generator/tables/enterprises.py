"""The market regulator's register of firms, with how far each is back at work."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import CANARY_FIRM_CODE, CANARY_FIRM_NAME, Canary
from seeds.generator.categories import FIRM_STATUSES, SECTORS
from seeds.generator.columns import Ints, join, pick
from seeds.generator.firm_code import firm_codes
from seeds.generator.schemas import table_of
from seeds.generator.skew import draw, zipf_weights
from seeds.generator.town import Town

_TRADE = tuple(
    "安宝博昌诚达德东丰福富冠广海瀚恒宏华辉汇"
    "佳嘉建金锦景巨康科乐力联隆美明铭诺鹏启强庆荣瑞润盛"
    "泰天通万旺伟新鑫信兴旭亚阳益银永裕元远跃云泽展正志中众"
)
_SECTOR_NAMES = (
    "商贸", "制造", "信息技术", "建设工程", "餐饮管理", "物流", "投资管理", "置业", "健康科技", "教育咨询",
    "文化旅游", "农业发展",
)  # fmt: skip


def enterprises(town: Town, chunk: int, numbers: Ints, employed: Ints) -> pa.Table:
    """The `enterprises` rows of the firms with these numbers, with so many residents employed by each.

    `staff` counts these residents and a few who commute from outside the city.
    """
    rng = town.chance("enterprises", chunk)
    count = len(numbers)
    trade = [pick(_TRADE, draw(rng, zipf_weights(len(_TRADE), 0.4), count)) for _ in range(3)]
    sector, home = town.firms.sector[numbers], town.firms.community[numbers]
    outsiders = rng.poisson(0.4 + 0.06 * employed)
    columns: list[Any] = [
        firm_codes(numbers, town.seed),
        join("杭州", *trade, pick(_SECTOR_NAMES, sector), "有限公司"),
        pick(SECTORS, sector),
        pick(FIRM_STATUSES, town.firms.status[numbers]),
        pa.array((employed + outsiders).astype(np.int64)),
        pick(town.regions.communities, home),
        pick(town.regions.districts, town.regions.district_of[home]),
    ]
    return table_of("enterprises", columns)


def canary_enterprises(canaries: Sequence[Canary]) -> list[dict[str, object]]:
    """The firm that employs all canaries, in the community of the first."""
    community = canaries[0].community
    return [
        {
            "firm_code": CANARY_FIRM_CODE,
            "firm_name": CANARY_FIRM_NAME,
            "sector": "information",
            "status": "open",
            "staff": len(canaries),
            "community": community,
            "district": "/".join(community.split("/")[:2]),
        }
    ]
