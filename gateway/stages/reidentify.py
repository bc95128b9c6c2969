"""Opening a few tokens in an emergency: asked for without data, approved by two officers, collected once, sealed."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.accountability.warrant import reidentification_statement
from gateway.decision.warrant import reidentification_stands
from gateway.kernels.digest import digest_of
from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event, EventKind
from gateway.model.linking import MOST_REIDENTIFIED, Reidentification
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal
from gateway.model.record import Receipt
from gateway.model.request import RowsRequest
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import AuditLog, Clock, KeyRing, ReidentificationRegister
from gateway.stages.domain_tokens import named_by, open_tokens, tag_subjects
from gateway.stages.record.tokens import record_tokens
from gateway.tables import AdmittedPermit

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_DIGEST = b"purpose-gateway tokens 1"
_INFO = b"purpose-gateway reidentification 1"


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """Identifiers sealed by HPKE (RFC 9180, base mode) to the key of those who asked.

    `sealed` is the encapsulated key and the ciphertext of a JSON array, in the order of the tokens: an identifier, or
    null for what is no token of the caller's. `receipt` was durable before anything was opened to be sealed.
    """

    sealed: bytes
    receipt: Receipt


def ask(
    permit: Permit | Refusal,
    reason: str,
    public_key: bytes,
    register: ReidentificationRegister,
    keys: KeyRing,
    audit: AuditLog,
    clock: Clock,
) -> Reidentification | Refusal:
    """Enter what is asked for, with a digest of its tokens. Nothing is opened by that.

    Raises:
        Fault: REGISTER_UNAVAILABLE, KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    if isinstance(permit, Refusal):
        return permit
    selector, context, now = named_by(permit.request), permit.request.context, clock.now()
    if not _usable(public_key):
        return _invalid("public_key", "is no X25519 public key that can be sealed to")
    if selector.domain is None or selector.domain not in keys.domains():
        return _invalid("tokens_of", "is no purpose that your institution was given tokens for")
    asked = Reidentification(
        id=secrets.token_hex(16),
        institution=permit.identity.institution,
        person=permit.identity.person,
        dataset=permit.request.dataset,
        disclosure=permit.request.disclosure,
        field=selector.field,
        purpose=context.purpose,
        tokens_of=selector.domain.purpose,
        region=permit.scope.region,
        case_number=permit.case_number,
        reason=reason,
        count=len(selector.values),
        tokens_digest=tokens_digest(selector.values),
        public_key=public_key,
        asked_at=now,
    )
    audit.note(Event(EventKind.REIDENTIFICATION_ASKED, now, asked.asked_by, _about(asked)))
    register.ask(asked)
    return asked


def own_request(asked: Reidentification | None, identity: Identity) -> Reidentification | Refusal:
    """Return a request to the person who asked; for whoever else there is none."""
    if asked is None or (asked.institution, asked.person) != (identity.institution, identity.person):
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    return asked


def collectable(request: RowsRequest, asked: Reidentification, clock: Clock) -> Refusal | None:
    """Return why a request cannot be collected now with these tokens, whoever approved it; None if it can."""
    if asked.collected_at is not None:
        return Refusal(ErrorReason.REIDENTIFICATION_COLLECTED)
    if clock.now() >= asked.collect_by:
        return Refusal(ErrorReason.REIDENTIFICATION_LAPSED)
    if tokens_digest(named_by(request).values) != asked.tokens_digest:
        return _invalid("tokens", "are not those that this was asked for")
    return None


def approved(
    decided: tuple[Permit, ...] | Refusal, asked: Reidentification, policy: PolicySnapshot
) -> tuple[Permit, ...] | Refusal:
    """Pass what was decided anew on, if two officers stand behind the request."""
    if isinstance(decided, Refusal) or reidentification_stands(asked, policy):
        return decided
    return decided[0].refused(ErrorReason.REIDENTIFICATION_NOT_APPROVED)


def reidentify(
    admitted: AdmittedPermit,
    asked: Reidentification,
    register: ReidentificationRegister,
    keys: KeyRing,
    audit: AuditLog,
    clock: Clock,
) -> Sealed | Refusal:
    """Collect a request: once, on record, and only then opened and sealed.

    Raises:
        Fault: REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE, KEYS_UNAVAILABLE; the request is used up all the same. INTERNAL
            for a grant without its compulsory terms.
    """
    permit = admitted.permit
    selector, terms = named_by(permit.request), permit.scope.terms
    if terms.rate is None or terms.max_keys is None or len(selector.values) > min(terms.max_keys, MOST_REIDENTIFIED):
        raise Fault(ErrorReason.INTERNAL)
    if selector.domain is None or tokens_digest(selector.values) != asked.tokens_digest:
        raise Fault(ErrorReason.INTERNAL)
    if not register.collect(asked.id, clock.now()):
        return permit.refused(ErrorReason.REIDENTIFICATION_COLLECTED)
    receipt = record_tokens(admitted, len(selector.values), audit, clock, reidentification=asked.id)
    form = permit.scope.contract.fields[selector.field].canonical
    subjects = open_tokens(pa.array(list(selector.values), pa.string()), selector.domain, form, keys)
    tag_subjects(permit, receipt, subjects, keys, audit)
    opened = json.dumps(subjects.to_pylist(), ensure_ascii=False, separators=(",", ":")).encode()
    key = X25519PublicKey.from_public_bytes(asked.public_key)
    return Sealed(_SUITE.encrypt(opened, key, info_of(asked.id, receipt.entry.leaf_hash)), receipt)


def info_of(request_id: str, leaf_hash: bytes) -> bytes:
    """Return HPKE's `info`: it ties what is sealed to its request and to its entry in the log."""
    return b"\n".join((_INFO, request_id.encode(), leaf_hash.hex().encode()))


def tokens_digest(tokens: Sequence[object]) -> bytes:
    """Return the SHA-256 of tokens in order, each behind its length in 8 bytes, so that none run together."""
    return digest_of(*map(str, tokens), label=_DIGEST)


def _about(asked: Reidentification) -> dict[str, str]:
    """What the log says of a request. Its reason, which a caller wrote, is in the digest of what is signed."""
    return {
        "request": asked.id,
        "dataset": asked.dataset,
        "disclosure": asked.disclosure,
        "purpose": asked.purpose,
        "tokens": str(asked.count),
        "statement": hashlib.sha256(reidentification_statement(asked)).hexdigest(),
    }


def _invalid(field: str, what: str) -> Refusal:
    return Refusal.of(ErrorReason.REQUEST_INVALID, field, what)


def _usable(public_key: bytes) -> bool:
    """Whether something can be sealed to a key; to a point of small order nothing can."""
    try:
        _SUITE.encrypt(b"", X25519PublicKey.from_public_bytes(public_key))
    except ValueError:
        return False
    return True
