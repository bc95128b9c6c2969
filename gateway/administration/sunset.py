"""Sunset: when a purpose has ended, its pseudonym keys are destroyed and a certificate says so. The audit log stays."""

from __future__ import annotations

from gateway.administration.desk import Office
from gateway.model.calendar import city_day
from gateway.model.certificate import SunsetCertificate
from gateway.model.event import Event, EventKind

_GATEWAY = "purpose-gateway"


def sunset(office: Office) -> tuple[SunsetCertificate, ...]:
    """Destroy the keys of every purpose that has ended, and return the certificates written by that.

    Reads stop and streams end by the permits themselves; see `decision.judge`. To call it again changes nothing.

    Raises:
        Fault: KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE, REGISTER_UNAVAILABLE; what was not done is done by the next call.
    """
    policy, now = office.policy.current(), office.clock.now()
    today = city_day(now)
    done = {certificate.purpose for certificate in office.certificates.of("")}
    domains = office.keys.domains()
    written: list[SunsetCertificate] = []
    for name in policy.purposes.ids():
        purpose = policy.purposes.get(name)
        if purpose is None or purpose.expires_on is None or purpose.expires_on >= today:
            continue
        doomed = [domain for domain in domains if domain.purpose == name]
        if not doomed and name in done:
            continue
        for domain in doomed:
            office.keys.destroy(domain)
        recipients = tuple(sorted({domain.recipient for domain in doomed}))
        about = {"purpose": name, "ended_on": purpose.expires_on.isoformat(), "domains": str(len(doomed))}
        entry = office.audit.note(Event(EventKind.KEYS_DESTROYED, now, _GATEWAY, about))
        certificate = SunsetCertificate(name, purpose.expires_on, now, recipients, policy.digest, entry.index)
        office.certificates.write(certificate)
        written.append(certificate)
    return tuple(written)
