"""What is done to the key file without a gateway stands in the audit log, and so does what a gateway began with."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.accountability import event as events
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.administration.desk import GATEWAY
from gateway.administration.key_watch import KeyWatch
from gateway.administration.sunset import sunset
from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event, EventKind
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import KeyUse
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway
from tests.integration.house import House
from tests.integration.site import SECRET, Site

DOMAIN = PseudonymDomain("police", "epidemic-tracing")


def noted(folder: Path) -> list[Event]:
    """Return what the log says about changes of keys, oldest first."""
    with closing(sqlite3.connect(folder / "state.sqlite")) as state:
        entries = [bytes(row[0]) for row in state.execute("SELECT record FROM audit_entries ORDER BY entry_index")]
    found = [events.decode(entry) for entry in entries if events.is_event(entry)]
    return [one for one in found if one.kind is EventKind.KEYS_CHANGED]


def digest(site: Site) -> str:
    return hashlib.sha256((site.folder / "keys.json").read_bytes()).hexdigest()


class Noting:
    """A log that keeps the events, and fails for the first so many."""

    def __init__(self, failures: int = 0) -> None:
        self.events: list[Event] = []
        self.failures = failures

    def note(self, event: Event) -> None:
        if self.failures:
            self.failures -= 1
            raise Fault(ErrorReason.AUDIT_UNAVAILABLE)
        self.events.append(event)


def test_each_change_of_the_key_file_is_noted_once_with_what_it_is_then(house: House) -> None:
    # the house's own gateway does this at its start, in a thread of its own; done before, it changes nothing later
    sunset(house.office)
    log: Any = Noting()
    watch = KeyWatch(replace(house.office, audit=log))
    keys, agent = house.site.folder / "keys.json", X25519PrivateKey.generate().public_key()
    keeper = KeyKeeper.open(keys, SECRET)
    house.office.keys.working_key(DOMAIN, KeyUse.TOKEN_BLOCK, "resident-id")
    changes: dict[str, Callable[[], object]] = {
        "beginning": lambda: None,
        "rotated": lambda: keeper.rotate(timedelta(days=1)),
        "backed up": lambda: keeper.back_up(date(2999, 1, 1)),
        "in escrow": lambda: keeper.escrow(agent),
        "destroyed": lambda: keeper.destroy(DOMAIN),
    }
    seen = []
    for change in changes.values():
        change()
        watch.look()
        watch.look()
        seen.append(log.events[-1].about)
        assert seen[-1]["digest"] == digest(house.site)
    assert len(log.events) == len(changes)
    assert all(one.by == GATEWAY and events.decode(events.encode(one)) == one for one in log.events)
    domains = int(seen[0]["domains"])
    told = [tuple(about[name] for name in ("versions", "back_ups", "escrows", "destroyed")) for about in seen]
    assert told == [
        ("1", "0", "0", "0"), ("1,2", "0", "0", "0"), ("1,2", "1", "0", "0"), ("1,2", "1", "1", "0"),
        ("1,2", "1", "1", "1"),
    ]  # fmt: skip
    assert [int(about["domains"]) for about in seen] == [domains] * 4 + [domains - 1]


def test_what_could_not_be_noted_is_noted_by_the_next_look(house: House) -> None:
    log: Any = Noting(failures=1)
    watch = KeyWatch(replace(house.office, audit=log))
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        watch.look()
    watch.look()
    assert len(log.events) == 1


def test_a_gateway_that_runs_notes_what_a_command_does(new_site: Site) -> None:
    new_site.config.write_text(new_site.config.read_text().replace("[policy]\n", "[policy]\nsunset_seconds = 0.05\n"))
    with open_gateway(read_settings(new_site.config)):
        KeyKeeper.open(new_site.folder / "keys.json", SECRET).rotate(timedelta(days=1))
        deadline = time.monotonic() + 30
        while not any(one.about["digest"] == digest(new_site) for one in noted(new_site.folder)):
            assert time.monotonic() < deadline, "nothing was noted"
            time.sleep(0.02)
    found = noted(new_site.folder)
    assert found[-1].about["versions"] == "1,2"
    assert len({one.about["digest"] for one in found}) == len(found)
