"""Sunset: when a purpose has ended, its pseudonym keys are destroyed and a certificate says so. The audit log stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gateway.administration.desk import GATEWAY, Office
from gateway.model.calendar import city_day
from gateway.model.certificate import SunsetCertificate
from gateway.model.event import Event, EventKind
from gateway.model.pseudonym import PseudonymDomain
from gateway.policy.snapshot import PolicySnapshot


def sunset(office: Office) -> tuple[SunsetCertificate, ...]:
    """Destroy the keys of every purpose that has ended, and return the certificates written by that.

    The keys of epochs that are over go too: a token that was renewed links with none of its followers from then on.
    Reads stop and streams end by the permits themselves; see `decision.judge`. To call it again changes nothing.

    Raises:
        Fault: KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE, REGISTER_UNAVAILABLE; what was not done is done by the next call.
    """
    policy, now = office.policy.current(), office.clock.now()
    office.keys.expire_epochs(city_day(now))
    done = {certificate.purpose for certificate in office.certificates.of("")}
    domains = office.keys.domains()
    written: list[SunsetCertificate] = []
    for name, last_day in ended(policy, city_day(now)):
        doomed = [domain for domain in domains if domain.purpose == name]
        if not doomed and name in done:
            continue
        recipients = tuple(sorted({domain.recipient for domain in doomed}))
        for recipient in recipients:
            # without an epoch: all of them, also those that nobody asked for yet
            office.keys.destroy(PseudonymDomain(recipient, name))
        about = {"purpose": name, "ended_on": last_day.isoformat(), "domains": str(len(doomed))}
        entry = office.audit.note(Event(EventKind.KEYS_DESTROYED, now, GATEWAY, about))
        certificate = SunsetCertificate(name, last_day, now, recipients, policy.digest, entry.index)
        office.certificates.write(certificate)
        written.append(certificate)
    return tuple(written)


def ended(policy: PolicySnapshot, today: date) -> Iterator[tuple[str, date]]:
    """Yield the purposes of a policy that have ended, each with its last day."""
    for name in policy.purposes.ids():
        purpose = policy.purposes.get(name)
        if purpose is not None and purpose.expires_on is not None and purpose.expires_on < today:
            yield name, purpose.expires_on
