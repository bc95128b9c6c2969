"""A series as the decision judges it: like a release of the same cells, statistics and price; and its name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.grouping import ByKeys, ByRegion, Grouping
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Currency, Price
from gateway.model.permit import FieldViolation, Permit, Refusal
from gateway.model.region import RegionLevel
from gateway.model.request import ReleaseRequest, RequestContext
from gateway.model.series import SeriesSpec
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.binding import MAX_ANSWERS
from gateway.privacy.continual.choice import recommended_plan
from gateway.privacy.continual.plan import plan_named
from gateway.privacy.continual.settling import SettledSeries, settle_series
from gateway.privacy.pricing import SMALLEST
from gateway.privacy.release_id import series_id, series_salt

DAILY = 2
"""The columns of every answer: all days so far, and the day itself."""


@dataclass(frozen=True, slots=True)
class Series:
    """A series in one region, with all that is settled of it. Its `id` names its charge and its nodes.

    `salt` (hex) draws which cells of a unit count on a day.
    """

    id: str
    spec: SeriesSpec
    price: Price
    settled: SettledSeries
    salt: str

    @property
    def loss(self) -> PrivacyLoss:
        """What the whole horizon loses."""
        return self.settled.loss


def declared(policy: PolicySnapshot, dataset: str, disclosure: str, name: str) -> SeriesSpec | None:
    """Return the series of this name, or None where a contract declares none."""
    contract = policy.contracts.get(dataset)
    spec = None if contract is None else contract.disclosures.get(disclosure)
    return None if spec is None else spec.series.get(name)


def price_of_series(spec: SeriesSpec) -> Price:
    """Return what the whole series costs."""
    if spec.rho:
        return Price(Currency.RHO, Fraction(spec.rho))
    return Price(Currency.EPSILON, Fraction(spec.epsilon))


def question(spec: SeriesSpec | None, context: RequestContext, dataset: str, disclosure: str) -> ReleaseRequest:
    """Return the release that is judged in place of a series; one that asks for nothing in place of none.

    Whoever may have these statistics of these cells for this price, once, may have them by days for the same price.
    """
    if spec is None:
        counting = StatisticsQuery((), (), (Statistic(StatisticKind.COUNT, None),))
        return ReleaseRequest(context, dataset, disclosure, counting, SMALLEST)
    query = StatisticsQuery((), tuple(map(_grouping, spec.group_by)), tuple(map(_statistic, spec.statistics)))
    return ReleaseRequest(context, dataset, disclosure, query, price_of_series(spec))


def series_of(permit: Permit, spec: SeriesSpec, plan: str = "") -> Series | Refusal:
    """Settle a series that was permitted: by the table of nodes that was chosen before, or by the best there is.

    Raises:
        Fault: INTERNAL if the table is one that this version does not know, or the permit is not of such a series.
    """
    if permit.release is None:
        raise Fault(ErrorReason.INTERNAL)
    price, contract = price_of_series(spec), permit.scope.contract
    try:
        chosen = plan_named(plan) if plan else recommended_plan(spec.days, price.currency.mechanism, spec.days_per_unit)
        settled = settle_series(permit.release.query, price, contract, chosen, spec.days_per_unit)
    except ValueError:
        raise Fault(ErrorReason.INTERNAL) from None
    if settled is None:
        rule = "costs too little for the bounds of its statistics"
        return _refused(permit, ErrorReason.EPSILON_OUT_OF_RANGE, rule)
    if DAILY * settled.query.cells * len(settled.noise) > MAX_ANSWERS:
        return _refused(permit, ErrorReason.STATISTIC_NOT_DECLARED, "has more cells here than one answer takes")
    return Series(series_id(permit, spec), spec, price, settled, series_salt(permit, spec))


def decimals_of(series: Series, contract: DataContract) -> tuple[int, ...]:
    """Return of each statistic in how many decimals its field counts."""
    fields = (_statistic(one).field for one in series.spec.statistics)
    return tuple(0 if field is None else contract.fields[field].decimals for field in fields)


def _grouping(written: str) -> Grouping:
    field, _, level = written.partition(" by ")
    return ByRegion(field, RegionLevel(level)) if level else ByKeys(field)


def _statistic(written: str) -> Statistic:
    kind, _, field = written.removesuffix(")").partition("(")
    return Statistic(StatisticKind(kind), field or None)


def _refused(permit: Permit, reason: ErrorReason, rule: str) -> Refusal:
    return replace(permit.refused(reason), violations=(FieldViolation("series", rule),))
