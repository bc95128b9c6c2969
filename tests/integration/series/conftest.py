"""One gateway for all tests of series, of which each opens its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from gateway.lanes.series import Named
from tests.integration.daily import (
    BUREAU,
    Payments,
    ahead,
    declare,
    series,
)
from tests.integration.house import House, housed
from tests.integration.series.cockpit import (
    NAMES,
    Cockpit,
    story,
)
from tests.integration.site import ROOT, Site


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Payments]]:
    """The gateway, and the payments behind it."""
    folder = tmp_path_factory.mktemp("cockpit")
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    declare(policies, {"pure": series(rho=None, epsilon=4.0)} | {name: series() for name in NAMES})
    payments = Payments(folder / "data")
    payments.write(story())
    site = Site(folder / "site", policies, payments.folder, (BUREAU, "cockpit-xiacheng"))
    site.prepare()
    with housed(site) as house:
        yield house, payments


@pytest.fixture(scope="session")
def names() -> Iterator[str]:
    """Names of series that no test has opened."""
    return iter(NAMES)


@pytest.fixture
def cockpit(shared: tuple[House, Payments], names: Iterator[str]) -> Iterator[Cockpit]:
    """The gateway as it was before the test, which opens a series of its own."""
    house, payments = shared
    house.diary.events.clear()
    house.clock.ahead = ahead()
    before = list(payments.rows)
    files = {file: file.read_text() for file in house.site.policies.glob("*s.yaml")}
    yield Cockpit(house, payments, Named("subsidies", "paid-by-day", next(names)))
    house.audit.failing_from = house.source.failing = None
    for file, text in files.items():
        if file.read_text() != text:
            file.write_text(text)
            house.ports.policy.reload()
    if payments.rows != before:
        payments.write(before)
