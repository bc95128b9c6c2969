"""Tokens withstand counting, or none are made: whoever knows how frequent values are would see through them."""

from __future__ import annotations

from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.permit import Refusal
from gateway.model.plan import RowScope
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
    counted = RowScope(None, scope.disclosure.consent_field, scope.disclosure.predicate)
    for name, how in scope.fields.items():
        if isinstance(how, Pseudonymize) and source.guessable(scope.contract, name, counted):
            return Refusal(ErrorReason.TOKENS_GUESSABLE, grant=scope.grant, legal_basis=scope.legal_basis)
    return None
