"""Identifiers become tokens of the recipient's pseudonym domain for this purpose; tokens of two domains do not join."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa

from gateway.kernels.ciphers import BlockCipher, first_cipher
from gateway.kernels.text import Column, as_text, compute
from gateway.kernels.tokens import TokenKeys, irreversible, tokenize
from gateway.kernels.tokens.format_preserving import preserve
from gateway.model.contract import CanonicalForm
from gateway.model.permit import TREAT, Obligation, Permit
from gateway.model.treatment import CheckDigit, Pseudonymize, TokenKind
from gateway.ports import KeyRing, KeyUse
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
    permit = blended.permit
    makers = {
        name: _maker(permit, name, how, keys)
        for name, how in permit.scope.fields.items()
        if isinstance(how, Pseudonymize)
    }
    schema = pa.schema([field.with_type(pa.string()) if field.name in makers else field for field in blended.schema])

    def segments(source: Iterator[Segment]) -> Iterator[Segment]:
        for segment in source:
            columns = list(segment.records.columns)
            for name, make in makers.items():
                place = schema.get_field_index(name)
                columns[place] = make(columns[place].cast(pa.string()), segment.days)
            yield replace(segment, records=pa.record_batch(columns, schema=schema), days={})

    done = frozenset(Obligation(TREAT, name) for name in makers)
    return PseudonymizedTable._advance(blended, schema, segments(made_ahead(permit, blended.take())), done)


def _maker(permit: Permit, name: str, how: Pseudonymize, keys: KeyRing) -> _Maker:
    """What makes the tokens of a field."""
    form, domain = permit.scope.contract.fields[name].canonical, permit.domain.at(how.renewed, permit.today)
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
