"""What the files of the audit share: the two tables, and one gateway over them for each worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.privacy.audit import canaries, hermits, rooms
from tests.privacy.audit.asking import connect
from tests.privacy.audit.audited import audit_site, audited
from tests.privacy.audit.auditor import EPSILON, TOGETHER, WITH, WITHOUT, Auditor, Pair


@pytest.fixture(scope="session")
def auditor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auditor]:
    """The audited gateway over all states of the data."""
    folder = tmp_path_factory.mktemp("audit")
    present, absent = canaries.rows(canaries=True), canaries.rows(canaries=False)
    states = [present, absent, canaries.permuted(present), canaries.unbounded(present)]
    folders = [canaries.write(folder / f"data-{number}", rows) for number, rows in enumerate(states)]
    rooms.write(folders[WITH], rooms.CROWD)
    hermits.write(folders[WITH])
    site = audit_site(folder, folders[WITH])
    with audited(site.config, folders[1:]) as running, connect(site, running.port) as gateway:
        yield Auditor(running, gateway, {WITH: canaries.truth(present), WITHOUT: canaries.truth(absent)})


@pytest.fixture(scope="session")
def calls(prove: bool) -> int:
    """How many times the honest gateway is asked over each state of the data."""
    return 300 if prove else 24


@pytest.fixture(scope="session")
def together(auditor: Auditor, calls: int) -> Pair:
    """Three statistics in one release."""
    return Pair(*(auditor.ask(state, TOGETHER, EPSILON, calls) for state in (WITH, WITHOUT)))


@pytest.fixture(scope="session")
def wide(auditor: Auditor, calls: int) -> Pair:
    """The sum whose bounds are as wide as can be."""
    return Pair(*(auditor.ask(state, ["sum(wide)"], 1.0, calls) for state in (WITH, WITHOUT)))


@pytest.fixture
def pairs(together: Pair, wide: Pair) -> dict[str, Pair]:
    """By statistic, the answers over both states of the data."""
    return {**dict.fromkeys(TOGETHER, together), "sum(wide)": wide}
