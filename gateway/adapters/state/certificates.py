"""Certificates of purposes that ended, in the state database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func, insert, select

from gateway.accountability import jcs
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.policies import certificates
from gateway.model.certificate import SunsetCertificate
from gateway.model.errors import ErrorReason

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE


class SqlCertificates:
    """`Certificates`."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def write(self, certificate: SunsetCertificate) -> None:
        """Write a certificate durably; one that is written already is not written twice.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE):
            recipients = jcs.encode(certificate.recipients).decode()
            with self._database.writing() as connection:
                if certificate in map(_certificate, connection.execute(_of(certificate.purpose))):
                    return
                last = connection.execute(select(func.max(certificates.c.number))).scalar()
                connection.execute(
                    insert(certificates).values(
                        number=0 if last is None else last + 1,
                        purpose=certificate.purpose,
                        ended_on=certificate.ended_on,
                        destroyed_at=certificate.destroyed_at,
                        recipients=recipients,
                        policy_digest=certificate.policy_digest,
                        audit_index=certificate.audit_index,
                    )
                )

    def of(self, purpose: str) -> tuple[SunsetCertificate, ...]:
        """Return the certificates of a purpose, oldest first; of every purpose for "".

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return tuple(_certificate(row) for row in connection.execute(_of(purpose)))


def _of(purpose: str) -> Select[Any]:
    every = select(certificates).order_by(certificates.c.number)
    return every.where(certificates.c.purpose == purpose) if purpose else every


def _certificate(row: Row[Any]) -> SunsetCertificate:
    recipients = jcs.decode(row.recipients.encode())
    if not isinstance(recipients, list):
        raise ValueError("recipients are a list")
    return SunsetCertificate(
        purpose=row.purpose,
        ended_on=row.ended_on,
        destroyed_at=row.destroyed_at,
        recipients=tuple(str(recipient) for recipient in recipients),
        policy_digest=row.policy_digest,
        audit_index=row.audit_index,
    )
