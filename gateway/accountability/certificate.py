"""What the gateway states, and signs, of a release: canonical JSON that can be read without the gateway.

It says what was measured and how, what that lost, of which data and under which policy; and it binds the noised values
by their SHA-256. It names nobody who asked: a release is the same for everybody. Every key is described in
docs/reference/release-certificates.md.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version

from gateway.accountability import jcs
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
    contract, settled = permit.scope.contract, permit.release
    if settled is None:
        raise Fault(ErrorReason.INTERNAL)
    measured = {one.plan.measure.field for one in release.measures} - {None}
    decimals = {name: field.decimals for name, field in contract.fields.items() if name in measured}
    body: dict[str, Json] = {
        **write_question(release),
        "kind": KIND,
        "measures": [{"name": str(one.plan.measure), **write_plan(one.plan)} for one in release.measures],
        "decimals": decimals,
        "max_groups": settled.query.max_groups,
        "noised_sha256": hashlib.sha256(noised(release)).hexdigest(),
        "policy_digest": permit.scope.policy_digest,
        "contract_digest": contract.digest,
        "software": {name: _installed(name) for name in ("purpose-gateway", "opendp")},
    }
    if permit.kept_since is not None:
        body["kept_since"] = permit.kept_since.isoformat()
    return jcs.encode(body)


def noised(release: Release) -> bytes:
    """Return the canonical bytes of what was measured, with its noise: those whose digest a certificate states."""
    return jcs.encode(write_noised(release))


def _installed(name: str) -> str:
    """Return the version of a distribution; "" for the gateway itself where it runs from a source tree."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
