"""What a rule's object covers: "dataset/disclosure", "dataset/*" for all of a dataset, or "*" for everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.model.contract import DataContract, DisclosureSpec
from gateway.policy.grants import ANY


def contracts_under(obj: str, contracts: Mapping[str, DataContract]) -> Iterator[DataContract]:
    """Yield the contracts of an object's dataset, of whatever status: one, all for "*", none for an unknown one."""
    if obj == ANY:
        yield from contracts.values()
        return
    contract = contracts.get(obj.partition("/")[0])
    if contract is not None:
        yield contract


def disclosures_under(obj: str, contracts: Mapping[str, DataContract]) -> Iterator[tuple[DataContract, DisclosureSpec]]:
    """Yield the disclosures that an object covers, each with its contract, of whatever status that is."""
    name = obj.partition("/")[2]
    for contract in contracts_under(obj, contracts):
        if ANY in (obj, name):
            yield from ((contract, spec) for spec in contract.disclosures.values())
        elif name in contract.disclosures:
            yield contract, contract.disclosures[name]
