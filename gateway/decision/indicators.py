"""What a declared indicator comes to: its cells, and what has to be counted for them. Reads no data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from gateway.kernels.digest import digest_of
from gateway.kernels.suppression.holdings import BUCKETS, SafetyRule
from gateway.kernels.suppression.tree import Tree
from gateway.model.contract import DataContract
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
    """

    id: str
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
    contract, disclosure = permit.scope.contract, permit.scope.disclosure
    spec = disclosure.indicator
    if spec is None or contract.region_field is None:
        raise Fault(ErrorReason.INTERNAL)
    wanted = _LEVELS[: _LEVELS.index(spec.level) + 1]
    regions = [one for one in policy.regions.descendants(policy.regions.root.path) if one.level in wanted]
    with_leaf = {one.path for one in regions if one.level is spec.level}
    for one in reversed(regions):
        if one.path in with_leaf:
            with_leaf.add(one.path.rpartition("/")[0])
    places = tuple(one.path for one in regions if one.path in with_leaf)
    if not places:
        raise Fault(ErrorReason.INTERNAL)
    numbers = {path: number for number, path in enumerate(places)}
    tree = Tree([numbers.get(path.rpartition("/")[0], -1) for path in places])
    measures, columns, decimals = _measures(contract, spec)
    keys = tuple(product(*(contract.fields[name].keys or () for name in spec.group_by)))
    shape = [contract.dataset, disclosure.name, repr(spec), repr(disclosure.predicate), contract.region_field]
    if spec.group_by or any(decimals):
        # what is kept is by the number of the combination, and in fixed point: by others it would be read as theirs
        shape.append(repr((keys, decimals)))
    unit = contract.privacy_unit.field
    return Indicator(
        id=digest_of("indicator", *shape, unit, *places).hex(),
        contract=contract,
        spec=spec,
        places=places,
        tree=tree,
        keys=keys,
        measures=measures,
        columns=columns,
        decimals=decimals,
    )


def _measures(
    contract: DataContract, spec: IndicatorSpec
) -> tuple[tuple[Measure, ...], tuple[int, ...], tuple[int, ...]]:
    measures, columns, decimals = [Measure(MeasureKind.UNITS, 1)], [], []
    for written in spec.statistics:
        name = written.partition("(")[2].removesuffix(")")
        if written == "count_units":
            columns.append(0)
            decimals.append(0)
            continue
        columns.append(len(measures))
        if not name:
            measures.append(Measure(MeasureKind.ROWS, _ROWS))
            decimals.append(0)
            continue
        field = contract.fields[name]
        bounds = field.fixed_bounds
        assert bounds is not None
        most = max(1, min(_ROWS, _EXACT // max(1, bounds.upper)))
        measures.append(Measure(MeasureKind.TOTAL, most, name, bounds))
        decimals.append(field.decimals)
    return tuple(measures), tuple(columns), tuple(decimals)
