"""Tokens that are renewed do not link across days, months or years. Asked for over TLS, on four days of the gateway's.

Each checker is also fed what a gateway gives that takes every epoch for the same, which it must find.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.model.calendar import city_day
from seeds.generator import City as SeededCity
from tests.integration.site import utc_now
from tests.privacy.channel import Broken, Serving, serving
from tests.privacy.detectors import Bits, ByPerson, beyond_noise, bits, bits_of_ids, parities, shared
from tests.privacy.told import RENEWED, TREATMENTS, Told, telling_site

YEAR = city_day(utc_now()).year + 1
DAYS = (date(YEAR, 11, 30), date(YEAR, 12, 1), date(YEAR, 12, 2), date(YEAR + 1, 1, 1))
RENEWALS = {"daily": (0, 1, 2, 3), "monthly": (0, 1, 1, 2), "yearly": (0, 0, 0, 1)}
"""In which epoch each of the days is."""


def coins(name: str, told: ByPerson) -> Bits:
    """What must look like fair coins of tokens of this name."""
    return parities(told.values()) if "lookalikes" in name else bits(told.values())


@pytest.fixture(scope="module")
def calendar(
    tmp_path_factory: pytest.TempPathFactory, seeded: tuple[Path, SeededCity]
) -> Iterator[Mapping[tuple[str, int], ByPerson]]:
    """What one recipient got on each of the days, by disclosure and day."""
    with serving(telling_site(tmp_path_factory.mktemp("calendar"), seeded[0])) as running:
        told = Told.by(running.connect, seeded[0])
        held: dict[tuple[str, int], ByPerson] = {}
        for number, day in enumerate(DAYS):
            running.turn_to(day)
            held |= {(name, number): told.ask_anew(name) for name in (*RENEWED, *TREATMENTS)}
        yield held


@pytest.mark.parametrize("name", RENEWED)
def test_within_an_epoch_tokens_stay_and_between_two_nothing_links(
    calendar: Mapping[tuple[str, int], ByPerson], name: str
) -> None:
    epochs = RENEWALS[name.partition("-")[0]]
    compared = 0
    for day in range(len(DAYS)):
        mine = calendar[name, day]
        assert len(set(mine.values())) == len(mine)
        for later in range(day + 1, len(DAYS)):
            theirs = calendar[name, later]
            if epochs[day] == epochs[later]:
                assert mine == theirs
            else:
                assert shared(mine, theirs) == 0
                assert beyond_noise(coins(name, mine), coins(name, theirs)) == 0
                compared += 1
    assert compared >= 3


@pytest.mark.parametrize("kind", ["tokens", "codes", "lookalikes"])
def test_neither_do_renewals_of_different_lengths_nor_standing_tokens(
    calendar: Mapping[tuple[str, int], ByPerson], kind: str
) -> None:
    names = [kind, *(f"{renewed}-{kind}" for renewed in RENEWALS)]
    # "2027-12" is the name of no year and of no day
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            assert shared(calendar[one, 1], calendar[other, 1]) == 0
            assert beyond_noise(coins(one, calendar[one, 1]), coins(other, calendar[other, 1])) == 0
    assert calendar[kind, 0] == calendar[kind, 3], "standing tokens stand through all of them"


@pytest.mark.parametrize("kind", ["tokens", "codes"])
def test_tokens_of_an_epoch_say_nothing_of_a_number(calendar: Mapping[tuple[str, int], ByPerson], kind: str) -> None:
    mine = calendar[f"daily-{kind}", 2]
    assert beyond_noise(bits(mine.values()), bits_of_ids(mine)) == 0


def test_epochs_that_link_are_found(served: Serving, heard: Told) -> None:
    forgetful = Broken(served.keys.ring, domain=lambda domain: replace(domain, epoch=""))
    with served.broken(forgetful):
        served.turn_to(DAYS[2])
        before = {name: heard.ask_anew(name) for name in RENEWED}
        served.turn_to(DAYS[3])
        after = {name: heard.ask_anew(name) for name in RENEWED}
    for name in RENEWED:
        assert shared(before[name], after[name]) == len(before[name])
        assert beyond_noise(coins(name, before[name]), coins(name, after[name])) >= 17


def test_a_token_of_an_epoch_that_is_over_opens_nothing(served: Serving, heard: Told) -> None:
    served.turn_to(DAYS[1])
    of_the_day, of_the_month = (list(heard.ask_anew(f"{renewed}-tokens").values()) for renewed in ("daily", "monthly"))
    assert heard.answered(of_the_day[:300]) == heard.answered(of_the_month[:300]) == 300
    served.turn_to(DAYS[1] + timedelta(days=1))
    assert heard.answered(of_the_day[:1500]) == 0
    assert heard.answered(of_the_month[:300]) == 300, "its epoch goes on"
    served.turn_to(DAYS[3])
    assert heard.answered(of_the_month[:1500]) == 0
    # a gateway that takes every epoch for the same is found
    forgetful = Broken(served.keys.ring, domain=lambda domain: replace(domain, epoch=""))
    with served.broken(forgetful):
        of_no_day = list(heard.ask_anew("daily-tokens").values())
        served.turn_to(DAYS[3] + timedelta(days=1))
        assert heard.answered(of_no_day[:300]) == 300
