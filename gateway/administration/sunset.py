"""Sunset: when a purpose has ended, its pseudonym keys are destroyed and a certificate says so. The audit log stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from gateway.administration.desk import GATEWAY, Office
from gateway.model.calendar import city_day
from gateway.model.certificate import SunsetCertificate
from gateway.model.errors import Fault
from gateway.model.event import Event, EventKind
from gateway.model.linking import join_of
from gateway.model.pseudonym import PseudonymDomain
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import AUDIT_DOMAIN


def sunset(office: Office) -> tuple[SunsetCertificate, ...]:
    """Destroy the keys of every purpose that has ended, and return the certificates written by that.

    The keys of epochs that are over go too: a token that was renewed links with none of its followers from then on.
    Reads stop and streams end by the permits themselves; see `decision.judge`. To call it again changes nothing.

    Raises:
        Fault: KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE, REGISTER_UNAVAILABLE; what was not done is done by the next call.
            One purpose that fails keeps no other from ending.
    """
    policy, now = office.policy.current(), office.clock.now()
    written: list[SunsetCertificate] = []
    failed: list[Fault] = []
    for name, last_day in ended(policy, city_day(now)):
        try:
            written += _end(office, name, last_day, policy.digest, now)
        except Fault as fault:
            failed.append(fault)
    # last, so that the recipients of a purpose whose last epoch ends with it are still known
    office.keys.expire_epochs(city_day(now))
    if failed:
        raise failed[0]
    return tuple(written)


def _end(office: Office, name: str, last_day: date, digest: str, now: datetime) -> Iterator[SunsetCertificate]:
    """Destroy a purpose's keys, and certify those that no certificate names: none, one, at the most."""
    before = office.certificates.of(name)
    certified = {recipient for certificate in before for recipient in certificate.recipients}
    doomed = {domain.recipient for domain in office.keys.domains() if _ends(domain, name)}
    # who died after destroying left tombstones that no certificate names; those of joins are certified with the joins
    stones = {one.recipient for one in office.keys.destroyed() if one.purpose == name and join_of(one) is None}
    recipients = tuple(sorted(doomed | stones - certified))
    if before and not recipients:
        return
    for recipient in recipients:
        # without an epoch: all of them, also those that nobody asked for yet
        office.keys.destroy(PseudonymDomain(recipient, name))
    about = {"purpose": name, "ended_on": last_day.isoformat(), "domains": str(len(recipients))}
    entry = office.audit.note(Event(EventKind.KEYS_DESTROYED, now, GATEWAY, about))
    certificate = SunsetCertificate(name, last_day, now, recipients, digest, entry.index)
    office.certificates.write(certificate)
    yield certificate


def _ends(domain: PseudonymDomain, name: str) -> bool:
    """Tell whether a domain ends with a purpose. The gateway's own never does, whatever officers call a purpose."""
    return domain.purpose == name and PseudonymDomain(domain.recipient, name) != AUDIT_DOMAIN


def ended(policy: PolicySnapshot, today: date) -> Iterator[tuple[str, date]]:
    """Yield the purposes of a policy that have ended, each with its last day."""
    for name in policy.purposes.ids():
        purpose = policy.purposes.get(name)
        if purpose is not None and purpose.expires_on is not None and purpose.expires_on < today:
            yield name, purpose.expires_on
