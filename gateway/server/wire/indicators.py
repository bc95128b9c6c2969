"""Indicators and their figures, from model to proto."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.api.v1 import indicator_service_pb2 as pb
from gateway.decision.indicators import Indicator
from gateway.lanes.indicators import Shown
from gateway.model.indicator import Figure
from gateway.server.wire.receipts import instant, receipt_of
from gateway.server.wire.values import value_of

MOST_BYTES = 3 << 20
"""Of figures in one message: what most clients take is 4 MiB."""

_FRAME = 16
"""More than tag and length of a figure take."""


def indicator_message_of(indicator: Indicator, disclosure: str, region: str) -> pb.Indicator:
    """Write what an indicator shows as proto."""
    spec, contract = indicator.spec, indicator.contract
    declared = contract.disclosures[disclosure]
    return pb.Indicator(
        dataset=contract.dataset,
        disclosure=disclosure,
        description=declared.description,
        region=region,
        level=spec.level.value,
        statistics=spec.statistics,
        group_by=spec.group_by,
        privacy_unit=contract.privacy_unit.kind,
        least_units=spec.least_units,
        dominance_percent=spec.dominance_percent,
        refresh_seconds=spec.refresh_seconds,
        noise_waived=declared.waive_noise,
    )


def updates_of(shown: Shown, delta: float, most_bytes: int) -> Iterator[pb.IndicatorUpdate]:
    """Write a version, or what has changed in it, as proto: in one message, or in as many as it takes."""
    empty = pb.IndicatorUpdate(
        version=shown.kept.version,
        published_at=instant(shown.kept.published_at),
        data_version=shown.kept.data_version,
        whole=shown.whole,
        receipt=receipt_of(shown.receipt, delta),
    )
    room = most_bytes - empty.ByteSize() - _FRAME
    figures: list[pb.IndicatorFigure] = []
    taken = 0
    for figure in map(_figure, shown.figures):
        size = figure.ByteSize() + _FRAME
        if figures and taken + size > room:
            yield _filled(empty, figures, more=True)
            figures, taken = [], 0
        figures.append(figure)
        taken += size
    yield _filled(empty, figures, more=False)


def _filled(empty: pb.IndicatorUpdate, figures: list[pb.IndicatorFigure], *, more: bool) -> pb.IndicatorUpdate:
    update = pb.IndicatorUpdate(figures=figures, more=more)
    update.MergeFrom(empty)
    return update


def _figure(figure: Figure) -> pb.IndicatorFigure:
    return pb.IndicatorFigure(
        region=figure.region,
        keys=map(value_of, figure.keys),
        withheld=figure.values is None,
        values=map(value_of, figure.values or ()),
        as_of_version=max(0, figure.version),
    )
