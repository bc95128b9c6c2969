"""Holding days of a series as they are shown against their certificate, part by part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from gateway.api.v1 import series_service_pb2
from gateway.client.certificates import SeriesCertificate, SigningKey, canonical
from gateway.client.certified import shown_measure, stated_measure, tells, written_loss
from gateway.client.errors import CertificateMismatch
from gateway.client.recomputed import same
from gateway.client.values import written

_RUNNING = "weighted sums of values that were noised once, each on its day"
_NAMED = (
    "dataset",
    "disclosure",
    "name",
    "description",
    "region",
    "advances_by",
    "first_day",
    "last_day",
    "days",
    "days_per_unit",
    "strategy",
    "cells",
)


def certificate_of(part: series_service_pb2.GetSeriesResponse) -> SeriesCertificate | None:
    """Return what the gateway signed of an answer, with the figures that the answer shows; None of no day."""
    if not part.HasField("certificate"):
        return None
    signed = part.certificate
    return SeriesCertificate(signed.statement, signed.signature, signed.key_id, _figures(part))


def verify_days(part: series_service_pb2.GetSeriesResponse, keys: Iterable[SigningKey]) -> None:
    """Verify the certificate of an answer, and hold all that it shows of the series and its days against it.

    Raises:
        CertificateMismatch: naming the first part that differs; `certificate` where days have none.
    """
    certificate = certificate_of(part)
    if certificate is None:
        same("certificate", not part.days)
        return
    certificate.verify(keys)
    _hold(part, certificate.says)


def _hold(part: series_service_pb2.GetSeriesResponse, says: Mapping[str, Any]) -> None:
    shown, loss = part.series, part.series.privacy_loss
    for name in _NAMED:
        same(name, says.get(name) == getattr(shown, name))
    same("id", says["id"] == shown.series_id)
    same("unit_kind", says["unit_kind"] == shown.privacy_unit)
    for name, texts in (("statistics", shown.statistics), ("group_by", shown.group_by)):
        same(name, says[name] == [*texts])
    paid = {"epsilon": 0.0, "rho": 0.0, says["price"]["currency"]: float(Fraction(says["price"]["amount"]))}
    same("price", paid == {"epsilon": shown.epsilon, "rho": shown.rho})
    same("loss", says["loss"] == written_loss(loss.rho, loss.epsilon, loss.spent_delta) and tells(loss))
    same("measures", [*map(shown_measure, shown.measures)] == [*map(stated_measure, says["measures"])])
    names = [_name(says["statistics"], one) for one in part.columns]
    same("columns", [one.name for one in part.columns] == names)
    same("post_processing", [*part.post_processing] == [_RUNNING])


def _name(statistics: list[str], column: series_service_pb2.SeriesColumn) -> str:
    if column.statistic >= len(statistics):
        raise CertificateMismatch("columns")
    words = "" if column.span == 1 else f" of {column.span} days" if column.span else " so far"
    return f"{statistics[column.statistic]}{words}"


def _figures(part: series_service_pb2.GetSeriesResponse) -> bytes:
    """What an answer shows of its days, in the form that is signed."""
    return canonical(
        {
            "cells": [[written(key) for key in cell.keys] for cell in part.cells],
            "columns": [{"statistic": one.statistic, "span": one.span} for one in part.columns],
            "days": [
                {
                    "day": one.day,
                    "closed_at": one.closed_at.ToDatetime().isoformat(timespec="microseconds") + "Z",
                    "data_version": one.data_version,
                    "figures": [
                        {"values": [value.hex() for value in figures.values], "margin_95": figures.margin_95.hex()}
                        for figures in one.figures
                    ],
                }
                for one in part.days
            ],
        }
    )
