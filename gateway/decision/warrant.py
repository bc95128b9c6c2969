"""Whether what officers agreed to stands: a join grant, a re-identification. Judged by the officers of today.

An approval counts while its officer has the power and the reach, and while the signature fits what is kept: whoever
changes a kept grant or request without the officers has a thing that nobody signed.
"""

from __future__ import annotations

from datetime import datetime

from gateway.accountability.statement import join_statement, reidentification_statement, signed
from gateway.model.contract import CanonicalForm
from gateway.model.governance import Officer, Power
from gateway.model.linking import APPROVALS, Join, Reidentification
from gateway.policy.officers import covers
from gateway.policy.snapshot import PolicySnapshot


def reaches(officer: Officer, power: Power, dataset: str, policy: PolicySnapshot) -> bool:
    """Tell whether an officer has a power over a dataset in all regions: tokens do not tell where their subject is."""
    return power in officer.powers and covers(officer, policy.regions.root.path, (dataset,))


def join_stands(join: Join, policy: PolicySnapshot, now: datetime) -> bool:
    """Tell whether a join grant is in force: signed by another officer than proposed it, and not over.

    It also takes that its field still has the canonical form that was signed.
    """
    if join.over(now) or form_of(join.dataset, join.field, policy) is not join.form:
        return False
    statement = join_statement(join)
    for approval in join.approvals:
        officer = policy.officers.officers.get(approval.officer)
        if (
            officer is not None
            and officer.id != join.proposed_by
            and reaches(officer, Power.LINK, join.dataset, policy)
            and signed(officer, statement, approval.signature)
        ):
            return True
    return False


def reidentification_stands(asked: Reidentification, policy: PolicySnapshot) -> bool:
    """Tell whether enough officers approve a re-identification in time.

    Two distinct ones, neither of them the person who asks, and at least one of another institution.
    """
    statement = reidentification_statement(asked)
    approving: dict[str, Officer] = {}
    for approval in asked.approvals:
        officer = policy.officers.officers.get(approval.officer)
        if (
            officer is not None
            and officer.id != asked.asked_by
            and approval.at < asked.approve_by
            and reaches(officer, Power.REIDENTIFY, asked.dataset, policy)
            and signed(officer, statement, approval.signature)
        ):
            approving[officer.id] = officer
    elsewhere = any(officer.institution != asked.institution for officer in approving.values())
    return len(approving) >= APPROVALS and elsewhere


def form_of(dataset: str, field: str, policy: PolicySnapshot) -> CanonicalForm | None:
    """Return the canonical form of a declared field, or None if there is no such field."""
    contract = policy.contracts.get(dataset)
    declared = None if contract is None else contract.fields.get(field)
    return None if declared is None else declared.canonical
