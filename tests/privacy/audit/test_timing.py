"""Step 7 of the audit: how long an answer takes, and how large it is, tell nothing of who is in it, nor of the noise.

With the product's own clock, and its slots. Questions about both sides of the rooms come in an order that chance alone
decides: whatever else goes on on the machine, if the person does not matter, then the sides are names that chance gave
to times, and the test of Kolmogorov and Smirnov is right whatever the times are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from gateway.api.v1 import release_pb2, research_service_pb2
from tests.integration.house import WatchedClock
from tests.privacy.audit import asking, planted, rooms
from tests.privacy.audit.asking import Telling
from tests.privacy.audit.audited import ForgetfulLedger, audit_site, audited
from tests.privacy.audit.chances import ALARM, monotonic, same_distribution

SLOT_MS = 250
AT_A_TIME = 4
FEW = 40
"""Of each side, where a planted mistake shows in every single answer."""


class Seen(NamedTuple):
    """What anyone sees of answers: how long they took (s), how large they were, and the noise of the last room."""

    present: np.ndarray[tuple[int], np.dtype[np.bool_]]
    seconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    octets: np.ndarray[tuple[int], np.dtype[np.float64]]
    noise: np.ndarray[tuple[int], np.dtype[np.float64]]

    def tells(self, what: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        """The p-value of the person making no difference to something."""
        return same_distribution(what[self.present], what[~self.present])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("timing")
    rooms.write(folder / "data")
    return folder


@contextmanager
def asked(
    folder: Path, name: str, *, slot_ms: int = SLOT_MS, at_a_time: int = AT_A_TIME, **exchanged: Any
) -> Iterator[Callable[[int], Seen]]:
    """A gateway with some ports exchanged, and the way to ask it so many times about each side."""
    site = audit_site(folder / name, folder / "data", slot_ms=slot_ms)
    with (
        audited(site.config, **{"clock": None, "ledger": ForgetfulLedger, **exchanged}) as running,
        Telling(site, running.port) as telling,
        ThreadPoolExecutor(at_a_time) as pool,
    ):

        def ask(each: int) -> Seen:
            order = np.random.default_rng().permutation(np.repeat([True, False], each))
            list(pool.map(lambda _: _one(telling, rooms.PRESENT), range(2 * at_a_time)))  # the first are slower
            sides = [rooms.PRESENT if present else rooms.ABSENT for present in order]
            found = list(pool.map(lambda side: _one(telling, side), sides))
            return Seen(order, *(np.array(column, np.float64) for column in zip(*found, strict=True)))

        yield ask


@pytest.fixture(scope="module")
def ask_sound(folder: Path) -> Iterator[Callable[[int], Seen]]:
    """Of the product's own gateway, whose ledger alone is exchanged."""
    with asked(folder, "sound") as ask:
        yield ask


def _one(telling: Telling, side: str) -> tuple[float, float, float]:
    request = asking.about_rooms(side)
    began = time.perf_counter()
    answer, beside = telling.create_release(request)
    seconds = time.perf_counter() - began
    message = research_service_pb2.CreateReleaseResponse.FromString(answer)
    value = message.release.cells[-1].estimates[0].value
    noise = value - rooms.counts(side)[-1]
    return seconds, len(answer) + beside - _written(message.release), noise


def _written(release: release_pb2.Release) -> int:
    """The octets that noised answers take beyond what is usual: whoever reads them knows as much."""
    return sum(estimate.ByteSize() - 30 for cell in release.cells for estimate in cell.estimates)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_answers_tell_nothing_by_their_time_and_size(ask_sound: Callable[[int], Seen], prove: bool) -> None:
    seen = ask_sound(4000 if prove else 100)
    assert float(seen.seconds.min()) >= SLOT_MS / 1000
    assert seen.tells(seen.seconds) > ALARM
    assert seen.tells(seen.octets) > ALARM
    assert monotonic(np.abs(seen.noise), seen.seconds) > ALARM


def test_an_early_return_for_an_empty_room_is_found(folder: Path) -> None:
    noticed = threading.local()
    ports: dict[str, Any] = {"source": partial(Noticing, noticed), "clock": partial(Hurrying, noticed)}
    # a slot that even a busy machine needs but a part of: what is found is that nobody waits for its end
    with asked(folder, "hurried", slot_ms=600, at_a_time=2, **ports) as ask:
        assert _found(ask, lambda seen: seen.tells(seen.seconds))


def test_an_answer_that_is_shorter_for_an_empty_room_is_found(folder: Path) -> None:
    noticed = threading.local()
    ports: dict[str, Any] = {"source": partial(Noticing, noticed), "ledger": partial(Shortening, noticed)}
    with asked(folder, "short", **ports) as ask:
        seen = ask(FEW)
    assert seen.tells(seen.octets) <= ALARM


def test_noise_that_takes_its_time_is_found_where_no_slot_hides_it(folder: Path) -> None:
    with planted.noise(planted.slow(0.04, 0.5)), asked(folder, "slow", at_a_time=2, clock=WatchedClock) as ask:
        assert _found(ask, lambda seen: monotonic(np.abs(seen.noise), seen.seconds))


def test_and_a_slot_hides_it(ask_sound: Callable[[int], Seen]) -> None:
    with planted.noise(planted.slow(0.005, 0.05)):
        seen = ask_sound(FEW)
    assert monotonic(np.abs(seen.noise), seen.seconds) > ALARM


def _found(ask: Callable[[int], Seen], judge: Callable[[Seen], float]) -> bool:
    """Whether a mistake is found that shows in times: a machine that others use may hide it for a while."""
    return any(judge(ask(FEW)) <= ALARM for _ in range(3))


class Noticing:
    """A source that lets its thread know whether a room was empty."""

    def __init__(self, noticed: Any, source: Any) -> None:
        self._source, self._noticed = source, noticed

    def aggregates(self, plan: Any) -> Any:
        """The aggregates, and a word about them."""
        found = self._source.aggregates(plan)
        self._noticed.empty = found.num_rows < len(rooms.ROOMS)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


class Hurrying:
    """A clock that does not wait where a room was empty."""

    def __init__(self, noticed: Any, clock: Any) -> None:
        self._clock, self._noticed = clock, noticed

    def sleep_until(self, instant: float) -> None:
        """Wait, or don't."""
        if not self._noticed.empty:
            self._clock.sleep_until(instant)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clock, name)


class Shortening(ForgetfulLedger):
    """A ledger that leaves out of a release what was empty."""

    def __init__(self, noticed: Any, ledger: Any) -> None:
        super().__init__(ledger)
        self._noticed = noticed

    def store(self, release: Any) -> Any:
        """The release, or less of it: not the room itself, which would show without any statistics."""
        if not self._noticed.empty:
            return release
        return replace(release, data_version=release.data_version[:-1])
