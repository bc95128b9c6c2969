"""The register of request ids, in the state database."""

from __future__ import annotations

from sqlalchemy import bindparam, insert, select

from gateway.adapters.state_engine import StateDatabase, faulting
from gateway.adapters.state_schema import requests
from gateway.kernels.digest import digest_of
from gateway.model.errors import ErrorReason
from gateway.ports import Clock

# made once: to write a statement out costs more than to run it
_BOUND = select(requests.c.body_digest).where(requests.c.caller_digest == bindparam("caller"))
_BIND = insert(requests)


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
            with self._database.writing() as connection:
                bound: bytes | None = connection.execute(_BOUND, {"caller": caller}).scalar()
                if bound is None:
                    given = {"caller_digest": caller, "body_digest": body_digest, "bound_at": self._clock.now()}
                    connection.execute(_BIND, given)
                    bound = body_digest
            return bound == body_digest
