"""Two gateways under one policy: the product's own process, and one that tests may break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seeds.generator import City as SeededCity
from tests.privacy.channel import Serving, serving
from tests.privacy.told import Told, telling_site


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Told]:
    """A `gateway serve` process as it is deployed, reached over mTLS."""
    site = telling_site(tmp_path_factory.mktemp("told"), seeded[0])
    site.start()
    try:
        yield Told.by(site.connect, seeded[0])
    finally:
        site.kill()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Serving]:
    """A gateway of a file's own in this process, reached over mTLS, whose ports and parts tests may exchange."""
    with serving(telling_site(tmp_path_factory.mktemp("served"), seeded[0])) as running:
        yield running


@pytest.fixture
def heard(served: Serving, seeded: tuple[Path, SeededCity]) -> Told:
    """What that gateway tells, asked anew in every test."""
    return Told.by(served.connect, seeded[0])
