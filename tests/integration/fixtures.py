"""A city to test against: synthetic people, the product's own policy, and a real gateway in front of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

import gateway.client as gw
from gateway.adapters.state.database import open_state
from gateway.adapters.state.upgrade import upgrade
from seeds.generator import City as SeededCity
from seeds.generator import generate
from tests.integration import nursery
from tests.integration.site import ROOT, Site, institutions_of


@dataclass(frozen=True)
class City:
    """A running gateway over a seeded city."""

    site: Site
    seeded: SeededCity
    people: int

    @property
    def data(self) -> Path:
        """The folder of the city's Parquet files."""
        return self.site.data

    def connect(self, institution: str, person: str = "li.wei") -> gw.Gateway:
        """A connection of a person of an institution; close it."""
        return self.site.connect(institution, person)


PEOPLE = 4000


@pytest.fixture(scope="session", autouse=True)
def starts_at_once() -> Iterator[None]:
    """Start gateways without loading the product for each."""
    with nursery.in_use():
        yield


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SeededCity]:
    """The city's data, made once a worker; nobody writes to it."""
    folder = tmp_path_factory.mktemp("data")
    return folder, generate(folder, people=PEOPLE, regions=ROOT / "policies" / "regions.yaml")


@pytest.fixture(scope="session")
def mould(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Site:
    """A deployment that never starts, with an empty state, which tests get copies of."""
    policies = ROOT / "policies"
    site = Site(tmp_path_factory.mktemp("mould") / "site", policies, seeded[0], institutions_of(policies))
    site.prepare()
    with closing(open_state(site.folder / "state.sqlite")) as state:
        upgrade(state)
    return site


@pytest.fixture
def new_site(tmp_path: Path, mould: Site) -> Iterator[Site]:
    """A deployment of its own for one test, prepared and not started; its policy folder may be edited."""
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    site = mould.copy(tmp_path / "site", policies)
    yield site
    site.kill()


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]) -> Iterator[City]:
    """A gateway over the city, shared by a worker's tests. Budgets are shared too: mind what a test spends."""
    folder, data = seeded
    site = Site(tmp_path_factory.mktemp("site"), ROOT / "policies", folder, institutions_of(ROOT / "policies"))
    site.prepare()
    site.start()
    yield City(site, data, PEOPLE)
    code = site.stop()
    assert code == 0, site.log.read_text()[-4000:]
