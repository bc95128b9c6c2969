"""May two datasets be answered over as one? Both disclosures say so, and of a unit one of them has one row alone.

What both come to has the fields of both, and the stricter limits.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gateway.model.contract import DataContract, DisclosureSpec, StatisticsSpec
from gateway.model.joining import joined_contract, joined_name

ITSELF = "names the dataset itself, whose rows are not joined with one another"
ANOTHER_UNIT = "names a dataset that does not protect the same privacy unit, by which rows could be joined"
NOT_FOR_JOINS = "needs a disclosure of each dataset that says how many rows of a unit take part in joins"
ELSEWHERE = "names a dataset that is kept elsewhere: rows are joined where both datasets are"
MULTIPLIES = "would multiply rows: both datasets may have several rows of a unit, and one of them must have one"


def as_one(
    first: tuple[DataContract, DisclosureSpec], other: tuple[DataContract, DisclosureSpec]
) -> tuple[DataContract, DisclosureSpec, int, int] | str:
    """Return the contract and the disclosure of two datasets as one, or the rule that they break.

    With them, how many rows of a unit take part: of the other dataset, and of the first.
    """
    (own, disclosure), (theirs, partner) = first, other
    if own.dataset == theirs.dataset:
        return ITSELF
    if _unit(own) != _unit(theirs):
        return ANOTHER_UNIT
    if own.source.engine != theirs.source.engine:
        return ELSEWHERE
    mine, others = disclosure.statistics, partner.statistics
    if mine is None or others is None or mine.joined_rows is None or others.joined_rows is None:
        return NOT_FOR_JOINS
    if min(mine.joined_rows, others.joined_rows) > 1:
        return MULTIPLIES
    contract = joined_contract(own, theirs)
    filters = (*disclosure.filters, *(joined_name(theirs.dataset, name) for name in partner.filters))
    statistics = _statistics(mine, others, contract, theirs.dataset)
    return contract, replace(disclosure, filters=filters, statistics=statistics), others.joined_rows, mine.joined_rows


def _unit(contract: DataContract) -> tuple[object, ...]:
    """What two datasets must have alike, so that a person is one person in both."""
    unit = contract.unit_field
    return contract.privacy_unit.kind, unit.type, unit.canonical


def _statistics(mine: StatisticsSpec, others: StatisticsSpec, contract: DataContract, dataset: str) -> StatisticsSpec:
    """The first disclosure's bounds on a unit's contributions, which are of the rows as they are joined.

    A number of the joined dataset whose sum could leave 64 bits under them is none that statistics may be made of.
    """
    values = (joined_name(dataset, name) for name in others.values)
    return replace(
        mine,
        group_by=(*mine.group_by, *(joined_name(dataset, name) for name in others.group_by)),
        values=(*mine.values, *(name for name in values if contract.fields[name].adds_up(mine.max_rows))),
        max_epsilon=min(mine.max_epsilon, others.max_epsilon, key=Fraction),
        slot_ms=max(mine.slot_ms, others.slot_ms),
        # keys that are found would be those of joined rows, for which nobody has declared a delta
        found_keys=(),
        delta="0",
    )
