"""A gateway with a fair's visits, for tests of releases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest

import gateway.client as gw
from seeds.generator import City as SeededCity
from tests.integration.grpc.visits import Row, copy_city, write_fair
from tests.integration.site import ROOT, Site, institutions_of


@dataclass
class Fair:
    """The running gateway, a connection of a researcher, and the raw rows."""

    gateway: gw.Gateway = field(repr=False)
    rows: list[Row] = field(repr=False)

    def spent(self, disclosure: str = "visits") -> dict[str, str]:
        """What is spent of each budget."""
        budgets = self.gateway.budget("fair_visits", disclosure, purpose="academic-research")
        return {budget.account: budget.spent_rho for budget in budgets}

    def spent_delta(self) -> dict[str, Fraction]:
        """The delta that is spent of each budget."""
        budgets = self.gateway.budget("fair_visits", "visits", purpose="academic-research")
        return {budget.account: Fraction(budget.spent_delta) for budget in budgets}


@pytest.fixture(scope="session")
def fair(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[Fair]:
    """The fair, shared by a worker's tests; its budgets have room for all of them."""
    folder = tmp_path_factory.mktemp("fair")
    shutil.copytree(ROOT / "policies", folder / "policies")
    data = copy_city(seeded[0], folder / "data")
    rows = write_fair(folder / "policies", data)
    site = Site(folder / "site", folder / "policies", data, institutions_of(folder / "policies"))
    site.prepare()
    site.start()
    with site.connect("zju-research") as gateway:
        yield Fair(gateway, rows)
    assert site.stop() == 0, site.log.read_text()[-4000:]
