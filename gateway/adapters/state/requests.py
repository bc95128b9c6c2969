"""The register of request ids, in the state database."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.sqlite import insert

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.requests import requests
from gateway.kernels.digest import digest_of
from gateway.model.errors import ErrorReason
from gateway.ports import Clock

# made once: to write a statement out costs more than to run it
_BOUND = select(requests.c.body_digest).where(requests.c.caller_digest == bindparam("caller"))
_BIND = insert(requests).on_conflict_do_nothing(index_elements=[requests.c.caller_digest])


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
            given = {"caller_digest": caller, "body_digest": body_digest, "bound_at": self._clock.now()}
            with self._database.writing() as connection:
                if connection.execute(_BIND, given).rowcount == 1:
                    return True
                bound: bytes | None = connection.execute(_BOUND, {"caller": caller}).scalar()
            return bound == body_digest
