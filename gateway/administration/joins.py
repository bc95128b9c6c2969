"""Join grants at the officers' office: proposed, looked at, signed, ended.

The keys of a join die with it: `close_joins` destroys them when its time or one of its purposes is over, or when an
officer ends it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from gateway.accountability.warrant import join_statement, signed
from gateway.administration.desk import GATEWAY, Office, gone, officer, sees
from gateway.administration.sunset import ended
from gateway.decision.warrant import Standing, form_of, reaches, standing
from gateway.model.calendar import city_day
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.event import Event, EventKind
from gateway.model.governance import Approval, Power
from gateway.model.linking import LONGEST_JOIN, Join, JoinEnd, join_of
from gateway.model.party import Peer
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.pseudonym import PseudonymDomain
from gateway.policy.grants import ANY
from gateway.policy.snapshot import PolicySnapshot

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Joining:
    """What an officer proposes to join, and until when (naive UTC)."""

    first: PseudonymDomain
    second: PseudonymDomain
    dataset: str
    field: str
    purpose: str
    reason: str
    ends_at: datetime


def propose_join(office: Office, peer: Peer, joining: Joining) -> Join | Refusal:
    """Enter a join grant that waits for two officers, its author one of them. Nothing is linked by it yet.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    author = officer(office, peer, Power.LINK)
    if isinstance(author, Refusal):
        return author
    policy, now = office.policy.current(), office.clock.now()
    if not reaches(author, Power.LINK, joining.dataset, policy):
        return _beyond()
    wrong, form = _unsound(joining, policy, now), form_of(joining.dataset, joining.field, policy)
    if wrong or form is None:
        return Refusal(ErrorReason.REQUEST_INVALID, violations=tuple(wrong))
    join = Join(
        id=secrets.token_hex(16),
        first=joining.first,
        second=joining.second,
        dataset=joining.dataset,
        field=joining.field,
        form=form,
        purpose=joining.purpose,
        reason=joining.reason,
        proposed_by=author.id,
        proposed_at=now,
        ends_at=joining.ends_at,
    )
    office.audit.note(Event(EventKind.JOIN_PROPOSED, now, author.id, _about(join)))
    office.registers.joins.propose(join)
    return join


def approve_join(office: Office, peer: Peer, join_id: str, signature: bytes) -> Join | Refusal:
    """Add an officer's signature over the grant's statement: with those of two it is in force.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    approver = officer(office, peer, Power.LINK)
    if isinstance(approver, Refusal):
        return approver
    policy, now = office.policy.current(), office.clock.now()
    join = office.registers.joins.get(join_id)
    if join is None:
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    if not reaches(approver, Power.LINK, join.dataset, policy):
        return _beyond()
    if join.over(now):
        return _ended_already()
    if any(one.officer == approver.id for one in join.approvals):
        return _signed_already(standing(join, policy, now))
    if not signed(approver, join_statement(join), signature):
        return Refusal(ErrorReason.SIGNATURE_INVALID)
    office.audit.note(Event(EventKind.JOIN_APPROVED, now, approver.id, _about(join)))
    return office.registers.joins.approve(join_id, Approval(approver.id, now, signature)) or gone()


def end_join(office: Office, peer: Peer, join_id: str) -> Join | Refusal:
    """End a grant before its time, and destroy its keys. Any officer who may link may do so, the one of it too.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE, KEYS_UNAVAILABLE; once it
            is ended, `close_joins` destroys what is left.
    """
    ending = officer(office, peer, Power.LINK)
    if isinstance(ending, Refusal):
        return ending
    now = office.clock.now()
    join = office.registers.joins.get(join_id)
    if join is None:
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    if not reaches(ending, Power.LINK, join.dataset, office.policy.current()):
        return _beyond()
    if join.over(now):
        return _ended_already()
    if not _end(office, join_id, ending.id, now):
        return gone()
    close_joins(office)
    return office.registers.joins.get(join_id) or gone()


def joins(office: Office, peer: Peer) -> tuple[Join, ...] | Refusal:
    """Return the newest join grants, to officers who link or review.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, REGISTER_UNAVAILABLE.
    """
    looking = officer(office, peer, Power.LINK, Power.REVIEW)
    if isinstance(looking, Refusal):
        return looking
    return tuple(one for one in office.registers.joins.newest(_SHOWN) if sees(office, looking, one.dataset))


def standing_of(office: Office, join: Join) -> Standing:
    """Return whether a grant is in force now, and how many officers have to sign it yet.

    Raises:
        Fault: POLICY_UNAVAILABLE.
    """
    return standing(join, office.policy.current(), office.clock.now())


def close_joins(office: Office) -> tuple[Join, ...]:
    """Destroy the keys of every join grant that is over, and enter that they are gone. Again, it changes nothing.

    A grant whose own purpose has ended, or that of a side, is ended by this.

    Raises:
        Fault: POLICY_UNAVAILABLE, KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE, REGISTER_UNAVAILABLE; what was not done is done
            by the next call.
    """
    register, now = office.registers.joins, office.clock.now()
    closed = {name for name, _ in ended(office.policy.current(), city_day(now))}
    over: dict[str, Join] = {}
    for join in register.uncertified():
        if not join.over(now):
            if closed.isdisjoint(join.purposes):
                continue
            _end(office, join.id, GATEWAY, now)
        over[join.id] = join
    # a key file that was restored without its list of destructions may hold one again
    for domain in office.keys.domains():
        found = join_of(domain)
        late = None if found is None or found in over else register.get(found)
        if late is not None and late.over(now):
            over[late.id] = late
    for join in over.values():
        office.keys.destroy(join.domain)
        entry = office.audit.note(Event(EventKind.KEYS_DESTROYED, now, GATEWAY, {"join": join.id}))
        register.certify(join.id, JoinEnd(now, entry.index))
    return tuple(over.values())


def _end(office: Office, join_id: str, by: str, now: datetime) -> bool:
    """End a grant and note it, unless somebody else did."""
    if office.registers.joins.finish(join_id, by, now) is None:
        return False
    office.audit.note(Event(EventKind.JOIN_ENDED, now, by, {"join": join_id}))
    return True


def _beyond() -> Refusal:
    """The refusal of an officer who may link, though not this."""
    told = FieldViolation("dataset", f"lies beyond your power '{Power.LINK}', which has to reach over all regions")
    return Refusal(ErrorReason.AUTHORITY_EXCEEDED, violations=(told,))


def _ended_already() -> Refusal:
    return Refusal(ErrorReason.ENTRY_NOT_FOUND, violations=(FieldViolation("id", "is of a join that ended already"),))


def _signed_already(how: Standing) -> Refusal:
    """The refusal of a second signature of one officer, which says whether another's is needed."""
    lacking = f"takes {how.lacking} more" if how.lacking else "is in force" if how.in_force else "is not in force"
    told = FieldViolation("", f"has your signature, and {lacking}")
    return Refusal(ErrorReason.SECOND_OFFICER_REQUIRED, violations=(told,))


