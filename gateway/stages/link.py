"""Tokens of one side of a join grant become tokens of the join, in which both sides meet. Nobody sees the other's."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from gateway.decision.warrant import join_stands
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.linking import MOST_LINKED, Join
from gateway.model.permit import Permit, Refusal
from gateway.model.record import Receipt
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import AuditLog, Clock, JoinRegister, KeyRing
from gateway.stages.domain_tokens import make_tokens, named_by, open_tokens, tag_subjects
from gateway.stages.record.tokens import record_tokens
from gateway.tables import AdmittedPermit


@dataclass(frozen=True, slots=True, repr=False)
class Linked:
    """Join tokens (utf8) in the order of the tokens that were sent, NULL for each that is none of the caller's.

    `receipt` was durable before this was made.
    """

    tokens: pa.StringArray
    receipt: Receipt


def find_join(
    decided: tuple[Permit, ...] | Refusal, join_id: str, joins: JoinRegister, policy: PolicySnapshot, clock: Clock
) -> Join | Refusal:
    """Return the join grant under which the tokens may be linked, for a call that the policy allows.

    One that is not there, not approved, over, or of other domains, purposes or fields: all alike are not in force.

    Raises:
        Fault: REGISTER_UNAVAILABLE.
    """
    if isinstance(decided, Refusal):
        return decided
    permit, now = decided[0], clock.now()
    request = permit.request
    selector, join = named_by(request), joins.get(join_id)
    if (
        join is None
        or selector.domain not in join.sides
        or (join.dataset, join.field, join.purpose) != (request.dataset, selector.field, request.context.purpose)
        or not join_stands(join, policy, now)
    ):
        return permit.refused(ErrorReason.JOIN_NOT_IN_FORCE)
    for side in join.sides:
        purpose = policy.purposes.get(side.purpose)
        if purpose is None or purpose.ended_on(city_day(now)):
            return permit.refused(ErrorReason.PURPOSE_EXPIRED)
    return join


def link(admitted: AdmittedPermit, join: Join, keys: KeyRing, audit: AuditLog, clock: Clock) -> Linked:
    """Turn the caller's tokens into the join's. The record, with the join's id, is durable before anything leaves.

    Raises:
        Fault: KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE; INTERNAL for tokens that are too many, or not those of a side of the
            join: the edge and `find_join` let none through.
    """
    permit = admitted.permit
    selector = named_by(permit.request)
    if selector.domain is None or selector.domain not in join.sides or join.over(clock.now()):
        raise Fault(ErrorReason.INTERNAL)
    if len(selector.values) > MOST_LINKED:
        raise Fault(ErrorReason.INTERNAL)
    subjects = open_tokens(pa.array(list(selector.values), pa.string()), selector.domain, join.form, keys)
    tokens = make_tokens(subjects, join.domain, join.form, keys)
    receipt = record_tokens(admitted, len(tokens) - tokens.null_count, audit, clock, join=join.id)
    tag_subjects(permit, receipt, subjects, keys, audit)
    return Linked(tokens, receipt)
