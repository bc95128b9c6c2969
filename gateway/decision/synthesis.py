"""What is counted for synthetic rows, as the contract, the region tree and the plan declare it. Nothing is read."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod

from gateway.decision.price import out_of_range, too_little
from gateway.model.contract import DataContract, DisclosureSpec, SynthesisSpec
from gateway.model.errors import ErrorReason
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Currency, Measure, MeasureKind, Price
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.plan import AtLevel, BoundedQuery, GroupKey, SettledRelease
from gateway.model.region import RegionLevel
from gateway.model.request import SynthesisRequest
from gateway.model.statistics import Statistic, StatisticKind
from gateway.model.synthesis import CountedField, SettledSynthesis
from gateway.privacy.pricing import settle
from gateway.synthesis.columns import column_of, counted
from gateway.synthesis.workload import Marginal, workload

MOST_CELLS = 100_000
"""So many cells are counted for an extract at most, in all its counts together."""

_COUNT = (Statistic(StatisticKind.COUNT, None),)
_LEVELS = tuple(RegionLevel)

Places = Callable[[RegionLevel], tuple[str, ...]]
"""The paths of the regions of a level, within the region asked for."""


def settle_synthesis(
    request: SynthesisRequest, contract: DataContract, disclosure: DisclosureSpec, places: Places
) -> SettledSynthesis | Refusal:
    """Look up the cells of every field, choose what is counted, and share the price among the counts."""
    spec = disclosure.synthesis
    if spec is None:
        return _undeclared("plan.disclosure", "offers no synthetic rows: ListDatasets lists the disclosures that do")
    fields: list[CountedField] = []
    for place, name in enumerate(request.fields):
        if name not in spec.fields:
            return _undeclared(f"plan.fields[{place}]", "is no field that its synthetic rows have: see ListDatasets")
        if name in request.fields[:place]:
            return _undeclared(f"plan.fields[{place}]", "is named twice: leave one of them out")
    for name in spec.fields:
        if not request.fields or name in request.fields:
            field = counted_field(contract, spec, name, places)
            if field is None:
                return _undeclared(
                    "plan.fields", "hold regions of a level that the region asked for does not reach down to"
                )
            fields.append(field)
    if request.rows is not None and not 1 <= request.rows <= spec.most_rows:
        rule = FieldViolation("rows", f"must lie between 1 and {spec.most_rows}")
        return Refusal(ErrorReason.REQUEST_INVALID, violations=(rule,))
    marginals = workload([column_of(field) for field in fields], MOST_CELLS)
    if marginals is None:
        return _undeclared("plan.fields", f"have more than {MOST_CELLS} cells: ask for fewer fields")
    unaffordable = out_of_range(request.price, Price(Currency.EPSILON, Fraction(spec.max_epsilon)))
    if unaffordable is not None:
        return unaffordable
    keys = {field.key.field: field.key for field in fields}
    settled = [_table(marginal, keys, spec, request.price, contract) for marginal in marginals]
    tables = tuple(table for table in settled if table is not None)
    if len(tables) < len(settled):
        return too_little(request.price)
    loss = sum((table.loss for table in tables), PrivacyLoss(Fraction(0), Fraction(0)))
    if request.price.currency is Currency.RHO:
        loss = PrivacyLoss(loss.rho)
    return SettledSynthesis(tuple(fields), tables, loss)


def counted_field(contract: DataContract, spec: SynthesisSpec, name: str, places: Places) -> CountedField | None:
    """Return a field with its cells: the regions of the declared level, or else what its own keys or bounds make."""
    field = contract.fields[name]
    if not contract.holds_regions(field) or spec.level is None:
        return counted(field, spec.bins)
    paths = places(spec.level)
    by = AtLevel(_LEVELS.index(spec.level) + 1)
    return CountedField(field.type, 0, GroupKey(name, paths, by)) if paths else None


def _table(
    marginal: Marginal, keys: dict[str, GroupKey], spec: SynthesisSpec, price: Price, contract: DataContract
) -> SettledRelease | None:
    groups = tuple(keys[name] for name in marginal.fields)
    cells = prod(len(group.keys) for group in groups)
    query = BoundedQuery(groups, ((Measure(MeasureKind.ROWS, spec.max_rows),),), min(spec.max_groups, cells))
    return settle(query, _COUNT, Price(price.currency, price.amount * marginal.share), contract)


def _undeclared(place: str, rule: str) -> Refusal:
    return Refusal(ErrorReason.STATISTIC_NOT_DECLARED, violations=(FieldViolation(place, rule),))
