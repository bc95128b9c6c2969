"""What releases, counts and certificates share, as canonical JSON and back: conditions, losses, attributions."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import read_fraction, read_scalar, write_fraction, write_scalar
from gateway.model.attribution import Attribution
from gateway.model.filter import Condition, Operator
from gateway.model.loss import PrivacyLoss
from gateway.model.signing import Certificate, Signature

_PUBLISHED = ("title", "publisher", "licence", "citation", "identifier")


def write_condition(item: Condition) -> Json:
    """Write a condition."""
    values: list[Json] = [write_scalar(value) for value in item.values]
    return {"field": item.field, "operator": item.operator.value, "values": values}


def read_condition(body: Mapping[str, Json]) -> Condition:
    """Read what `write_condition` wrote; KeyError or ValueError for anything else."""
    return Condition(
        jcs.typed(body["field"], str),
        Operator(jcs.typed(body["operator"], str)),
        tuple(read_scalar(value) for value in jcs.typed(body["values"], list)),
    )


def write_loss(loss: PrivacyLoss) -> dict[str, Json]:
    """Write a loss in exact fractions; epsilon and delta where it has them."""
    body: dict[str, Json] = {"rho": write_fraction(loss.rho)}
    if loss.epsilon is not None:
        body["epsilon"] = write_fraction(loss.epsilon)
    if loss.delta:
        body["delta"] = write_fraction(loss.delta)
    return body


def read_loss(body: Mapping[str, Json]) -> PrivacyLoss:
    """Read what `write_loss` wrote, also with a delta of 0; KeyError or ValueError for anything else."""
    return PrivacyLoss(
        read_fraction(jcs.typed(body["rho"], str)),
        read_fraction(jcs.typed(body["epsilon"], str)) if "epsilon" in body else None,
        read_fraction(jcs.typed(body["delta"], str)) if "delta" in body else Fraction(0),
    )


def write_attribution(attribution: Attribution) -> dict[str, Json]:
    """Write what a contract says of licence and citation."""
    return {name: getattr(attribution, name) for name in _PUBLISHED}


def read_attribution(body: Mapping[str, Json]) -> Attribution:
    """Read what `write_attribution` wrote; KeyError or ValueError for anything else."""
    return Attribution(*(jcs.typed(body[name], str) for name in _PUBLISHED))


def write_certificate(certificate: Certificate) -> dict[str, Json]:
    """Write a statement with its signature."""
    return {
        "statement": jcs.decode(certificate.statement),
        "key_id": certificate.signature.key_id,
        "signature": certificate.signature.value.hex(),
    }


def read_certificate(body: Mapping[str, Json]) -> Certificate:
    """Read what `write_certificate` wrote; KeyError or ValueError for anything else."""
    signature = Signature(jcs.typed(body["key_id"], str), bytes.fromhex(jcs.typed(body["signature"], str)))
    return Certificate(jcs.encode(body["statement"]), signature)
