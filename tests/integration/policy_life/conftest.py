"""A town hall for the tests of each file, which change its policy from whatever it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.policy_life.town_hall import TownHall, open_town_hall


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, Any]) -> Iterator[TownHall]:
    """A town hall that runs, with no cool-down."""
    hall = open_town_hall(tmp_path_factory.mktemp("hall"), seeded[0])
    hall.site.start()
    yield hall
    assert hall.site.stop() == 0, hall.site.log.read_text()[-4000:]
