"""The register of request ids, in the state database."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from gateway.adapters.state_engine import StateDatabase, faulting
from gateway.adapters.state_schema import requests
from gateway.kernels.digest import digest_of
from gateway.model.errors import ErrorReason
from gateway.ports import Clock


class SqlRequestRegister:
    """A `RequestRegister`. It keeps digests of ids and bodies, and neither themselves."""

    def __init__(self, database: StateDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def bind(self, institution: str, person: str, request_id: str, body_digest: bytes) -> bool:
        """Bind the id durably; return False if this caller had bound it to another body.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        with faulting(ErrorReason.LEDGER_UNAVAILABLE):
            caller = digest_of(institution, person, request_id)
            with self._database.reading() as connection:
                bound = _bound(connection, caller)
            if bound is None:
                with self._database.writing() as connection:
                    bound = _bound(connection, caller)
                    if bound is None:
                        connection.execute(
                            insert(requests).values(
                                caller_digest=caller, body_digest=body_digest, bound_at=self._clock.now()
                            )
                        )
                        bound = body_digest
            return bound == body_digest


def _bound(connection: Connection, caller: bytes) -> bytes | None:
    digest: bytes | None = connection.execute(
        select(requests.c.body_digest).where(requests.c.caller_digest == caller)
    ).scalar()
    return digest
