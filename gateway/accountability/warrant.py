"""What officers sign before domains are linked or tokens opened: canonical JSON of all that they agree to.

The client writes the same bytes from what the officer is shown; a test holds the two equal.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.accountability import jcs
from gateway.accountability.lexical import write_instant
from gateway.model.governance import Officer
from gateway.model.linking import Join, Reidentification
from gateway.model.pseudonym import PseudonymDomain


def join_statement(join: Join) -> bytes:
    """Return what an officer signs to approve a join grant: RFC 8785 JSON, whose first key says what it is."""
    return jcs.encode(
        {
            "approves": "purpose-gateway join 1",
            "dataset": join.dataset,
            "ends_at": write_instant(join.ends_at),
            "field": join.field,
            "first": _domain(join.first),
            "form": join.form.value,
            "id": join.id,
            "proposed_at": write_instant(join.proposed_at),
            "proposed_by": join.proposed_by,
            "purpose": join.purpose,
            "reason": join.reason,
            "second": _domain(join.second),
        }
    )


def reidentification_statement(asked: Reidentification) -> bytes:
    """Return what an officer signs to approve a re-identification: RFC 8785 JSON, whose first key says what it is."""
    return jcs.encode(
        {
            "approves": "purpose-gateway reidentification 1",
            "asked_at": write_instant(asked.asked_at),
            "asked_by": asked.asked_by,
            "case_number": asked.case_number,
            "count": asked.count,
            "dataset": asked.dataset,
            "disclosure": asked.disclosure,
            "field": asked.field,
            "id": asked.id,
            "public_key": asked.public_key.hex(),
            "purpose": asked.purpose,
            "reason": asked.reason,
            "region": asked.region,
            "tokens_digest": asked.tokens_digest.hex(),
            "tokens_of": asked.tokens_of,
        }
    )


def signed(officer: Officer, statement: bytes, signature: bytes) -> bool:
    """Tell whether a signature (Ed25519, RFC 8032) over a statement is the officer's, by the key that policy has."""
    try:
        Ed25519PublicKey.from_public_bytes(officer.key).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def _domain(domain: PseudonymDomain) -> dict[str, str]:
    return {"purpose": domain.purpose, "recipient": domain.recipient}
