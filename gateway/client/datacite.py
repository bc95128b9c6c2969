"""Metadata of a release for registering a DOI: the mandatory and the fitting attributes of DataCite's schema 4."""

from __future__ import annotations

from typing import Any

from gateway.api.v1 import release_pb2

_SCHEMA = "http://datacite.org/schema/kernel-4"


def datacite(message: release_pb2.Release) -> dict[str, Any]:
    """Return the attributes of a release; see `Release.datacite`."""
    if not message.HasField("attribution"):
        raise ValueError("the contract says nothing of licence and citation")
    published, loss, made = message.attribution, message.privacy_loss, message.created_at.ToDatetime()
    body: dict[str, Any] = {
        "schemaVersion": _SCHEMA,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Differentially private release"},
        "creators": [{"name": published.publisher, "nameType": "Organizational"}],
        "titles": [{"title": f"{published.title}: {message.plan.disclosure}"}],
        "publisher": {"name": published.publisher},
        "publicationYear": made.year,
        "dates": [{"date": made.date().isoformat(), "dateType": "Created"}],
        "version": message.data_version,
        "alternateIdentifiers": [
            {"alternateIdentifier": message.release_id, "alternateIdentifierType": "Purpose Gateway release"}
        ],
        "rightsList": [_rights(published)],
        "descriptions": [{"description": _method(loss.rho, loss.epsilon, message), "descriptionType": "Methods"}],
    }
    if published.identifier:
        kind = "DOI" if published.identifier.startswith("10.") else "URL"
        body["relatedIdentifiers"] = [
            {
                "relatedIdentifier": published.identifier,
                "relatedIdentifierType": kind,
                "relationType": "IsDerivedFrom",
            }
        ]
    return body


def _rights(published: release_pb2.Attribution) -> dict[str, str]:
    if published.licence == published.licence_url:
        return {"rightsUri": published.licence_url}
    return {
        "rightsUri": published.licence_url,
        "rightsIdentifier": published.licence,
        "rightsIdentifierScheme": "SPDX",
        "schemeUri": "https://spdx.org/licenses/",
    }


def _method(rho: str, epsilon: str, message: release_pb2.Release) -> str:
    lost = f"epsilon {epsilon} (rho {rho})" if epsilon else f"rho {rho} of zero-concentrated differential privacy"
    noise = ", ".join(dict.fromkeys(measure.mechanism for measure in message.measures))
    return f"Noised ({noise}) at a privacy loss of {lost} for each {message.privacy_unit}."
