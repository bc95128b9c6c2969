"""A gateway over every kind of source."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from gateway.adapters.postgres.connections import Server
from tests.integration.faults.sources import Sources, serving
from tests.integration.site import ROOT, Site


@pytest.fixture(scope="package")
def sources(
    tmp_path_factory: pytest.TempPathFactory,
    mould: Site,
    server: Server,
    owner: psycopg.Connection[tuple[Any, ...]],
) -> Iterator[Sources]:
    policies = tmp_path_factory.mktemp("faults") / "policies"
    shutil.copytree(ROOT / "policies", policies)
    with serving(mould.copy(tmp_path_factory.mktemp("faults") / "site", policies), server, owner) as made:
        yield made
