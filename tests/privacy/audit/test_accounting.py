"""Step 6 of the audit: whatever happens, what was delivered is charged, and no more is spent than the cap."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

import gateway.client as gw
from gateway.model.loss import epsilon_to_rho
from tests.integration.site import ROOT, Site
from tests.privacy.audit import asking, rooms
from tests.privacy.audit.asking import Telling, connect, of_rooms, spent_on_rooms
from tests.privacy.audit.audited import audit_site, audited
from tests.privacy.audit.books import Books, read_charges, read_spent
from tests.privacy.audit.ledgers import Failing, OnSuccess, Racing, Seeing

CLIENTS = 50
CAP = 9.0
"""Of the rooms' budget, as an epsilon at a delta of 10⁻⁶: a rho of 1.12."""

ACCOUNT = "dataset/rooms"


class Prices:
    """Epsilons that nobody asked for yet, so that each question is a new one."""

    def __init__(self, first: float) -> None:
        self._next, self._lock = round(first * 10_000), threading.Lock()

    def one(self) -> float:
        with self._lock:
            self._next += 1
            return self._next / 10_000


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return audit_site(tmp_path, rooms.write(tmp_path / "data"), cap=CAP)


def state(site: Site) -> Path:
    return site.folder / "state.sqlite"


def crowd(site: Site, port: int, clients: int, work: Callable[[gw.Gateway], None]) -> list[threading.Thread]:
    """So many clients, each on a connection of its own, until an error ends their work."""

    def one() -> None:
        try:
            with connect(site, port) as gateway:
                while True:
                    work(gateway)
        except gw.GatewayError:
            return

    threads = [threading.Thread(target=one, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    return threads


def spend_all(site: Site, port: int) -> Books:
    """What fifty clients hold who ask until each is refused, and what the ledger holds then."""
    books, prices = Books(), Prices(0.2)

    def work(gateway: gw.Gateway) -> None:
        epsilon = prices.one()
        try:
            made = of_rooms(gateway, epsilon)
        except gw.BudgetExhausted:
            books.refused.append(Fraction(str(epsilon)) ** 2 / 2)
            raise
        books.delivered[made.release_id] = Fraction(made.message.privacy_loss.rho)

    for thread in crowd(site, port, CLIENTS, work):
        thread.join(100)
    with connect(site, port) as gateway:
        books.spent, books.cap = spent_on_rooms(gateway)
    books.charged = read_charges(state(site))
    return books


def test_fifty_clients_spend_exactly_what_there_is(site: Site) -> None:
    seeing: list[Seeing] = []

    def see(source: Any) -> Seeing:
        seeing.append(Seeing(source, state(site)))
        return seeing[0]

    with audited(site.config, source=see, ledger=None) as running:
        books = spend_all(site, running.port)
    assert books.wrongs() == set()
    assert len(books.refused) == CLIENTS
    assert books.delivered.keys() == books.charged.keys()
    assert books.delivered == books.charged
    assert seeing[0].unpaid == 0


def test_a_ledger_that_looks_and_then_takes_is_found(site: Site) -> None:
    with audited(site.config, ledger=Racing) as running:
        books = spend_all(site, running.port)
    assert "spent more than the cap" in books.wrongs()


def test_a_charge_that_comes_after_the_data_is_read_is_found(site: Site) -> None:
    seeing: list[Seeing] = []

    def see(source: Any) -> Seeing:
        seeing.append(Seeing(source, state(site)))
        return seeing[0]

    with audited(site.config, source=see, ledger=OnSuccess) as running, connect(site, running.port) as gateway:
        of_rooms(gateway, 0.2)
    assert seeing[0].unpaid == 1


def failed(site: Site, **ports: Any) -> tuple[Fraction, Fraction]:
    """What was spent on five questions that could not be answered, and what they would have cost."""
    epsilons = [Fraction(20 + number, 100) for number in range(5)]
    with audited(site.config, source=Failing, **ports) as running, Telling(site, running.port) as telling:
        for epsilon in epsilons:
            with pytest.raises(grpc.RpcError):
                telling.create_release(asking.about_rooms(rooms.PRESENT, float(epsilon)))
    return read_spent(state(site), ACCOUNT), sum((epsilon**2 / 2 for epsilon in epsilons), Fraction(0))


def test_what_fails_after_a_charge_is_spent(site: Site) -> None:
    spent, cost = failed(site, ledger=None)
    assert spent == cost > 0


def test_a_ledger_that_lets_failures_go_free_is_found(site: Site) -> None:
    spent, cost = failed(site, ledger=OnSuccess)
    assert spent != cost


def hold(books: Books, prices: Prices, answered: threading.Event, gateway: gw.Gateway) -> None:
    made = of_rooms(gateway, prices.one())
    books.delivered[made.release_id] = Fraction(made.message.privacy_loss.rho)
    answered.set()


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_what_a_killed_gateway_delivered_was_charged(site: Site, prove: bool) -> None:
    books, prices = Books(), Prices(0.01)
    for kill in range(20 if prove else 2):
        answered = threading.Event()
        site.start()
        threads = crowd(site, site.port, 6, partial(hold, books, prices, answered))
        assert answered.wait(60)
        time.sleep(0.05 * (kill % 4))
        site.kill()
        for thread in threads:
            thread.join(60)
        _read(books, site)
        assert books.wrongs() == set()
    site.start()
    with connect(site, site.port) as gateway:
        assert spent_on_rooms(gateway) == (books.spent, books.cap)
    assert site.stop() == 0


@pytest.mark.timeout(120)
def test_a_gateway_that_answers_before_it_charges_is_found_when_it_is_killed(site: Site) -> None:
    books, answered = Books(), threading.Event()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.privacy.audit.late", str(site.config)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        threads = crowd(site, port, 1, partial(hold, books, Prices(0.01), answered))
        assert answered.wait(60)
    finally:
        child.kill()
        child.wait(30)
    for thread in threads:
        thread.join(60)
    _read(books, site)
    assert "delivered and not charged" in books.wrongs()


def _read(books: Books, site: Site) -> None:
    books.charged, books.spent = read_charges(state(site)), read_spent(state(site), ACCOUNT)
    books.cap = epsilon_to_rho(CAP, 1e-6)
