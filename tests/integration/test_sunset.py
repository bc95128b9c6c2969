"""The end of a purpose: reads stop, streams end, keys are destroyed, a certificate is written, the log stays."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import pipeline
from gateway.administration import life
from gateway.administration.study import certificates
from gateway.administration.sunset import ended, sunset
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Refusal
from gateway.model.pseudonym import PseudonymDomain, Renewal
from gateway.pipeline import Refused
from gateway.policy.store import PolicyStore
from gateway.ports import AUDIT_DOMAIN, KeyUse
from tests.integration.house import House, delivered, edit, tracing

DOMAIN = PseudonymDomain("police", "epidemic-tracing")
LATER = timedelta(days=1, minutes=5)


def end_today(house: House) -> date:
    """Let all that is beneath the control of the epidemic end with this day, and return it."""
    purposes = house.site.policies / "purposes.yaml"
    day = city_day(house.clock.now())
    purposes.write_text(purposes.read_text().replace("expires_on: 2036-12-31", f"expires_on: {day.isoformat()}"))
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems
    return day


def read(house: House) -> int:
    return sum(
        part.records.num_rows for part in delivered(pipeline.rows(house.ports, house.long_signed_in(), tracing()))
    )


def test_the_keys_of_a_purpose_end_with_it_and_a_certificate_says_so(house: House) -> None:
    day = end_today(house)
    assert read(house)
    assert DOMAIN in house.office.keys.domains()
    before = len(house.audit.records)
    assert all(one.purpose != DOMAIN.purpose for one in sunset(house.office))
    assert DOMAIN in house.office.keys.domains()

    house.clock.ahead = LATER
    written = {one.purpose: one for one in sunset(house.office)}
    certificate = written[DOMAIN.purpose]
    assert certificate.recipients == ("police",)
    assert certificate.ended_on == day
    assert DOMAIN not in house.office.keys.domains()
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        house.office.keys.working_key(DOMAIN, KeyUse.TOKEN_BLOCK, "resident-id")
    outcome = pipeline.rows(house.ports, house.long_signed_in(), tracing())
    assert isinstance(outcome, Refused)
    assert outcome.refusal.reason is ErrorReason.PURPOSE_EXPIRED
    # what was recorded stays, and nothing is done twice
    assert len(house.audit.records) == before + 1
    assert house.ports.audit.get(certificate.audit_index) is None
    assert sunset(house.office) == ()
    assert certificates(house.office, house.long_signed_in(), DOMAIN.purpose) == (certificate,)


class Failing:
    """A port that fails at the first calls of one method, as it does where the machine stops."""

    def __init__(self, port: object, method: str, times: int) -> None:
        self._port, self._method, self._times = port, method, times

    def __getattr__(self, name: str) -> Any:
        if name != self._method or not self._times:
            return getattr(self._port, name)
        self._times -= 1

        def stopped(*_: object) -> NoReturn:
            raise Fault(ErrorReason.KEYS_UNAVAILABLE)

        return stopped


@pytest.mark.parametrize("where", ["audit.note", "certificates.write"])
def test_a_round_after_one_that_stopped_certifies_what_that_one_destroyed(house: House, where: str) -> None:
    end_today(house)
    for recipient in ("police", "hzcdc"):
        house.office.keys.working_key(PseudonymDomain(recipient, DOMAIN.purpose), KeyUse.TOKEN_BLOCK, "resident-id")
    house.clock.ahead = LATER
    port, method = where.split(".")
    failing: dict[str, Any] = {port: Failing(getattr(house.office, port), method, times=99)}
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        sunset(replace(house.office, **failing))
    assert not house.office.keys.domains() and not house.office.certificates.of(DOMAIN.purpose)
    written = {one.purpose: one for one in sunset(house.office)}
    assert written[DOMAIN.purpose].recipients == ("hzcdc", "police")
    assert sunset(house.office) == ()


def test_a_purpose_is_certified_again_for_a_recipient_but_not_for_a_join_that_ended_after_it(house: House) -> None:
    end_today(house)
    house.clock.ahead = LATER
    sunset(house.office)
    house.office.keys.destroy(PseudonymDomain("join:0123", DOMAIN.purpose))
    assert sunset(house.office) == ()
    house.office.keys.destroy(PseudonymDomain("hzcdc", DOMAIN.purpose))
    (again,) = sunset(house.office)
    assert (again.purpose, again.recipients) == (DOMAIN.purpose, ("hzcdc",))
    assert sunset(house.office) == ()


def test_one_purpose_that_fails_keeps_no_other_from_ending(house: House) -> None:
    end_today(house)
    others = [PseudonymDomain("police", name) for name, _ in ended(house.ports.policy.current(), date(2999, 1, 1))]
    for domain in (DOMAIN, *others):
        house.office.keys.working_key(domain, KeyUse.TOKEN_BLOCK, "resident-id")
    house.clock.ahead = LATER
    ending = [name for name, _ in ended(house.ports.policy.current(), city_day(house.clock.now()))]
    assert len(ending) > 1
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        sunset(replace(house.office, keys=Failing(house.office.keys, "destroy", times=1)))
    assert [domain.purpose in ending for domain in house.office.keys.domains()].count(True) == 1


def test_a_purpose_with_the_name_of_the_gateway_s_own_domain_ends_and_leaves_it(house: House) -> None:
    keys = house.office.keys
    own = keys.working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, "person/resident-id")
    other = PseudonymDomain("police", AUDIT_DOMAIN.purpose)
    keys.working_key(other, KeyUse.TOKEN_BLOCK, "resident-id")
    day = end_today(house)
    purposes = house.ports.policy.current().purposes
    named = SimpleNamespace(
        ids=lambda: (AUDIT_DOMAIN.purpose, *purposes.ids()),
        get=lambda name: purposes.get(DOMAIN.purpose if name == AUDIT_DOMAIN.purpose else name),
    )
    policy = SimpleNamespace(current=lambda: SimpleNamespace(purposes=named, digest="sha256:" + 64 * "0"))
    house.clock.ahead = LATER
    written = {one.purpose: one for one in sunset(replace(house.office, policy=cast("PolicyStore", policy)))}
    assert written[AUDIT_DOMAIN.purpose].recipients == ("police",)
    assert written[DOMAIN.purpose].ended_on == day
    assert other not in keys.domains()
    assert keys.working_key(AUDIT_DOMAIN, KeyUse.MANIFEST, "person/resident-id") == own


def test_the_recipients_of_an_epoch_that_ends_with_its_purpose_are_named(house: House) -> None:
    end_today(house)
    daily = DOMAIN.at(Renewal.DAILY, city_day(house.clock.now()))
    house.office.keys.working_key(daily, KeyUse.TOKEN_BLOCK, "resident-id")
    house.clock.ahead = LATER
    sunset(house.office)
    assert house.office.certificates.of(DOMAIN.purpose)[0].recipients == ("police",)


def test_every_epoch_of_a_purpose_ends_with_it_also_those_that_nobody_asked_for(house: House) -> None:
    end_today(house)
    ring = house.office.keys
    coming, later = (str(house.clock.now().year + years) for years in (1, 6))  # this year may end any moment
    ring.working_key(PseudonymDomain("police", DOMAIN.purpose, coming), KeyUse.TOKEN_BLOCK, "resident-id")
    house.clock.ahead = LATER
    sunset(house.office)
    for epoch in ("", coming, later):
        with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
            ring.working_key(PseudonymDomain("police", DOMAIN.purpose, epoch), KeyUse.TOKEN_BLOCK, "resident-id")


@pytest.mark.usefixtures("small_batches")
def test_a_stream_under_way_ends_with_its_purpose(house: House) -> None:
    end_today(house)
    parts = iter(delivered(pipeline.rows(house.ports, house.long_signed_in(), tracing())))
    assert next(parts).records.num_rows
    house.clock.ahead = LATER
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)


def test_other_purposes_keep_their_keys(house: House) -> None:
    end_today(house)
    kept = PseudonymDomain("audit-bureau", "subsidy-audit")
    token = house.office.keys.working_key(kept, KeyUse.TOKEN_BLOCK, "resident-id")
    house.clock.ahead = LATER
    sunset(house.office)
    assert house.office.keys.working_key(kept, KeyUse.TOKEN_BLOCK, "resident-id") == token


def officers(policies: Path) -> None:
    """Give the data bureau's officer a key, so that the folder is one that can be proposed to."""
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    key = base64.b64encode(public).decode()
    edit(
        policies / "officers.yaml",
        'person: chen.jie, powers: [propose, publish, review], region: hangzhou, datasets: ["*"]',
        f'person: chen.jie, powers: [propose, publish, review], region: hangzhou, datasets: ["*"], key: "{key}"',
    )


