"""OversightService: what was done in emergencies, and by an institution."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from gateway.administration import registers, study
from gateway.administration.desk import Office
from gateway.api.v1 import oversight_service_pb2 as pb
from gateway.model.emergency import Emergency
from gateway.model.errors import ErrorReason
from gateway.model.party import Peer
from gateway.server.method import Method, Reply
from gateway.server.outcome import answered
from gateway.server.problem import NotWellFormed, Problem
from gateway.server.wire.registers import emergency_of, moment, report_of, verdict

_LONGEST = timedelta(days=366)


class Oversight:
    """The handlers of OversightService."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.methods = {
            "ListEmergencies": Method(self.emergencies),
            "ReviewEmergency": Method(self.review),
            "GetReport": Method(self.report),
        }

    def emergencies(self, peer: Peer, _: pb.ListEmergenciesRequest) -> Reply | Problem:
        """The broken glasses that wait for a review."""
        found = registers.unreviewed_emergencies(self._office, peer)
        return answered(found, _listed)

    def review(self, peer: Peer, request: pb.ReviewEmergencyRequest) -> Reply | Problem:
        """Enter the review of a broken glass."""
        found = registers.review_emergency(self._office, peer, request.emergency_id, verdict(request.verdict))
        return answered(found, lambda one: pb.ReviewEmergencyResponse(emergency=emergency_of(one, why=True)))

    def report(self, peer: Peer, request: pb.GetReportRequest) -> Reply | Problem:
        """What an institution did with data in a period."""
        start, end = moment(request.start, "start"), moment(request.end, "end")
        if not start < end <= start + _LONGEST:
            raise NotWellFormed(ErrorReason.REQUEST_INVALID, "end", "must lie after the start, by at most 366 days")
        found = study.report(self._office, peer, request.institution, start, end)
        return answered(found, lambda one: pb.GetReportResponse(report=report_of(one)))


def _listed(found: Iterable[Emergency]) -> pb.ListEmergenciesResponse:
    return pb.ListEmergenciesResponse(emergencies=[emergency_of(one, why=True) for one in found])
