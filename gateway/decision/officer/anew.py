"""Indicators that a step of the policy begins anew: their first figures are not held against what was shown before."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.decision.indicators import Indicator, declared_indicator
from gateway.decision.officer.coarseness import Telling
from gateway.decision.officer.shifts import PartShift
from gateway.model.region import RegionLevel
from gateway.policy.snapshot import PolicySnapshot


def begun_anew(before: PolicySnapshot, after: PolicySnapshot) -> Iterator[PartShift]:
    """Yield the indicators of the newer policy that go on from nothing, in datasets that showed exact figures before.

    Who has seen the older figures may take differences, and these may be of few: each is told as other than before.
    """
    for dataset in after.contracts:
        old, new = _declared(dataset, before), _declared(dataset, after)
        for name, now in new.items():
            was = old.get(name)
            if was is not None and was.id != now.id:
                yield PartShift(f"{dataset}/{name}", "figures begun anew", _of(was), _of(now), Telling.OTHER)
            elif was is None and old:
                others = ", ".join(f"{one}: {_of(shown)}" for one, shown in old.items())
                yield PartShift(f"{dataset}/{name}", "figures begun anew", others, _of(now), Telling.OTHER)


def _declared(dataset: str, policy: PolicySnapshot) -> dict[str, Indicator]:
    contract = policy.contracts.get(dataset)
    levels = {one.level for one in policy.regions.descendants(policy.regions.root.path)}
    return {
        name: declared_indicator(contract, spec, policy)
        for name, spec in ({} if contract is None else contract.disclosures).items()
        if contract is not None and spec.indicator is not None and spec.indicator.level in levels
    }


def _of(one: Indicator) -> str:
    keyed = f" by {', '.join(one.spec.group_by)} ({len(one.keys)} keys)" if one.spec.group_by else ""
    level: RegionLevel = one.spec.level
    return f"{', '.join(one.spec.statistics)}{keyed} of {len(one.places)} regions down to each {level.value}"
