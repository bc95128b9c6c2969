"""ConsentService: the keepers of a register record who agreed, and who withdrew."""

from __future__ import annotations

from gateway.administration import registers
from gateway.administration.desk import Office
from gateway.api.v1 import consent_service_pb2 as pb
from gateway.model.party import Peer
from gateway.server.method import Method, Reply
from gateway.server.outcome import answered
from gateway.server.problem import Problem
from gateway.server.wire.registers import consent_of, given


class Consents:
    """The handlers of ConsentService."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.methods = {
            "RecordConsents": Method(self.record),
            "WithdrawConsent": Method(self.withdraw),
            "ListConsents": Method(self.of_subject),
        }

    def record(self, peer: Peer, request: pb.RecordConsentsRequest) -> Reply | Problem:
        """Enter consents, all or none."""
        entries = [given(entry, f"consents[{number}]") for number, entry in enumerate(request.consents)]
        found = registers.record_consents(self._office, peer, request.register, entries)
        return answered(found, lambda some: pb.RecordConsentsResponse(consents=map(consent_of, some)))

    def withdraw(self, peer: Peer, request: pb.WithdrawConsentRequest) -> Reply | Problem:
        """Withdraw a consent."""
        found = registers.withdraw_consent(self._office, peer, request.register, request.consent_id)
        return answered(found, lambda one: pb.WithdrawConsentResponse(consent=consent_of(one)))

    def of_subject(self, peer: Peer, request: pb.ListConsentsRequest) -> Reply | Problem:
        """All that a subject agreed to."""
        found = registers.consents_of(self._office, peer, request.register, request.subject)
        return answered(found, lambda some: pb.ListConsentsResponse(consents=map(consent_of, some)))
