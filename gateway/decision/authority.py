"""What a change of the policy touches: the regions and datasets that an officer must have authority over.

Authority is delegated down the tree (分级授权): whoever may grant in a district changes nothing outside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.model.governance import Officer
from gateway.policy.folder import CONTRACTS, GRANTS
from gateway.policy.grants import Grant
from gateway.policy.officers import ALL, covers
from gateway.policy.roles import RoleLink
from gateway.policy.snapshot import PolicySnapshot


class Touch(NamedTuple):
    """A place that a change reaches: a region with all beneath it, and a dataset ("*": all of them)."""

    region: str
    dataset: str


def touched(base: PolicySnapshot, proposal: PolicySnapshot) -> frozenset[Touch]:
    """Return what the step from one policy to another reaches.

    A grant reaches its region and dataset, before and after; a member of a role whatever the role is granted. A
    contract reaches its dataset everywhere, and everything if it reads another file than before. Every other file
    reaches everything, but notes and decision tables, which give nobody anything.
    """
    root = base.regions.root.path
    everything = Touch(root, ALL)
    found: set[Touch] = set()
    for name in _changed(base, proposal):
        if name == GRANTS:
            found.update(_by_grants(base, proposal))
        elif name.startswith(CONTRACTS):
            datasets = _datasets(name, base, proposal)
            found.update(Touch(root, dataset) for dataset in datasets)
            if any(_reads(base, dataset) != _reads(proposal, dataset) for dataset in datasets):
                # it could read any file of the hub: which one is a matter of all of them
                found.add(everything)
        elif not (name.endswith(".md") or name.startswith(("tests/", "schema/"))):
            found.add(everything)
    return frozenset(found)


def exceeded(officer: Officer, touches: Iterable[Touch]) -> tuple[Touch, ...]:
    """Return what lies outside an officer's authority, in order; nothing if all of it lies within."""
    return tuple(sorted(touch for touch in touches if not covers(officer, touch.region, (touch.dataset,))))


def _reads(policy: PolicySnapshot, dataset: str) -> object:
    contract = policy.contracts.get(dataset)
    return None if contract is None else (contract.source, contract.privacy_unit)


def _changed(base: PolicySnapshot, proposal: PolicySnapshot) -> list[str]:
    names = sorted({*base.files, *proposal.files})
    return [name for name in names if base.files.get(name) != proposal.files.get(name)]


def _datasets(name: str, base: PolicySnapshot, proposal: PolicySnapshot) -> set[str]:
    """The datasets of a contract file that changed; all where it is not plain which."""
    found = {
        dataset
        for policy in (base, proposal)
        for dataset, contract in policy.contracts.items()
        if f"{CONTRACTS}{dataset}.yaml" == name or base.contracts.get(dataset) != proposal.contracts.get(dataset)
    }
    return found or {ALL}


def _by_grants(base: PolicySnapshot, proposal: PolicySnapshot) -> Iterator[Touch]:
    root = base.regions.root.path
    before, after = ({_meaning(grant): grant for grant in policy.grants} for policy in (base, proposal))
    order = [grant.id for grant in base.grants if _meaning(grant) in after]
    reordered = order != [grant.id for grant in proposal.grants if _meaning(grant) in before]
    changed = [grant for key, grant in before.items() if key not in after or reordered]
    changed += [grant for key, grant in after.items() if key not in before or reordered]
    links = {_link(link): link for link in (*base.links, *proposal.links)}
    same = {_link(link) for link in base.links} & {_link(link) for link in proposal.links}
    roles = {name for key, link in links.items() if key not in same for name in (link.role, link.member)}
    for policy in (base, proposal) if roles else ():
        reached = {above for role in roles for above in policy.roles.of(role)}
        changed += [grant for grant in policy.grants if grant.recipient in reached]
    for grant in changed:
        yield Touch(*grant.place(root))


def _meaning(grant: Grant) -> tuple[object, ...]:
    """All of a grant but the line it stands in."""
    return (grant.id, *grant.columns, grant.terms, grant.effect)


def _link(link: RoleLink) -> tuple[object, ...]:
    return (link.member, link.role, link.valid_from, link.valid_until)
