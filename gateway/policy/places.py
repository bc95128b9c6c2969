"""Places that contracts name (databases, lakes, services) against those that this gateway has been given.

What it has stands in its settings, of which a policy knows nothing: it is asked through `Lacking`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gateway.model.contract import DataContract
from gateway.policy.documents import read_yaml
from gateway.policy.folder import CONTRACTS
from gateway.policy.problems import PolicyProblem, Problems
from gateway.policy.snapshot import PolicySnapshot


class Lack(NamedTuple):
    """What a gateway lacks to serve a contract, and what to do about it."""

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}"


Lacking = Callable[[DataContract], Lack | None]
"""Tells what this gateway lacks to serve a contract; None if nothing. It calls nobody."""


def nothing_is_lacking(_: DataContract) -> None:
    """What is told before anybody has said what there is."""


def unplaced(snapshot: PolicySnapshot, before: PolicySnapshot, lacking: Lacking) -> tuple[PolicyProblem, ...]:
    """Return the problems of contracts that this gateway could not serve, of those that another policy has otherwise.

    A contract that stays as it was is not asked about: one gap does not hold up every other change.
    """
    found = []
    for dataset, contract in snapshot.contracts.items():
        known = before.contracts.get(dataset)
        lack = lacking(contract) if known is None or known.digest != contract.digest else None
        if lack is not None:
            name = f"{CONTRACTS}{dataset}.yaml"
            document = read_yaml(name, snapshot.files.get(name, b""), Problems())
            line = 0 if document is None else document.line("servers")
            found.append(PolicyProblem(name, line, lack.message, lack.remedy))
    return tuple(found)
