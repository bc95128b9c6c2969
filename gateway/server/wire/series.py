"""Series and their days, from model to proto."""

from __future__ import annotations

from gateway.api.v1 import series_service_pb2 as pb
from gateway.lanes.series import Days, Standing
from gateway.model.measure import Currency
from gateway.model.signing import Certificate
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.continual.publishing import WHOLE
from gateway.server.wire.receipts import instant, loss_of, receipt_of
from gateway.server.wire.releases import measure_of
from gateway.server.wire.values import value_of


def series_message_of(standing: Standing, delta: float) -> pb.Series:
    """Write a series as proto."""
    series, opening = standing.series, standing.opening
    spec, settled, amount = series.spec, series.settled, float(series.price.amount)
    return pb.Series(
        dataset=standing.contract.dataset,
        disclosure=standing.disclosure,
        name=spec.name,
        description=spec.description,
        region=standing.region,
        statistics=spec.statistics,
        group_by=spec.group_by,
        advances_by=spec.advances_by,
        first_day=spec.first_day.isoformat(),
        last_day=spec.last_day.isoformat(),
        days=spec.days,
        days_per_unit=spec.days_per_unit,
        epsilon=amount if series.price.currency is Currency.EPSILON else 0,
        rho=amount if series.price.currency is Currency.RHO else 0,
        privacy_loss=loss_of(series.loss, delta),
        privacy_unit=standing.contract.privacy_unit.kind,
        strategy=settled.plan.strategy.value,
        measures=[measure_of(plan) for plan in settled.noise],
        cells=settled.query.cells,
        margins=[
            pb.SeriesMargin(column=_column(standing, one.statistic, one.span), margin_95=one.half_width)
            for one in standing.margins
        ],
        series_id=series.id,
        open=opening is not None,
        opened_at=None if opening is None else instant(opening.opened_at),
        days_closed=standing.closed,
        days_due=standing.due,
    )


def days_message_of(days: Days, delta: float) -> pb.GetSeriesResponse:
    """Write days of a series as proto."""
    standing, delivery = days.standing, days.delivery
    statistics = range(len(standing.series.spec.statistics))
    return pb.GetSeriesResponse(
        series=series_message_of(standing, delta),
        cells=[pb.SeriesCell(keys=[value_of(key) for key in keys]) for keys in delivery.cells],
        columns=[_column(standing, statistic, span) for statistic in statistics for span in days.spans],
        post_processing=[PostProcessing.RUNNING.value],
        days=[
            pb.SeriesDay(
                day=standing.series.spec.day(day.number).isoformat(),
                closed_at=instant(day.closed_at),
                data_version=day.data_version,
                figures=[
                    pb.SeriesFigures(values=one.values[place].tolist(), margin_95=float(one.margins[place]))
                    for one in delivery.published
                ],
            )
            for place, day in enumerate(delivery.days)
        ],
        next_day="" if days.following is None else days.following.isoformat(),
        receipt=receipt_of(delivery.receipt, delta),
        certificate=None if delivery.certificate is None else _certificate_of(delivery.certificate),
    )


def _certificate_of(signed: Certificate) -> pb.SeriesCertificate:
    return pb.SeriesCertificate(
        statement=signed.statement, signature=signed.signature.value, key_id=signed.signature.key_id
    )


def _column(standing: Standing, statistic: int, span: int) -> pb.SeriesColumn:
    name = standing.series.spec.statistics[statistic]
    words = " so far" if span == WHOLE else f" of {span} days" if span > 1 else ""
    return pb.SeriesColumn(name=f"{name}{words}", statistic=statistic, span=span)
