"""Identifiers become tokens of the recipient's pseudonym domain for this purpose; tokens of two domains do not join."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pyarrow as pa

from gateway.kernels.ciphers import BlockCipher, first_cipher
from gateway.kernels.text import Column, as_text, compute
from gateway.kernels.tokens import TokenKeys, irreversible, tokenize
from gateway.kernels.tokens.format_preserving import preserve
from gateway.model.contract import CanonicalForm
from gateway.model.permit import TREAT, Obligation
from gateway.model.row_treatment import RowTreatment
from gateway.model.treatment import CheckDigit, Pseudonymize, TokenKind
from gateway.ports import KeyRing, KeyUse, WorkingKeys
from gateway.stages.ahead import made_ahead
from gateway.stages.domain_keys import token_keys
from gateway.tables import BlendedTable, PseudonymizedTable, Segment

_Maker = Callable[[Column, Mapping[str, Column]], pa.StringArray]
"""Makes tokens of a column and of the days by which tokens are renewed."""


def pseudonymize(blended: BlendedTable, keys: KeyRing) -> PseudonymizedTable:
    """Replace the fields whose treatment is a pseudonym by tokens (Arrow utf8).

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    permit, treatment = blended.permit, blended.permit.treatment
    schema = pseudonymized_schema(treatment, blended.schema)
    each = pseudonymizer(treatment, schema, keys)
    segments = (each(segment) for segment in made_ahead(permit, blended.take()))  # it can be closed, as a map cannot
    return PseudonymizedTable._advance(blended, schema, segments, pseudonymizes(treatment))


def pseudonymizes(treatment: RowTreatment) -> frozenset[Obligation]:
    """The obligations that pseudonymisation discharges."""
    return frozenset(Obligation(TREAT, name) for name in _pseudonyms(treatment))


def pseudonymized_schema(treatment: RowTreatment, minimized: pa.Schema) -> pa.Schema:
    """The Arrow schema of pseudonymised rows, by that of minimised ones."""
    names = _pseudonyms(treatment)
    return pa.schema([field.with_type(pa.string()) if field.name in names else field for field in minimized])


def pseudonymizer(treatment: RowTreatment, schema: pa.Schema, keys: WorkingKeys) -> Callable[[Segment], Segment]:
    """Return what pseudonymises one segment of minimised rows.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    makers = {name: _maker(treatment, name, how, keys) for name, how in _pseudonyms(treatment).items()}

    def pseudonymized(segment: Segment) -> Segment:
        columns = list(segment.records.columns)
        for name, make in makers.items():
            place = schema.get_field_index(name)
            columns[place] = make(columns[place].cast(pa.string()), segment.days)
        return replace(segment, records=pa.record_batch(columns, schema=schema), days={})

    return pseudonymized


def _pseudonyms(treatment: RowTreatment) -> dict[str, Pseudonymize]:
    return {name: how for name, how in treatment.fields.items() if isinstance(how, Pseudonymize)}


def _maker(treatment: RowTreatment, name: str, how: Pseudonymize, keys: WorkingKeys) -> _Maker:
    """What makes the tokens of a field."""
    form = treatment.contract.fields[name].canonical
    domain = treatment.domain.at(how.renewed, treatment.today)
    match how.token:
        case TokenKind.REVERSIBLE:
            both = token_keys(keys, domain, form)
            return lambda column, _: tokenize(column, form, both)
        case TokenKind.IRREVERSIBLE:
            if how.by is None:
                key = keys.working_key(domain, KeyUse.TOKEN_IRREVERSIBLE, form.value)
                return lambda column, _: irreversible(column, form, keys.suite, key)
            key = keys.working_key(domain, KeyUse.TOKEN_IRREVERSIBLE, f"{form.value}/{how.renewed}")
            return lambda column, days: irreversible(column, form, keys.suite, key, days[name])
        case TokenKind.FORMAT:
            key = keys.working_key(domain, KeyUse.TOKEN_FORMAT, form.value)
            cipher, others = first_cipher(keys.suite, key), token_keys(keys, domain, form)
            return lambda column, _: _preserved(column, form, how.check, cipher, others)


def _preserved(
    column: Column, form: CanonicalForm, check: CheckDigit | None, cipher: BlockCipher, others: TokenKeys
) -> pa.StringArray:
    """Format-preserving tokens; what is not of the form has no format to preserve, and gets a reversible one."""
    tokens, untaken = preserve(column, form, check, cipher)
    if not untaken.any():
        return tokens
    mask = pa.array(untaken)
    return as_text(compute.replace_with_mask(tokens, mask, tokenize(column.filter(mask), form, others)))
