"""One city of two chunks, made once for all tests here."""

from pathlib import Path

import pytest

from seeds.generator import City, generate

_REGIONS = Path(__file__).resolve().parents[3] / "policies" / "regions.yaml"


@pytest.fixture(scope="session")
def regions() -> Path:
    """The region tree that ships with the policies."""
    return _REGIONS


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory, regions: Path) -> City:
    """A city that needs more than one chunk."""
    return generate(tmp_path_factory.mktemp("city"), people=103_000, regions=regions)
