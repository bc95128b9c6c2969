"""Indicators and their figures, from model to proto."""

from __future__ import annotations

from gateway.api.v1 import indicator_service_pb2 as pb
from gateway.decision.indicators import Indicator
from gateway.lanes.indicators import Shown
from gateway.model.indicator import Figure
from gateway.server.wire.receipts import instant, receipt_of
from gateway.server.wire.values import value_of


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


def update_of(shown: Shown, delta: float) -> pb.IndicatorUpdate:
    """Write a version, or what has changed in it, as proto."""
    return pb.IndicatorUpdate(
        version=shown.kept.version,
        published_at=instant(shown.kept.published_at),
        data_version=shown.kept.data_version,
        whole=shown.whole,
        figures=map(_figure, shown.figures),
        receipt=receipt_of(shown.receipt, delta),
    )


def _figure(figure: Figure) -> pb.IndicatorFigure:
    return pb.IndicatorFigure(
        region=figure.region,
        keys=map(value_of, figure.keys),
        withheld=figure.values is None,
        values=map(value_of, figure.values or ()),
        as_of_version=max(0, figure.version),
    )
