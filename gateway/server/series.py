"""SeriesService: statistics that are published day after day, for one price."""

from __future__ import annotations

from datetime import date

from gateway.api.v1 import series_service_pb2 as pb
from gateway.lanes import series
from gateway.model.errors import ErrorReason
from gateway.model.measure import Currency
from gateway.model.party import Peer
from gateway.pipeline import Refused
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Reply
from gateway.server.problem import NotWellFormed, Problem
from gateway.server.wire.plans import exact_price
from gateway.server.wire.receipts import receipt_of
from gateway.server.wire.requests import context_of
from gateway.server.wire.series import days_message_of, series_message_of


class SeriesDesk:
    """The handlers of SeriesService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {
            "ListSeries": Method(self.list_series),
            "OpenSeries": Method(self.open_series),
            "GetSeries": Method(self.get_series, release=True),
        }

    def list_series(self, peer: Peer, request: pb.ListSeriesRequest) -> Reply | Problem:
        """What may be had."""
        found = series.list_series(self._desk.ports, peer, context_of(request), request.dataset)
        if isinstance(found, Refused):
            return refused(found)
        return Reply(pb.ListSeriesResponse(series=[series_message_of(one, self._desk.delta) for one in found]))

    def open_series(self, peer: Peer, request: pb.OpenSeriesRequest) -> Reply | Problem:
        """Charge a series."""
        in_rho = request.WhichOneof("price") == "rho"
        price = exact_price(Currency.RHO, request.rho) if in_rho else exact_price(Currency.EPSILON, request.epsilon)
        outcome = series.open_series(self._desk.ports, peer, context_of(request), _named(request), price)
        if isinstance(outcome, Refused):
            return refused(outcome)
        delta = self._desk.delta
        return Reply(
            pb.OpenSeriesResponse(
                series=series_message_of(outcome.standing, delta),
                receipt=receipt_of(outcome.receipt, delta),
                charged=outcome.paid,
            )
        )

    def get_series(self, peer: Peer, request: pb.GetSeriesRequest) -> Reply | Problem:
        """Days of a series."""
        first, last = _day(request.first_day, "first_day"), _day(request.last_day, "last_day")
        spans = tuple(dict.fromkeys(request.spans))
        outcome = series.get_series(self._desk.ports, peer, context_of(request), _named(request), first, last, spans)
        if isinstance(outcome, Refused):
            return refused(outcome)
        return Reply(days_message_of(outcome, self._desk.delta))


def _named(request: pb.OpenSeriesRequest | pb.GetSeriesRequest) -> series.Named:
    return series.Named(request.dataset, request.disclosure, request.series)


def _day(written: str, path: str) -> date | None:
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, path, "must be a day of the calendar, as 2026-11-22") from None
