"""Linking and re-identification, on one page: what takes officers before it takes tokens.

Both go through the stages of the pipeline up to admission: Casbin decides, the grant's terms are counted. Then stands
or falls what officers have agreed to. No row is read; what leaves is made of the caller's own tokens alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from gateway.model.linking import Reidentification
from gateway.model.party import Identity, Peer
from gateway.model.permit import Refusal
from gateway.model.request import RowsRequest
from gateway.pipeline import Ports, Refused, refused
from gateway.stages.admit import admit, admit_asking
from gateway.stages.authenticate import authenticate
from gateway.stages.decide import decide
from gateway.stages.domain_tokens import own_tokens
from gateway.stages.link import Linked, find_join
from gateway.stages.link import link as link_tokens
from gateway.stages.reidentify import Sealed, approved, ask, collectable, own_request, reidentify

__all__ = ["Asking", "Collecting", "Linked", "Linking", "Sealed", "ask_reidentification", "collect", "link", "status"]

_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
"""What ids of requests look like: nothing else of the caller's goes on record as one."""


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
    """A request that was asked for, and the same tokens again. `rows` has the tokens and an id; the rest is kept."""

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
        return refused(join, identity, request, policy, ports)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if isinstance(admitted, Refusal):
        return refused(admitted, identity, request, policy, ports)
    return link_tokens(admitted, join, ports.keys, ports.audit, ports.clock)


def ask_reidentification(ports: Ports, peer: Peer, asked: Asking) -> Reidentification | Refused:
    """Ask for tokens to be opened. Nothing is: the request, which is counted, waits for two officers."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    request = own_tokens(asked.rows, identity, asked.tokens_of)
    decided = decide(identity, request, policy, ports.clock)
    permit = admit_asking(decided, ports.registers, ports.clock)
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
        return refused(waiting, identity, request, policy, ports)
    return waiting


def status(ports: Ports, peer: Peer, asked: Collecting) -> Reidentification | Refused:
    """Tell those who asked how far their request is. Its tokens are not named again for that."""
    identity = authenticate(peer, ports.identities, ports.clock)
    found = ports.registers.reidentifications.get(asked.request)
    own = own_request(found, identity)
    if isinstance(own, Refusal):
        return _not_found(own, identity, asked, ports)
    return own


def collect(ports: Ports, peer: Peer, asked: Collecting) -> Sealed | Refused:
    """Open the tokens of a request that two officers approved, once: decided anew, counted, on record, then sealed."""
    identity = authenticate(peer, ports.identities, ports.clock)
    register = ports.registers.reidentifications
    found = register.get(asked.request)
    own = own_request(found, identity)
    if isinstance(own, Refusal):
        return _not_found(own, identity, asked, ports)
    policy = ports.policy.current()
    request = own_tokens(_again(asked.rows, own), identity, own.tokens_of)
    collected = collectable(request, own, ports.clock)
    decided = collected or approved(decide(identity, request, policy, ports.clock), own, policy)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if isinstance(admitted, Refusal):
        return refused(admitted, identity, request, policy, ports, reidentification=own.id)
    sealed = reidentify(admitted, own, register, ports.keys, ports.audit, ports.clock)
    if isinstance(sealed, Refusal):
        return refused(sealed, identity, request, policy, ports, reidentification=own.id)
    return sealed


def _not_found(refusal: Refusal, identity: Identity, asked: Collecting, ports: Ports) -> Refused:
    """Whoever tries somebody else's request is on record with its id alone, and learns nothing of it.

    Nor whether there is one: an id that nobody has is on record likewise, if it looks like one.
    """
    about = asked.request if _ID.fullmatch(asked.request) else ""
    return refused(refusal, identity, asked.rows, ports.policy.current(), ports, reidentification=about)


def _again(rows: RowsRequest, asked: Reidentification) -> RowsRequest:
    """The request as it was approved: of what is sent again the tokens alone count, and the id."""
    context = replace(
        rows.context, purpose=asked.purpose, region=asked.region, case_number=asked.case_number, break_glass_reason=""
    )
    selector = None if rows.selector is None else replace(rows.selector, field=asked.field)
    return replace(rows, context=context, dataset=asked.dataset, disclosure=asked.disclosure, selector=selector)
