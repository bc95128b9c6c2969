"""What a declared indicator comes to: its cells, and what has to be counted for them. Reads no data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from gateway.kernels.digest import digest_of
from gateway.kernels.suppression.holdings import BUCKETS, SafetyRule
from gateway.kernels.suppression.tree import Tree
from gateway.model.contract import DataContract, DisclosureSpec
from gateway.model.errors import ErrorReason, Fault
from gateway.model.indicator import IndicatorSpec
from gateway.model.measure import Measure, MeasureKind
from gateway.model.permit import Permit
from gateway.model.plan import AggregatePlan, AtLevel, GroupKey, InBuckets
from gateway.model.region import RegionLevel
from gateway.model.values import Scalar
from gateway.policy.snapshot import PolicySnapshot

_LEVELS = tuple(RegionLevel)
_EXACT = 2**53
_ROWS = 2**31
"""No unit has more rows in a place: up to here counts and sums are exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """An indicator of a contract over the region tree in force.

    `places` are the regions with figures, parents first; `tree` says which lie in which. `keys` are the combinations of
    keys, each with a tree of its own. `measures` are what is added up: first the units, then those of `statistics`,
    whose place in it `columns` has. `decimals` are those of each statistic's fixed point.

    `id` names which figures there are, and what they are compared by: what is shown under one id is held against all
    that was shown under it before. `definition` names all else that decides their values and which of them are shown:
    with another one they are counted anew at once.
    """

    id: str
    definition: str
    contract: DataContract
    spec: IndicatorSpec
    places: tuple[str, ...]
    tree: Tree
    keys: tuple[tuple[Scalar, ...], ...]
    measures: tuple[Measure, ...]
    columns: tuple[int, ...]
    decimals: tuple[int, ...]

    @property
    def rule(self) -> SafetyRule:
        """When a figure, or a change of one, may be told."""
        return SafetyRule(self.spec.least_units, Fraction(self.spec.dominance_percent, 100))

    def rank(self, number: int) -> list[int]:
        """The public order in which cells of one of the trees are withheld to hide others."""
        hashed = [hashlib.sha256(f"{self.id}/{number}/{place}".encode()).digest() for place in self.places]
        order = sorted(range(len(hashed)), key=hashed.__getitem__)
        ranks = [0] * len(order)
        for rank, place in enumerate(order):
            ranks[place] = rank
        return ranks

    def plans(self, permit: Permit, version: str) -> tuple[AggregatePlan, AggregatePlan | None]:
        """Return what has to be counted of a version of the data, of the whole tree: units, and rows and sums, if any.

        A unit counts once, in a place and keys that a hash draws among its own.
        """
        contract = self.contract
        leaves = tuple(self.places[leaf] for leaf in self.tree.leaves.tolist())
        assert contract.region_field is not None
        group_by = (
            GroupKey(contract.region_field, leaves, AtLevel(_LEVELS.index(self.spec.level) + 1)),
            *(GroupKey(name, contract.fields[name].keys or ()) for name in self.spec.group_by),
            GroupKey(contract.privacy_unit.field, tuple(range(BUCKETS)), InBuckets(BUCKETS)),
        )
        scope, salt = permit.rows(self.places[0]), self.id
        units = AggregatePlan(contract, scope, group_by, self.measures[:1], 1, salt, version=version)
        if len(self.measures) == 1:
            return units, None
        cells = len(leaves) * len(self.keys) * BUCKETS
        return units, AggregatePlan(contract, scope, group_by, self.measures[1:], cells, salt, version=version)


def indicator_of(permit: Permit, policy: PolicySnapshot) -> Indicator:
    """Return the indicator that a permit is for.

    Raises:
        Fault: INTERNAL for a disclosure of another kind.
    """
    return declared_indicator(permit.scope.contract, permit.scope.disclosure, policy)


