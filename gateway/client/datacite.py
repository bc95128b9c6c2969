"""Metadata for registering a DOI: the mandatory and the fitting attributes of DataCite's schema 4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.api.v1 import release_pb2
from gateway.client.certified import attribution_of, of_attribution

_SCHEMA = "http://datacite.org/schema/kernel-4"
_UNCITED = "the contract says nothing of licence and citation"


@dataclass(frozen=True, slots=True)
class _Work:
    """What is registered. `sources` are attributions of datasets, with the addresses of licence and identifier."""

    kind: str
    id: str
    disclosure: str
    day: str
    version: str
    sources: Sequence[Mapping[str, str]]
    method: str


def datacite(message: release_pb2.Release) -> dict[str, Any]:
    """Return the attributes of a release; see `Release.datacite`."""
    if not message.HasField("attribution"):
        raise ValueError(_UNCITED)
    loss, mechanisms = message.privacy_loss, (measure.mechanism for measure in message.measures)
    return _attributes(
        _Work(
            kind="Differentially private release",
            id=message.release_id,
            disclosure=message.plan.disclosure,
            day=message.created_at.ToDatetime().date().isoformat(),
            version=message.data_version,
            sources=_sources(message),
            method=f"Noised {_method(loss.rho, loss.epsilon, mechanisms, message.privacy_unit)}",
        )
    )


def extract_datacite(says: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a synthetic extract; see `SyntheticExtract.datacite`."""
    if "attribution" not in says:
        raise ValueError(_UNCITED)
    loss, mechanisms = says["loss"], (one["mechanism"] for one in says["tables"])
    method = _method(loss["rho"], loss.get("epsilon", ""), mechanisms, says["unit_kind"])
    return _attributes(
        _Work(
            kind="Synthetic extract",
            id=says["id"],
            disclosure=says["disclosure"],
            day=says["made_at"][:10],
            version=says["data_version"],
            sources=[of_attribution(says["attribution"])],
            method=f"Synthetic rows, made of counts that were noised {method}",
        )
    )


def _attributes(work: _Work) -> dict[str, Any]:
    sources = work.sources
    publishers = dict.fromkeys(one["publisher"] for one in sources)
    body: dict[str, Any] = {
        "schemaVersion": _SCHEMA,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": work.kind},
        "creators": [{"name": name, "nameType": "Organizational"} for name in publishers],
        "titles": [{"title": f"{' with '.join(one['title'] for one in sources)}: {work.disclosure}"}],
        "publisher": {"name": sources[0]["publisher"]},
        "publicationYear": int(work.day[:4]),
        "dates": [{"date": work.day, "dateType": "Created"}],
        "version": work.version,
        "alternateIdentifiers": [
            {"alternateIdentifier": work.id, "alternateIdentifierType": f"Purpose Gateway {work.kind.split()[-1]}"}
        ],
        "rightsList": [_rights(one) for one in {one["licence"]: one for one in sources}.values()],
        "descriptions": [{"description": work.method, "descriptionType": "Methods"}],
    }
    related = [_derived_from(identifier) for one in sources if (identifier := one.get("identifier", ""))]
    return body | ({"relatedIdentifiers": related} if related else {})


def _sources(message: release_pb2.Release) -> list[Mapping[str, str]]:
    """What is published of each dataset that a release is of."""
    both = attribution_of(message), attribution_of(message, "joined_attribution")
    return [published for published in both if published]


def _derived_from(identifier: str) -> dict[str, str]:
    kind = "DOI" if identifier.startswith("10.") else "URL"
    return {"relatedIdentifier": identifier, "relatedIdentifierType": kind, "relationType": "IsDerivedFrom"}


def _rights(published: Mapping[str, str]) -> dict[str, str]:
    if published["licence"] == published["licence_url"]:
        return {"rightsUri": published["licence_url"]}
    return {
        "rightsUri": published["licence_url"],
        "rightsIdentifier": published["licence"],
        "rightsIdentifierScheme": "SPDX",
        "schemeUri": "https://spdx.org/licenses/",
    }


def _method(rho: str, epsilon: str, mechanisms: Iterable[str], unit: str) -> str:
    lost = f"epsilon {epsilon} (rho {rho})" if epsilon else f"rho {rho} of zero-concentrated differential privacy"
    return f"({', '.join(dict.fromkeys(mechanisms))}) at a privacy loss of {lost} for each {unit}."
