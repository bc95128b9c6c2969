"""Live indicators: exact figures of a region and all below it, as they stand and as they change."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import grpc

from gateway.api.v1 import indicator_service_pb2 as pb
from gateway.api.v1 import indicator_service_pb2_grpc, receipt_pb2
from gateway.client.calls import Caller
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.errors import from_call
from gateway.client.times import aware
from gateway.client.tls import Pems
from gateway.client.values import Scalar, from_value


@dataclass(frozen=True, slots=True)
class Figure:
    """What is shown of a region and a combination of keys: a value for each statistic, or None where it is withheld.

    `as_of_version` is the version in which a part of it was brought up to date last.
    """

    region: str
    keys: tuple[Scalar, ...]
    values: dict[str, Scalar] | None
    as_of_version: int


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator as it stands: all figures, by region and keys. `changed` are those that the last update brought.

    `about` says what it shows, and under which rule figures are withheld.
    """

    about: pb.Indicator = field(repr=False)
    version: int
    published_at: datetime
    data_version: str
    figures: dict[tuple[Scalar, ...], Figure] = field(repr=False)
    changed: tuple[Figure, ...] = field(repr=False)
    receipt: receipt_pb2.Receipt = field(repr=False)

    def value(self, region: str, *keys: Scalar, statistic: str = "") -> Scalar:
        """A figure's value, of its first statistic where none is named; None where it is withheld."""
        values = self.figures[region, *keys].values
        return None if values is None else values[statistic or self.about.statistics[0]]


class IndicatorCalls(Channel):
    """The calls of indicators."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._indicators = indicator_service_pb2_grpc.IndicatorServiceStub(self._channel)

    def read_indicator(
        self, dataset: str, disclosure: str, *, purpose: str, region: str = "", case_number: str = ""
    ) -> Indicator:
        """What is shown of an indicator now, in a region and all below it."""
        request = pb.ReadIndicatorRequest(
            context=context(purpose, region, case_number), dataset=dataset, disclosure=disclosure
        )
        answer = self._caller.retried(self._indicators.ReadIndicator, request)
        return _updated(answer.indicator, {}, answer.update, answer.update.figures)

    def watch_indicator(
        self, dataset: str, disclosure: str, *, purpose: str, region: str = "", case_number: str = ""
    ) -> Generator[Indicator, None, None]:
        """What is shown of an indicator now, and again whenever a figure has changed, until you stop to read.

        Whoever reads slowly gets the newest state and misses those between. Ends in an error where you may have it no
        longer (`PERMIT_REVOKED`, also when your token runs out) or the connection is gone: begin again then.
        """
        request = pb.WatchIndicatorRequest(
            context=context(purpose, region, case_number), dataset=dataset, disclosure=disclosure
        )
        about, figures = pb.Indicator(), dict[tuple[Scalar, ...], Figure]()
        begun: list[pb.IndicatorFigure] = []
        stream: Any = self._indicators.WatchIndicator(request, metadata=self._caller.metadata())
        try:
            for part in stream:
                match part.WhichOneof("part"):
                    case "indicator":
                        about = part.indicator
                    case "update":
                        begun.extend(part.update.figures)
                        if part.update.more:
                            continue
                        now = _updated(about, figures, part.update, begun)
                        figures, begun = now.figures, []
                        yield now
        except grpc.RpcError as error:
            raise self._caller.explain(from_call(error)) from error
        finally:
            stream.cancel()


def _updated(
    about: pb.Indicator,
    before: dict[tuple[Scalar, ...], Figure],
    update: pb.IndicatorUpdate,
    sent: Iterable[pb.IndicatorFigure],
) -> Indicator:
    changed = tuple(_figure(about, one) for one in sent)
    figures = {} if update.whole else before
    return Indicator(
        about=about,
        version=update.version,
        published_at=aware(update.published_at),
        data_version=update.data_version,
        figures=figures | {(one.region, *one.keys): one for one in changed},
        changed=changed,
        receipt=update.receipt,
    )


def _figure(about: pb.Indicator, figure: pb.IndicatorFigure) -> Figure:
    values = None if figure.withheld else dict(zip(about.statistics, map(from_value, figure.values), strict=True))
    return Figure(figure.region, tuple(map(from_value, figure.keys)), values, figure.as_of_version)