def declared_indicator(contract: DataContract, disclosure: DisclosureSpec, policy: PolicySnapshot) -> Indicator:
    """Return the indicator that a disclosure of a contract declares.

    Places, keys and measures are in an order of their own and not in that of the files: whoever writes the same in
    another order gets the same indicator.

    Raises:
        Fault: INTERNAL for a disclosure of another kind, or a region tree without its level.
    """
    spec = disclosure.indicator
    if spec is None or contract.region_field is None:
        raise Fault(ErrorReason.INTERNAL)
    wanted = _LEVELS[: _LEVELS.index(spec.level) + 1]
    regions = [one for one in policy.regions.descendants(policy.regions.root.path) if one.level in wanted]
    with_leaf = {one.path for one in regions if one.level is spec.level}
    for one in reversed(regions):
        if one.path in with_leaf:
            with_leaf.add(one.path.rpartition("/")[0])
    places = tuple(sorted(one.path for one in regions if one.path in with_leaf))
    if not places:
        raise Fault(ErrorReason.INTERNAL)
    numbers = {path: number for number, path in enumerate(places)}
    tree = Tree([numbers.get(path.rpartition("/")[0], -1) for path in places])
    measures, columns, decimals = _measures(contract, spec)
    return Indicator(
        id=_shape(contract, disclosure.name, spec, places),
        definition=_definition(contract, disclosure, spec),
        contract=contract,
        spec=spec,
        places=places,
        tree=tree,
        keys=_combinations(contract, spec),
        measures=measures,
        columns=columns,
        decimals=decimals,
    )


def _shape(contract: DataContract, disclosure: str, spec: IndicatorSpec, places: tuple[str, ...]) -> str:
    """Name which figures there are, and what those of two versions can be compared by.

    The disclosure, since two of one dataset have figures each. The places and the combinations of keys, by whose
    numbers amounts are kept. The statistics, each with its decimals: amounts are kept in fixed point. The field of the
    privacy unit, and its type: by its text units fall into buckets, and what changed is told by those.
    """
    unit = contract.unit_field
    measured = [_list(one, str(contract.fields[name].decimals) if (name := _summed(one)) else "0")
                for one in sorted(spec.statistics)]  # fmt: skip
    keyed = [_list(name, contract.fields[name].type.value, *sorted(map(str, contract.fields[name].keys or ())))
             for name in sorted(spec.group_by)]  # fmt: skip
    parts = (_list(*measured), _list(*keyed), _list(*places))
    return digest_of("indicator", contract.dataset, disclosure, unit.name, unit.type.value, *parts).hex()


def _definition(contract: DataContract, disclosure: DisclosureSpec, spec: IndicatorSpec) -> str:
    """Name what else decides the figures: rule, rows, the field of regions, forms and bounds; not the period or words.

    It stands before the name of the data that was read, and is half a digest long for that.
    """
    conditions = sorted(
        _list(one.field, one.operator.value, *(f"{type(value).__name__} {value}" for value in one.values))
        for one in disclosure.predicate
    )
    bounds = [
        _list(name, str(found.lower), str(found.upper))
        for one in sorted(spec.statistics)
        if (name := _summed(one)) and (found := contract.fields[name].fixed_bounds) is not None
    ]
    return digest_of(
        "definition",
        str(spec.least_units),
        str(spec.dominance_percent),
        contract.region_field or "",
        contract.unit_field.canonical.value,
        disclosure.consent_field or "",
        _list(*conditions),
        _list(*bounds),
    ).hex()[:32]


def _list(*parts: str) -> str:
    return digest_of(*parts).hex()


def _combinations(contract: DataContract, spec: IndicatorSpec) -> tuple[tuple[Scalar, ...], ...]:
    """All combinations of keys, ordered by the fields' names and the keys, whatever the order in which they stand."""
    by_name = sorted(range(len(spec.group_by)), key=spec.group_by.__getitem__)
    found = product(*(contract.fields[name].keys or () for name in spec.group_by))
    return tuple(sorted(found, key=lambda keys: [str(keys[place]) for place in by_name]))


def _summed(statistic: str) -> str:
    """The field whose sum a statistic is, or ""."""
    name = statistic.partition("(")[2]
    return name.removesuffix(")")


def _measures(
    contract: DataContract, spec: IndicatorSpec
) -> tuple[tuple[Measure, ...], tuple[int, ...], tuple[int, ...]]:
    measures, column = [Measure(MeasureKind.UNITS, 1)], {"count_units": 0}
    for written in sorted({*spec.statistics} - {*column}):
        column[written] = len(measures)
        name = _summed(written)
        if not name:
            measures.append(Measure(MeasureKind.ROWS, _ROWS))
            continue
        bounds = contract.fields[name].fixed_bounds
        assert bounds is not None
        most = max(1, min(_ROWS, _EXACT // max(1, bounds.upper)))
        measures.append(Measure(MeasureKind.TOTAL, most, name, bounds))
    decimals = tuple(contract.fields[name].decimals if (name := _summed(one)) else 0 for one in spec.statistics)
    return tuple(measures), tuple(column[one] for one in spec.statistics), decimals
