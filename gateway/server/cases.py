"""CaseService: the keepers of a register open and close cases."""

from __future__ import annotations

from gateway.administration import registers
from gateway.administration.desk import Office
from gateway.api.v1 import case_service_pb2 as pb
from gateway.model.party import Peer
from gateway.server.method import Method, Reply
from gateway.server.outcome import answered
from gateway.server.problem import Problem, told
from gateway.server.wire.registers import case_of, day


class Cases:
    """The handlers of CaseService."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.methods = {"OpenCase": Method(self.open), "CloseCase": Method(self.close)}

    def open(self, peer: Peer, request: pb.OpenCaseRequest) -> Reply | Problem:
        """Open a case."""
        ends_on = day(request.ends_on, "ends_on")
        found = registers.open_case(self._office, peer, request.register, request.number, request.institution, ends_on)
        return answered(found, lambda one: pb.OpenCaseResponse(case=case_of(one)))

    def close(self, peer: Peer, request: pb.CloseCaseRequest) -> Reply | Problem:
        """Close a case."""
        refusal = registers.close_case(self._office, peer, request.register, request.number, request.institution)
        return Reply(pb.CloseCaseResponse()) if refusal is None else told(refusal)
