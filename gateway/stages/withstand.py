"""Tokens withstand counting, or none are made: whoever knows how frequent values are would see through them."""

from __future__ import annotations

from dataclasses import replace

from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.permit import FieldViolation, NearestRequest, Permit, Refusal
from gateway.model.treatment import Pseudonymize
from gateway.ports import Source
from gateway.tables import AdmittedPermit


def withstand(admitted: AdmittedPermit, source: Source) -> Refusal | None:
    """Refuse tokens in bulk on a column that counting would turn back, before anything is charged; else None.

    Counted among the rows that the disclosure is of, whatever a caller filters for.

    Raises:
        Fault: of the source.
    """
    permit, scope = admitted.permit, admitted.permit.scope
    if permit.request.kind is not DisclosureKind.EXTRACT:
        return None
    counted = permit.rows(scope.granted_region)
    undone = tuple(
        name
        for name, how in scope.fields.items()
        if isinstance(how, Pseudonymize) and source.guessable(scope.contract, name, counted)
    )
    return _refused(permit, undone) if undone else None


def _refused(permit: Permit, undone: tuple[str, ...]) -> Refusal:
    """Name the fields, as the contract does, and what is left without them: else whom to ask."""
    rest = tuple(name for name in permit.scope.fields if name not in undone)
    return replace(
        permit.refused(ErrorReason.TOKENS_GUESSABLE),
        violations=tuple(
            FieldViolation("fields", f"'{name}' would leave as tokens that counting undoes") for name in undone
        ),
        nearest=NearestRequest(fields=rest) if rest else NearestRequest(steward=permit.scope.contract.steward),
    )
