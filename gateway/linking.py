"""Linking and re-identification, on one page: what takes officers before it takes tokens.

Both go through the stages of the pipeline up to admission: Casbin decides, the grant's terms are counted. Then stands
or falls what officers have agreed to. No row is read; what leaves is made of the caller's own tokens alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway.model.errors import ErrorReason
from gateway.model.linking import Reidentification
from gateway.model.party import Identity, Peer
from gateway.model.permit import Refusal
from gateway.model.request import RowsRequest
from gateway.pipeline import Ports, Refused
from gateway.policy.snapshot import PolicySnapshot
from gateway.stages.admit import admit, preview
from gateway.stages.authenticate import authenticate
from gateway.stages.decide import decide
from gateway.stages.link import Linked, find_join, own_tokens
from gateway.stages.link import link as link_tokens
from gateway.stages.record import record_refusal
from gateway.stages.reidentify import Sealed, approved, ask, find_request, reidentify

__all__ = ["Asking", "Collecting", "Linked", "Linking", "Sealed", "ask_reidentification", "collect", "link", "status"]


@dataclass(frozen=True, slots=True)
class Linking:
    """Tokens that the caller's institution was given for the purpose `tokens_of`, to be linked under a join grant."""

    rows: RowsRequest
    tokens_of: str
    join: str


@dataclass(frozen=True, slots=True)
class Asking:
    """Tokens that are to be opened, why, and the X25519 key (32 bytes) that the answer is to be sealed to."""

    rows: RowsRequest
    tokens_of: str
    reason: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Collecting:
    """The same tokens again, and the request that was approved. `rows` has the tokens and an id; the rest is kept."""

    rows: RowsRequest
    request: str


def link(ports: Ports, peer: Peer, asked: Linking) -> Linked | Refused:
    """Turn the caller's tokens into those of a join, in which the other side's meet them."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    request = own_tokens(asked.rows, identity, asked.tokens_of)
    decided = decide(identity, request, policy, ports.clock)
    join = find_join(decided, asked.join, ports.registers.joins, policy, ports.clock)
    if isinstance(join, Refusal):
        return _refused(join, identity, request, policy, ports)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if isinstance(admitted, Refusal):
        return _refused(admitted, identity, request, policy, ports)
    return link_tokens(admitted, join, ports.keys, ports.audit, ports.clock)


def ask_reidentification(ports: Ports, peer: Peer, asked: Asking) -> Reidentification | Refused:
    """Ask for tokens to be opened. Nothing is: the request waits for two officers."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    request = own_tokens(asked.rows, identity, asked.tokens_of)
    decided = decide(identity, request, policy, ports.clock)
    permit = preview(decided, ports.registers, ports.clock)
    waiting = ask(
        permit,
        asked.reason,
        asked.public_key,
        ports.registers.reidentifications,
        ports.keys,
        ports.audit,
        ports.clock,
    )
    if isinstance(waiting, Refusal):
        return _refused(waiting, identity, request, policy, ports)
    return waiting


def status(ports: Ports, peer: Peer, request_id: str) -> Reidentification | Refused:
    """Tell those who asked how far their request is."""
    identity = authenticate(peer, ports.identities, ports.clock)
    asked = ports.registers.reidentifications.get(request_id)
    if asked is None or (asked.institution, asked.person) != (identity.institution, identity.person):
        return Refused(Refusal(ErrorReason.ENTRY_NOT_FOUND), None)
    return asked


def collect(ports: Ports, peer: Peer, asked: Collecting) -> Sealed | Refused:
    """Open the tokens of a request that two officers approved, once: decided anew, counted, on record, then sealed."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    register = ports.registers.reidentifications
    tokens = () if asked.rows.selector is None else tuple(map(str, asked.rows.selector.values))
    found = find_request(asked.request, identity, tokens, register, ports.clock)
    if isinstance(found, Refusal):
        return Refused(found, None)
    request = own_tokens(_again(asked.rows, found), identity, found.tokens_of)
    decided = approved(decide(identity, request, policy, ports.clock), found, policy)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if isinstance(admitted, Refusal):
        return _refused(admitted, identity, request, policy, ports)
    sealed = reidentify(admitted, found, register, ports.keys, ports.audit, ports.clock)
    return _refused(sealed, identity, request, policy, ports) if isinstance(sealed, Refusal) else sealed


def _again(rows: RowsRequest, asked: Reidentification) -> RowsRequest:
    """The request as it was approved: of what is sent again the tokens alone count, and the id."""
    context = replace(
        rows.context, purpose=asked.purpose, region=asked.region, case_number=asked.case_number, break_glass_reason=""
    )
    selector = None if rows.selector is None else replace(rows.selector, field=asked.field)
    return replace(rows, context=context, dataset=asked.dataset, disclosure=asked.disclosure, selector=selector)


def _refused(
    refusal: Refusal, identity: Identity, request: RowsRequest, policy: PolicySnapshot, ports: Ports
) -> Refused:
    return Refused(refusal, record_refusal(refusal, identity, request, policy, ports.audit, ports.clock))
