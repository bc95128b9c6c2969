"""The end of a purpose: reads stop, streams end, keys are destroyed, a certificate is written, the log stays."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import pipeline
from gateway.administration import life
from gateway.administration.study import certificates
from gateway.administration.sunset import sunset
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Refusal
from gateway.model.pseudonym import PseudonymDomain, Renewal
from gateway.pipeline import Refused
from gateway.ports import KeyUse
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


def test_every_epoch_of_a_purpose_ends_with_it_also_those_that_nobody_asked_for(house: House) -> None:
    end_today(house)
    ring = house.office.keys
    ring.working_key(PseudonymDomain("police", DOMAIN.purpose, "2026"), KeyUse.TOKEN_BLOCK, "resident-id")
    house.clock.ahead = LATER
    sunset(house.office)
    for epoch in ("", "2026", "2031"):
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
