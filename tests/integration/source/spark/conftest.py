"""A Spark of the gateway's own, one for all tests of a worker."""

from collections.abc import Iterator

import pytest

from gateway.adapters.spark.server import LocalSpark
from gateway.adapters.spark.sessions import Session, Sessions


@pytest.fixture(scope="session")
def sessions() -> Iterator[Sessions]:
    made = Sessions({"lake": LocalSpark(cores=2, memory_mib=1024)})
    yield made
    made.close()


@pytest.fixture(scope="session")
def session(sessions: Sessions) -> Session:
    return sessions.of("lake")
