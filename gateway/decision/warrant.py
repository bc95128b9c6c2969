"""Whether what officers agreed to stands: a join grant, a re-identification. Judged by the officers of today.

An approval counts while its officer has the power and the reach, and while the signature fits what is kept: whoever
changes a kept grant or request without the officers has a thing that nobody signed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.accountability.warrant import join_statement, reidentification_statement, signed
from gateway.model.contract import CanonicalForm
from gateway.model.governance import Approval, Officer, Power
from gateway.model.linking import APPROVALS, Join, Reidentification
from gateway.policy.officers import covers
from gateway.policy.snapshot import PolicySnapshot


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a join grant is in force, and how many officers have to sign it yet."""

    in_force: bool
    lacking: int


def reaches(officer: Officer, power: Power, dataset: str, policy: PolicySnapshot) -> bool:
    """Tell whether an officer has a power over a dataset in all regions: tokens do not tell where their subject is."""
    return power in officer.powers and covers(officer, policy.regions.root.path, (dataset,))


def join_stands(join: Join, policy: PolicySnapshot, now: datetime) -> bool:
    """Tell whether a join grant is in force; see `standing`."""
    return standing(join, policy, now).in_force


def standing(join: Join, policy: PolicySnapshot, now: datetime) -> Standing:
    """Return how a join grant stands: in force when it is signed by two distinct officers, and not over.

    Who proposed it may be one of them. It also takes that its field still has the canonical form that was signed.
    """
    signers = _signers(join.approvals, join_statement(join), Power.LINK, join.dataset, policy)
    lacking = max(0, APPROVALS - len(signers))
    meant = form_of(join.dataset, join.field, policy) is join.form
    return Standing(lacking == 0 and meant and not join.over(now), lacking)


def reidentification_stands(asked: Reidentification, policy: PolicySnapshot) -> bool:
    """Tell whether enough officers approve a re-identification in time.

    Two distinct ones, neither of them the person who asks, and at least one of another institution.
    """
    counted = [one for one in asked.approvals if one.officer != asked.asked_by and one.at < asked.approve_by]
    signers = _signers(counted, reidentification_statement(asked), Power.REIDENTIFY, asked.dataset, policy)
    elsewhere = any(officer.institution != asked.institution for officer in signers)
    return len(signers) >= APPROVALS and elsewhere


def _signers(
    approvals: Iterable[Approval], statement: bytes, power: Power, dataset: str, policy: PolicySnapshot
) -> list[Officer]:
    """The officers of today whose approvals count, each once."""
    signers: dict[str, Officer] = {}
    for approval in approvals:
        officer = policy.officers.officers.get(approval.officer)
        if (
            officer is not None
            and reaches(officer, power, dataset, policy)
            and signed(officer, statement, approval.signature)
        ):
            signers[officer.id] = officer
    return list(signers.values())


def form_of(dataset: str, field: str, policy: PolicySnapshot) -> CanonicalForm | None:
    """Return the canonical form of a declared field, or None if there is no such field."""
    contract = policy.contracts.get(dataset)
    declared = None if contract is None else contract.fields.get(field)
    return None if declared is None else declared.canonical
