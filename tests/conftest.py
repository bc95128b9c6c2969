"""What every test shares: the --prove flag, the size of the work that it chooses, and what is made once for all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.integration.fixtures",
    "tests.integration.house",
    "tests.integration.bench",
    "tests.integration.database",
]

settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("prove", max_examples=2000, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="run at full size (slow)")


def pytest_configure(config: pytest.Config) -> None:
    # Backtraces of OpenDP's Rust errors cost a hundred milliseconds each; it reads this when it is imported.
    os.environ.setdefault("RUST_LIB_BACKTRACE", "0")
    # The tests start hundreds of processes: where bytecode may not be kept, each would compile the whole product anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # A Spark of tests lives for a minute or two: the thorough compiler would take longer than what it makes faster.
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    settings.load_profile("prove" if config.getoption("--prove") else "quick")


@pytest.fixture(scope="session")
def prove(request: pytest.FixtureRequest) -> bool:
    """Whether the tests run at full size; a test that can grow chooses its size by it."""
    return bool(request.config.getoption("--prove"))


@pytest.fixture(scope="session", autouse=True)
def stretched_once() -> Iterator[None]:
    """Stretch each secret once a worker: scrypt of the same secret and salt is the same again, and slow by intent."""
    from gateway.adapters.keys import derivation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derivation, "stretch", cache(derivation.stretch))
        yield
