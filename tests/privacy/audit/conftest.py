"""What the files of the audit share: the two tables, and one gateway over them for each worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.privacy.audit import canaries
from tests.privacy.audit.asking import connect
from tests.privacy.audit.audited import audit_site, audited
from tests.privacy.audit.auditor import WITH, WITHOUT, Auditor


@pytest.fixture(scope="session")
def auditor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Auditor]:
    """The audited gateway over all states of the data."""
    folder = tmp_path_factory.mktemp("audit")
    present, absent = canaries.rows(canaries=True), canaries.rows(canaries=False)
    states = [present, absent, canaries.permuted(present), canaries.unbounded(present)]
    folders = [canaries.write(folder / f"data-{number}", rows) for number, rows in enumerate(states)]
    site = audit_site(folder, folders[WITH])
    with audited(site, folders[1:]) as running, connect(site, running.port) as gateway:
        yield Auditor(running, gateway, {WITH: canaries.truth(present), WITHOUT: canaries.truth(absent)})


@pytest.fixture(scope="session")
def calls(prove: bool) -> int:
    """How many times the honest gateway is asked over each state of the data."""
    return 300 if prove else 24
