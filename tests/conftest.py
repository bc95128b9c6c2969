"""What every test shares: the --prove flag, and the size of the work that it chooses."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

pytest_plugins = ["tests.integration.fixtures", "tests.integration.house", "tests.integration.bench"]

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("prove", max_examples=2000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="run at full size (slow)")


def pytest_configure(config: pytest.Config) -> None:
    # Backtraces of OpenDP's Rust errors cost a hundred milliseconds each; it reads this when it is imported.
    os.environ.setdefault("RUST_LIB_BACKTRACE", "0")
    settings.load_profile("prove" if config.getoption("--prove") else "quick")


@pytest.fixture(scope="session")
def prove(request: pytest.FixtureRequest) -> bool:
    """Whether the tests run at full size; a test that can grow chooses its size by it."""
    return bool(request.config.getoption("--prove"))
