"""Killed at any step of a batch, a gateway leaves all of it or nothing, and the same batch again completes it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway.client as gw
from tests.integration.ingest.clinic import collecting, kept, left_over, push, visits
from tests.integration.site import SERVE, Site

STEPS = {
    "before-the-register": False,
    "after-the-register": True,
    "after-the-file-is-in-place": True,
}
"""Where the gateway dies, and whether the batch counts by then."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A deployment whose gateways are killed."""
    site = collecting(tmp_path_factory.mktemp("dying"))
    yield site
    site.kill()


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_leaves_all_or_nothing_and_the_retry_completes(site: Site, step: str) -> None:
    start = 1000 * list(STEPS).index(step)
    rows, name = visits(30, start), str(uuid.uuid4())
    before = len(kept(site)) if Path(site.data / "pushed").exists() else 0
    site.command = ("-m", "tests.integration.ingest.dying", step, "serve")
    site.start()
    with site.connect("xihu-clinic") as clinic, pytest.raises(gw.GatewayError):
        push(clinic, rows, batch_id=name)
    assert site.process is not None and site.process.wait(30) != 0
    site.command = SERVE
    site.start()
    # what the start has made of it: nothing half, and nothing that nobody knows of
    assert not left_over(site)
    assert len(kept(site)) - before == (30 if STEPS[step] else 0)
    with site.connect("xihu-clinic") as clinic:
        again = push(clinic, rows, batch_id=name)
        assert (again.accepted, again.repeated) == (30, STEPS[step])
        gw.verify_receipt(again.receipt)
        # nor are their keys taken without them, or forgotten with them
        assert push(clinic, visits(31, start)).counts == {"kept_before": 30}
    assert len(kept(site)) - before == 31
    assert site.stop() == 0
