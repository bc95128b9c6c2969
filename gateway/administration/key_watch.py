"""What is done to the key file by commands, without a gateway, is in the audit log as soon as a gateway sees it."""

from __future__ import annotations

from gateway.administration.desk import GATEWAY, Office
from gateway.model.event import Event, EventKind
from gateway.ports import KeysState


class KeyWatch:
    """Notes the state of the keys when it first looks, and at each look at which they are others than before."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._noted: KeysState | None = None

    def look(self) -> None:
        """Look, and note what changed; what could not be noted is noted by the next call.

        Raises:
            Fault: KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE.
        """
        found = self._office.keys.state()
        if found == self._noted:
            return
        about = {
            "digest": found.digest,
            "versions": ",".join(map(str, found.versions)),
            "domains": str(found.domains),
            "destroyed": str(found.destroyed),
            "epochs_before": found.epochs_before,
            "back_ups": str(found.back_ups),
            "escrows": str(found.escrows),
        }
        self._office.audit.note(Event(EventKind.KEYS_CHANGED, self._office.clock.now(), GATEWAY, about))
        self._noted = found
