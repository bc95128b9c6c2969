"""Tokens of a named pseudonym domain, made and opened, for linking and re-identification."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from gateway.kernels.text import as_text, compute
from gateway.kernels.tokens import TokenKeys, detokenize, subject_tags, tokenize
from gateway.model.contract import CanonicalForm
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Identity
from gateway.model.permit import Permit
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.record import Receipt
from gateway.model.request import RowsRequest, Selector
from gateway.ports import AuditLog, KeyRing, KeyUse
from gateway.stages.domain_keys import token_keys, unit_key


def open_tokens(tokens: pa.StringArray, domain: PseudonymDomain, form: CanonicalForm, keys: KeyRing) -> pa.StringArray:
    """Return the canonical identifier behind each token of a domain, as utf8; NULL for what is no token of it.

    A domain that has no keys, because it never had or they were destroyed, has no tokens: none are made by asking.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    if domain not in keys.domains():
        return pa.nulls(len(tokens), pa.string())
    # whatever an older version made is read as well, while that version may be
    return read_tokens(tokens, form, (token_keys(keys, domain, form, version) for version in keys.versions()))


def read_tokens(tokens: pa.StringArray, form: CanonicalForm, made_with: Iterable[TokenKeys]) -> pa.StringArray:
    """Return the canonical identifier behind each token, by the first keys that know it; NULL where none do.

    The keys are asked for one after another, and no more of them than it takes.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    values: pa.StringArray = pa.nulls(len(tokens), pa.string())
    for keys in made_with:
        values = as_text(compute.coalesce(values, detokenize(tokens, form, keys)))
        if values.null_count == tokens.null_count:
            break
    return values


def named_by(request: object) -> Selector:
    """Return the tokens of a request that names some; the edge makes no other of the kinds that need them.

    Raises:
        Fault: INTERNAL if it names none.
    """
    if not isinstance(request, RowsRequest) or request.selector is None:
        raise Fault(ErrorReason.INTERNAL)
    return request.selector


def own_tokens(request: RowsRequest, identity: Identity, purpose: str) -> RowsRequest:
    """Return the request with its tokens read as those that the caller's institution was given for a purpose."""
    selector = named_by(request)
    return replace(request, selector=replace(selector, domain=PseudonymDomain(identity.institution, purpose)))


def make_tokens(values: pa.StringArray, domain: PseudonymDomain, form: CanonicalForm, keys: KeyRing) -> pa.StringArray:
    """Return the token of each identifier in a domain, as utf8, under the newest keys; NULL for NULL.

    Raises:
        Fault: KEYS_UNAVAILABLE; also where the domain's keys were destroyed.
    """
    return tokenize(values, form, token_keys(keys, domain, form))


def tag_subjects(permit: Permit, receipt: Receipt, subjects: pa.StringArray, keys: KeyRing, audit: AuditLog) -> None:
    """Enter in the disclosure manifest, durably, whose tokens these were; where the field is the subject's own.

    Raises:
        Fault: KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    contract = permit.scope.contract
    unit = contract.unit_field
    if named_by(permit.request).field != unit.name:
        return
    key = unit_key(keys, contract, KeyUse.MANIFEST)
    tags = subject_tags(compute.unique(subjects.drop_null()), unit.canonical, key)
    if tags:
        audit.append_manifest(receipt.entry.index, 0, tags)
