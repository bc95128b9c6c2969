"""Kill -9 at any moment: no release without a charge, no disclosure without an entry in the log, nothing half there."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from fractions import Fraction

import pytest

import gateway.client as gw
from gateway.api.v1 import receipt_pb2
from tests.integration.site import Site

KILLS = 20


class Callers:
    """Departments and researchers at work until the gateway dies; what was answered to them is remembered."""

    def __init__(self, site: Site, first_epsilon: int) -> None:
        self._site = site
        self._next = first_epsilon
        self._lock = threading.Lock()
        self.entries: dict[int, bytes] = {}
        self.releases: dict[str, tuple[int, ...]] = {}
        self.paid: list[float] = []
        self._answered = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(who, work), daemon=True)
            for who, work in [
                ("zju-research", self._release),
                ("zju-research", self._release),
                ("police", self._extract),
                ("verifier-metro", self._lookup),
            ]
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def wait_for_an_answer(self) -> None:
        assert self._answered.wait(30)

    def _work(self, institution: str, work: Callable[[gw.Gateway], None]) -> None:
        try:
            with self._site.connect(institution) as gateway:
                while True:
                    work(gateway)
        except gw.GatewayError:
            return  # the gateway died

    def _release(self, gateway: gw.Gateway) -> None:
        with self._lock:
            self._next += 1
            epsilon = self._next / 10_000
            self.paid.append(epsilon)
        release = gateway.release(
            "subsidies", "by-sector", [gw.count()], purpose="academic-research", epsilon=epsilon, group_by=["tier"]
        )
        values = tuple(estimate.value for cell in release.message.cells for estimate in cell.estimates)
        with self._lock:
            self.releases[release.release_id] = values
        self._answer(release.receipt)

    def _extract(self, gateway: gw.Gateway) -> None:
        extract = gateway.extract("health_cases", "police-tracing", purpose="epidemic-tracing")
        extract.read_all()
        self._answer(extract.receipt)

    def _lookup(self, gateway: gw.Gateway) -> None:
        answer = gateway.lookup(
            "health_codes", "colour-check", purpose="health-code-check", by="resident_id", values=["330101198808088813"]
        )
        self._answer(answer.receipt)

    def _answer(self, receipt: receipt_pb2.Receipt) -> None:
        entry = receipt.log_entry
        with self._lock:
            self.entries[entry.index] = entry.leaf_hash
        self._answered.set()


def check_state(site: Site, entries: dict[int, bytes], releases: dict[str, tuple[int, ...]]) -> None:
    """Hold the state against what was answered, reading the file as anyone could."""
    with closing(sqlite3.connect(site.folder / "state.sqlite")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        logged = dict(file.execute("SELECT entry_index, leaf_hash FROM audit_entries").fetchall())
        assert sorted(logged) == list(range(len(logged)))
        assert {index: logged.get(index) for index in entries} == entries
        charged = {row[0] for row in file.execute("SELECT release_id FROM budget_charges")}
        stored = {row[0] for row in file.execute("SELECT release_id FROM releases")}
        assert releases.keys() <= stored <= charged
        owed: dict[str, Fraction] = {}
        for account, numerator, denominator in file.execute(
            "SELECT account_id, rho_numerator, rho_denominator FROM budget_charged_accounts NATURAL JOIN budget_charges"
        ):
            owed[account] = owed.get(account, Fraction(0)) + Fraction(int(numerator), int(denominator))
        spent = {
            account: Fraction(int(numerator), int(denominator))
            for account, numerator, denominator in file.execute(
                "SELECT account_id, spent_numerator, spent_denominator FROM budget_accounts"
            )
        }
        assert spent == owed
        assert len(charged) == 0 or spent


@pytest.mark.timeout(600)
def test_twenty_kills_lose_nothing_and_leak_nothing(new_site: Site) -> None:
    rng = random.Random(20)
    entries: dict[int, bytes] = {}
    releases: dict[str, tuple[int, ...]] = {}
    epsilon = 10
    for _ in range(KILLS):
        new_site.start()
        callers = Callers(new_site, epsilon)
        callers.start()
        callers.wait_for_an_answer()
        time.sleep(rng.uniform(0.0, 0.6))
        new_site.kill()
        callers.join()
        entries |= callers.entries
        releases |= callers.releases
        epsilon = round(max(callers.paid, default=epsilon / 10_000) * 10_000)
        check_state(new_site, entries, releases)
    assert len(entries) > KILLS
    assert releases

    # what was in flight is finished by asking again: paid once, and the same answer for ever
    new_site.start()
    with new_site.connect("zju-research") as gateway:
        for release_id, values in list(releases.items())[:10]:
            again = gateway.get_release(release_id, purpose="academic-research")
            assert tuple(item.value for cell in again.message.cells for item in cell.estimates) == values
    new_site.stop()
    check_state(new_site, entries, releases)
