"""Where a thing that is certified comes from: the policy and the contract it was made under, and the software."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from gateway.accountability.jcs import Json
from gateway.model.permit import Permit


def origin(permit: Permit) -> dict[str, Json]:
    """Return the keys that every statement has of the permit under which something was made."""
    body: dict[str, Json] = {
        "policy_digest": permit.scope.policy_digest,
        "contract_digest": permit.scope.contract.digest,
        "software": {name: _installed(name) for name in ("purpose-gateway", "opendp")},
    }
    if permit.kept_since is not None:
        body["kept_since"] = permit.kept_since.isoformat()
    return body


def _installed(name: str) -> str:
    """Return the version of a distribution; "" for the gateway itself where it runs from a source tree."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
