"""The statement of a release: it binds the noised values by their SHA-256, and is the same for everybody."""

from __future__ import annotations

import hashlib

from gateway.accountability import jcs
from gateway.accountability.certificates.origin import origin
from gateway.accountability.jcs import Json
from gateway.accountability.release import write_noised, write_plan, write_question
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Permit
from gateway.model.statistics import Release

KIND = "purpose-gateway release certificate 1"


def release_statement(release: Release, permit: Permit) -> bytes:
    """Return what is to be signed of a release that was made under a permit: RFC 8785 JSON.

    Raises:
        Fault: INTERNAL if the permit is of no release.
    """
    contract, settled = permit.contract, permit.release
    if settled is None:
        raise Fault(ErrorReason.INTERNAL)
    measured = {one.plan.measure.field for one in release.measures} - {None}
    decimals = {name: field.decimals for name, field in contract.fields.items() if name in measured}
    body: dict[str, Json] = {
        **write_question(release),
        **origin(permit),
        "kind": KIND,
        "measures": [{"name": str(one.plan.measure), **write_plan(one.plan)} for one in release.measures],
        "decimals": decimals,
        "max_groups": settled.query.max_groups,
        "noised_sha256": hashlib.sha256(noised(release)).hexdigest(),
    }
    if permit.joined is not None:
        body["joined"] = _joined(permit.joined.permit)
    return jcs.encode(body)


def _joined(permit: Permit) -> dict[str, Json]:
    """The contract of the dataset that was joined, and the first of its days that were read, where it promises one."""
    body: dict[str, Json] = {"contract_digest": permit.scope.contract.digest}
    if permit.kept_since is not None:
        body["kept_since"] = permit.kept_since.isoformat()
    return body


def noised(release: Release) -> bytes:
    """Return the canonical bytes of what was measured, with its noise: those whose digest a certificate states."""
    return jcs.encode(write_noised(release))