def test_a_purpose_that_ended_is_not_opened_again(house: House) -> None:
    officers(house.site.policies)
    end_today(house)
    house.clock.ahead = LATER
    sunset(house.office)
    files = dict(house.ports.policy.current().files)
    day = city_day(house.clock.now() - LATER).isoformat().encode()
    files["purposes.yaml"] = files["purposes.yaml"].replace(b"expires_on: " + day, b"expires_on: 2036-12-31")
    outcome = life.propose(
        house.office, house.long_signed_in("data-bureau", "chen.jie"), files, "again", emergency=False
    )
    assert isinstance(outcome, Refusal)
    assert outcome.reason is ErrorReason.PURPOSE_ENDED_FOR_GOOD


def test_a_folder_that_opens_it_again_gets_no_pseudonyms(house: House) -> None:
    end_today(house)
    assert read(house)
    house.clock.ahead = LATER
    sunset(house.office)
    house.clock.ahead = timedelta(0)
    purposes = house.site.policies / "purposes.yaml"
    day = city_day(house.clock.now()).isoformat()
    purposes.write_text(purposes.read_text().replace(f"expires_on: {day}", "expires_on: 2036-12-31"))
    house.ports.policy.reload()
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        read(house)


def test_the_keys_of_an_epoch_go_with_it(house: House) -> None:
    keys, today = house.office.keys, city_day(house.clock.now())
    daily, yearly = (DOMAIN.at(how, today) for how in (Renewal.DAILY, Renewal.YEARLY))
    made = {domain: keys.working_key(domain, KeyUse.TOKEN_BLOCK, "plate") for domain in (daily, yearly)}
    assert len(set(made.values())) == 2
    sunset(house.office)
    assert keys.working_key(daily, KeyUse.TOKEN_BLOCK, "plate") == made[daily], "the day is not over"
    house.clock.ahead = LATER
    sunset(house.office)
    with pytest.raises(Fault, match="KEYS_UNAVAILABLE"):
        keys.working_key(daily, KeyUse.TOKEN_BLOCK, "plate")
    if yearly.epoch == str(city_day(house.clock.now()).year):
        assert keys.working_key(yearly, KeyUse.TOKEN_BLOCK, "plate") == made[yearly], "the year is not over"
