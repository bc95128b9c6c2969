"""A house of cockpits over a register with forty people in each community."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.house import housed
from tests.integration.indicators.live import Live, board
from tests.integration.indicators.register import COCKPITS, communities, write
from tests.integration.site import ROOT, Site


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    data = tmp_path / "data"
    people = {community: 40 for community in communities(policies)}
    write(data, people)
    site = Site(tmp_path / "site", policies, data, tuple(COCKPITS))
    site.prepare()
    with housed(site) as house:
        yield Live(house, data, people, board(house))