def _unsound(joining: Joining, policy: PolicySnapshot, now: datetime) -> list[FieldViolation]:
    wrong: list[FieldViolation] = []
    if joining.first.recipient == joining.second.recipient:
        # what one institution was given for two purposes is apart so that it stays apart
        wrong.append(FieldViolation("second", "is of the same recipient as the first"))
    known = _recipients(policy)
    for place, side in (("first.recipient", joining.first), ("second.recipient", joining.second)):
        if side.recipient not in known:
            wrong.append(FieldViolation(place, "is no institution that a grant of the policy names"))
    named = (("first.purpose", joining.first.purpose), ("second.purpose", joining.second.purpose))
    for place, name in (*named, ("purpose", joining.purpose)):
        purpose = policy.purposes.get(name)
        if purpose is None or purpose.ended_on(city_day(now)):
            wrong.append(FieldViolation(place, "is not a purpose of the policy that has not ended"))
    if not _linkable(joining, policy):
        wrong.append(FieldViolation("field", "is named by no disclosure of kind link of this dataset"))
    if not now < joining.ends_at <= now + LONGEST_JOIN:
        wrong.append(FieldViolation("ends_at", f"must lie within the next {LONGEST_JOIN.days} days"))
    return wrong


def _recipients(policy: PolicySnapshot) -> frozenset[str]:
    """The institutions that grants are for, by themselves or in a role; a role has no tokens."""
    named = {grant.recipient for grant in policy.grants} | {link.member for link in policy.links}
    return frozenset(named - policy.roles.names - {ANY})


def _linkable(joining: Joining, policy: PolicySnapshot) -> bool:
    contract = policy.contracts.get(joining.dataset)
    specs = () if contract is None else contract.disclosures.values()
    return any(spec.kind is DisclosureKind.LINK and joining.field in spec.lookup_keys for spec in specs)


def _about(join: Join) -> dict[str, str]:
    """What the log says of a grant. Its reason, which an officer wrote, is in the digest of what is signed."""
    return {
        "join": join.id,
        "first": f"{join.first.recipient} {join.first.purpose}",
        "second": f"{join.second.recipient} {join.second.purpose}",
        "dataset": join.dataset,
        "purpose": join.purpose,
        "statement": hashlib.sha256(join_statement(join)).hexdigest(),
    }
