"""Releases as the gateway makes, signs, shows and writes them, of made up values: for tests of what verifying holds."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import product
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import gateway.client as gw
from gateway.accountability.certificates.release import release_statement
from gateway.api.v1 import receipt_pb2, release_pb2
from gateway.model.attribution import Attribution
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegionTree, Grouping, Period
from gateway.model.measure import Currency, MeasureKind, Price
from gateway.model.region import RegionLevel
from gateway.model.signing import Certificate, Signature
from gateway.model.statistics import (
    PLAIN,
    NoisedMeasure,
    Presentation,
    Release,
    Statistic,
    StatisticKind,
    StatisticsQuery,
)
from gateway.model.values import FieldType, Scalar
from gateway.pipeline import ReleaseDelivery
from gateway.privacy.answers.quantiles import BinTree
from gateway.privacy.binding import Unbound, bind
from gateway.privacy.coverage import covered
from gateway.privacy.presenting import present
from gateway.privacy.pricing import settle
from gateway.server.wire.releases import release_message_of
from tests.unit.privacy.example import CONTRACT, DISCLOSURE, permit_for, request_for, with_found_keys

COUNT = Statistic(StatisticKind.COUNT, None, (), 2)
UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
SUM = Statistic(StatisticKind.SUM, "wage", (), 4)
MEAN = Statistic(StatisticKind.MEAN, "amount")
VARIANCE = Statistic(StatisticKind.VARIANCE, "amount")
QUANTILES = Statistic(StatisticKind.QUANTILES, "amount", (Fraction(1, 2), Fraction(9, 10)))
EVERY = (COUNT, SUM, MEAN, VARIANCE, QUANTILES)

KEYS: tuple[Grouping, ...] = (ByKeys("sector"),)
BINS: tuple[Grouping, ...] = (ByBins("amount", Fraction(125)),)
MONTHS: tuple[Grouping, ...] = (ByPeriod("day", Period.MONTH, date(2026, 9, 3), date(2026, 11, 20)),)
TREE: tuple[Grouping, ...] = (ByRegionTree("place", RegionLevel.DISTRICT),)
FOUND: tuple[Grouping, ...] = (ByFoundKeys("badge"),)

SECTORS = (Condition("sector", Operator.IN, ("a", "b")),)
RHO, EPSILON = Price(Currency.RHO, Fraction(1, 10)), Price(Currency.EPSILON, Fraction(1, 2))

_PLACES = {RegionLevel.CITY: ("hangzhou",), RegionLevel.DISTRICT: ("hangzhou/xihu", "hangzhou/gongshu")}
_TEXT = replace(CONTRACT.fields["sector"], keys=None)
_CONTRACT = replace(
    CONTRACT,
    fields={
        **CONTRACT.fields,
        # a sum with two decimals, in steps of which it is noised
        "wage": replace(CONTRACT.fields["wage"], type=FieldType.DOUBLE, decimals=2),
        "place": replace(_TEXT, name="place", regions=True),
        "badge": replace(_TEXT, name="badge"),
    },
)
_ATTRIBUTION = Attribution("Subsidies", "City", "CC-BY-4.0", "City (2026)", "10.5072/subsidies")


@dataclass(frozen=True)
class Shown:
    """A release as the client has it, and the keys that it is verified with."""

    release: gw.Release
    keys: tuple[gw.SigningKey, ...]

    def verify(self, message: release_pb2.Release | None = None) -> tuple[str, ...]:
        """Verify it, or another message in its place."""
        return replace(self.release, message=message or self.release.message).verify(self.keys)

    def copy(self) -> release_pb2.Release:
        """Its message, to be forged."""
        message = release_pb2.Release()
        message.CopyFrom(self.release.message)
        return message


def shown(
    statistics: tuple[Statistic, ...],
    group_by: tuple[Grouping, ...] = KEYS,
    presentation: Presentation = PLAIN,
    price: Price = RHO,
    asked: StatisticsQuery | None = None,
    attribution: Attribution = _ATTRIBUTION,
) -> Shown:
    """Make a release of these statistics; `asked` is the plan that it is shown for, where that is another."""
    stated = DISCLOSURE.statistics
    assert stated is not None
    fields = replace(stated, group_by=(*stated.group_by, "place", "badge"), values=("amount", "wage"))
    disclosure = replace(DISCLOSURE, statistics=fields)
    if group_by == FOUND:
        disclosure = with_found_keys(disclosure, ("badge",), "0.000001")
    query = StatisticsQuery(SECTORS, group_by, statistics)
    bound = bind(query, _CONTRACT, disclosure, lambda level: _PLACES.get(level, ()))
    assert not isinstance(bound, Unbound), bound
    settled = settle(bound, statistics, price, _CONTRACT)
    assert settled is not None
    permit = permit_for(StatisticsQuery((), (), ()))
    scope = replace(permit.scope, contract=_CONTRACT, disclosure=disclosure)
    permit = replace(permit, scope=scope, request=request_for(query, price), release=settled)
    cells: tuple[tuple[Scalar, ...], ...] = tuple(product(*(group.cells for group in settled.query.group_by)))
    if group_by == FOUND:
        cells = (("crew",), ("press",))
    dice = random.Random(7)
    release = Release(
        id="ab" * 32,
        created_at=datetime(2026, 11, 22, 8, 30, 0, 123456),
        dataset="subsidies",
        disclosure="by-sector",
        region="hangzhou",
        query=query,
        cells=cells,
        measures=tuple(
            NoisedMeasure(plan, tuple(dice.randint(-4, 60) + 400 * (group_by == FOUND) for _ in range(size)))
            for plan in settled.noise
            for size in [len(cells) * (_nodes(plan.measure) if plan.measure.kind is MeasureKind.BINS else 1)]
        ),
        loss=settled.loss,
        unit_kind="resident",
        data_version="v1",
        threshold=settled.threshold,
        attribution=attribution,
        coverage=covered(permit),
    )
    private = Ed25519PrivateKey.generate()
    key = gw.SigningKey(private.public_key().public_bytes_raw(), datetime(2026, 1, 1, tzinfo=UTC))
    statement = release_statement(release, permit)
    release = replace(release, certificate=Certificate(statement, Signature(key.id, private.sign(statement))))
    seen = asked or query
    receipt: Any = None
    delivery = ReleaseDelivery(
        release, seen, presentation, present(release, seen, presentation, _CONTRACT), receipt, paid=True
    )
    message = release_pb2.Release.FromString(release_message_of(delivery, 1e-6).SerializeToString())
    return Shown(gw.Release(message, receipt_pb2.Receipt(), True), (key,))


def _nodes(measure: Any) -> int:
    bins = len(measure.edges)
    return BinTree(bins, measure.branching or max(bins, 2)).nodes
