"""The statement of an answer from a series: what it is made of, and the digest of the figures that it shows.

Figures follow from nodes that were noised and stored once, so that the same days always show the same. They are bound
as they are shown: whoever reads them needs no least squares to tell whether they are the gateway's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.accountability import jcs
from gateway.accountability.certificates.origin import origin
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import write_double, write_fraction, write_instant, write_scalar
from gateway.accountability.particulars import write_attribution, write_loss
from gateway.accountability.release import write_plan
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import NoisePlan, Price
from gateway.model.permit import Permit
from gateway.model.series import ClosedDay, SeriesSpec
from gateway.model.values import Scalar

KIND = "purpose-gateway series certificate 1"


@dataclass(frozen=True, slots=True)
class Measured:
    """A series as it was settled. `nodes` names the table of what is measured on which day, `strategy` what it is."""

    id: str
    spec: SeriesSpec
    price: Price
    nodes: str
    strategy: str
    noise: Sequence[NoisePlan]
    max_groups: int
    cells: int
    loss: PrivacyLoss


@dataclass(frozen=True, slots=True)
class Column:
    """The values (days, cells) of a statistic over a span, and the margin of each day. Span 0 is all days so far."""

    statistic: int
    span: int
    values: Sequence[Sequence[float]]
    margins: Sequence[float]


def figures(
    spec: SeriesSpec, days: Sequence[ClosedDay], cells: Sequence[Sequence[Scalar]], columns: Sequence[Column]
) -> bytes:
    """Return the canonical bytes of what an answer shows: the days, the keys of the cells, values and margins."""
    written: list[Json] = [
        {
            "day": spec.day(day.number).isoformat(),
            "closed_at": write_instant(day.closed_at),
            "data_version": day.data_version,
            "figures": [
                {
                    "values": [write_double(value) for value in column.values[place]],
                    "margin_95": write_double(column.margins[place]),
                }
                for column in columns
            ],
        }
        for place, day in enumerate(days)
    ]
    keys: list[Json] = [[write_scalar(key) for key in cell] for cell in cells]
    named: list[Json] = [{"statistic": column.statistic, "span": column.span} for column in columns]
    return jcs.encode({"cells": keys, "columns": named, "days": written})


def series_statement(measured: Measured, shown: bytes, permit: Permit) -> bytes:
    """Return what is to be signed of an answer that shows these figures of a series: RFC 8785 JSON."""
    spec, scope = measured.spec, permit.scope
    contract = scope.contract
    body: dict[str, Json] = {
        **origin(permit),
        "kind": KIND,
        "id": measured.id,
        "dataset": contract.dataset,
        "disclosure": scope.disclosure.name,
        "name": spec.name,
        "description": spec.description,
        "region": scope.region,
        "unit_kind": contract.privacy_unit.kind,
        "statistics": list(spec.statistics),
        "group_by": list(spec.group_by),
        "advances_by": spec.advances_by,
        "first_day": spec.first_day.isoformat(),
        "last_day": spec.last_day.isoformat(),
        "days": spec.days,
        "days_per_unit": spec.days_per_unit,
        "price": {"currency": measured.price.currency.value, "amount": write_fraction(measured.price.amount)},
        "nodes": measured.nodes,
        "strategy": measured.strategy,
        "measures": [{"name": str(plan.measure), **write_plan(plan)} for plan in measured.noise],
        "max_groups": measured.max_groups,
        "cells": measured.cells,
        "loss": write_loss(measured.loss),
        "figures_sha256": hashlib.sha256(shown).hexdigest(),
    }
    if contract.attribution is not None:
        body["attribution"] = write_attribution(contract.attribution)
    return jcs.encode(body)
