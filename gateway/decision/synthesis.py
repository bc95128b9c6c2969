"""What is counted for synthetic rows, as the contract, the region tree and the plan declare it. Nothing is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod

from gateway.decision.price import held, out_of_range, too_little
from gateway.model.contract import DataContract, DisclosureSpec, SynthesisSpec
from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Currency, Measure, MeasureKind, Price
from gateway.model.permit import FieldViolation, NearestSynthesis, Permit, Refusal
from gateway.model.plan import AtLevel, BoundedQuery, GroupKey, SettledRelease
from gateway.model.region import RegionLevel
from gateway.model.request import SynthesisRequest
from gateway.model.statistics import Statistic, StatisticKind
from gateway.model.synthesis import CountedField, SettledSynthesis
from gateway.privacy.pricing import price_within, settle
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
    """Look up the cells of every field, choose what is counted, and share the price among the counts.

    A refusal comes with the nearest request that would be accepted, if there is one.
    """
    settled = _settled(request, contract, disclosure, places)
    if isinstance(settled, Refusal):
        return replace(settled, synthesis=_nearest(request, contract, disclosure, places))
    return settled


def synthesis_within(permit: Permit, rho: Fraction) -> NearestSynthesis | None:
    """Return a permitted request at the largest price that is charged no more than `rho`; None where none is.

    Raises:
        Fault: INTERNAL if the permit is not of such a request.
    """
    request, settled, disclosure = permit.request, permit.synthesis, permit.scope.disclosure
    if not isinstance(request, SynthesisRequest) or settled is None or disclosure.synthesis is None:
        raise Fault(ErrorReason.INTERNAL)
    price = price_within(settled.loss, request.price, rho)
    if price is None:
        return None
    marginals = _counts(settled.fields) or ()
    cheaper = _priced(settled.fields, marginals, disclosure.synthesis, price, permit.scope.contract)
    if cheaper is None or cheaper.loss.rho > rho:
        return None
    return NearestSynthesis(request.dataset, request.disclosure, request.fields, request.rows, price)


def _settled(
    request: SynthesisRequest, contract: DataContract, disclosure: DisclosureSpec, places: Places
) -> SettledSynthesis | Refusal:
    spec = disclosure.synthesis
    if spec is None:
        return _undeclared("plan.disclosure", "offers no synthetic rows: ListDatasets lists the disclosures that do")
    for place, name in enumerate(request.fields):
        if name not in spec.fields:
            return _undeclared(f"plan.fields[{place}]", "is no field that its synthetic rows have: see ListDatasets")
        if name in request.fields[:place]:
            return _undeclared(f"plan.fields[{place}]", "is named twice: leave one of them out")
    fields: list[CountedField] = []
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
    marginals = _counts(fields)
    if marginals is None:
        return _undeclared("plan.fields", f"have more than {MOST_CELLS} cells: ask for fewer fields")
    unaffordable = out_of_range(request.price, _dearest(spec))
    if unaffordable is not None:
        return unaffordable
    return _priced(tuple(fields), marginals, spec, request.price, contract) or too_little(request.price)


def _nearest(
    request: SynthesisRequest, contract: DataContract, disclosure: DisclosureSpec, places: Places
) -> NearestSynthesis | None:
    """The same with fewer fields, and a number of rows and a price that are taken; None where nothing is accepted."""
    spec = disclosure.synthesis
    if spec is None:
        return None
    wanted = [name for name in spec.fields if name in request.fields] or list(spec.fields)
    found = [field for name in wanted if (field := counted_field(contract, spec, name, places)) is not None]
    while found and _counts(found) is None:
        found.remove(max(found, key=lambda field: len(field.key.keys)))
    fields = tuple(field.key.field for field in found)
    if not found:
        return None
    most = _dearest(spec)
    rows = None if request.rows is None else min(max(request.rows, 1), spec.most_rows)
    asked = replace(request, fields=() if fields == tuple(spec.fields) and not request.fields else fields, rows=rows)
    for price in (request.price, Price(request.price.currency, most.written_in(request.price.currency))):
        affordable = held(price, most)
        if isinstance(_settled(replace(asked, price=affordable), contract, disclosure, places), SettledSynthesis):
            return NearestSynthesis(contract.dataset, disclosure.name, asked.fields, rows, affordable)
    return None


def _counts(fields: Sequence[CountedField]) -> tuple[Marginal, ...] | None:
    """What is counted of these fields; None where that has too many cells."""
    return workload([column_of(field) for field in fields], MOST_CELLS)


def _priced(
    fields: tuple[CountedField, ...],
    marginals: Sequence[Marginal],
    spec: SynthesisSpec,
    price: Price,
    contract: DataContract,
) -> SettledSynthesis | None:
    """Share a price among the counts of these fields; None where it is too little for one of them."""
    keys = {field.key.field: field.key for field in fields}
    settled = [_table(marginal, keys, spec, price, contract) for marginal in marginals]
    tables = tuple(table for table in settled if table is not None)
    if not tables or len(tables) < len(settled):
        return None
    loss = sum((table.loss for table in tables), PrivacyLoss(Fraction(0), Fraction(0)))
    return SettledSynthesis(fields, tables, PrivacyLoss(loss.rho) if price.currency is Currency.RHO else loss)


def _dearest(spec: SynthesisSpec) -> Price:
    return Price(Currency.EPSILON, Fraction(spec.max_epsilon))


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
