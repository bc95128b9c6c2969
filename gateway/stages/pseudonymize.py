"""Identifiers become tokens of the recipient's pseudonym domain for this purpose; tokens of two domains do not join."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from gateway.kernels.tokens import TokenKeys, tokenize
from gateway.model.permit import TREAT, Obligation
from gateway.model.treatment import Pseudonymize
from gateway.ports import KeyRing, KeyUse
from gateway.tables import MinimizedTable, PseudonymizedTable, Segment


def pseudonymize(minimal: MinimizedTable, keys: KeyRing) -> PseudonymizedTable:
    """Replace the fields whose treatment is a pseudonym by tokens (Arrow utf8).

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    permit = minimal.permit
    names = [name for name, how in permit.scope.fields.items() if isinstance(how, Pseudonymize)]
    forms = {name: permit.scope.contract.fields[name].canonical for name in names}
    working = {
        form: TokenKeys(
            keys.suite,
            keys.working_key(permit.domain, KeyUse.TOKEN_BLOCK, form.value),
            keys.working_key(permit.domain, KeyUse.TOKEN_SIV, form.value),
        )
        for form in set(forms.values())
    }
    fields = [field.with_type(pa.string()) if field.name in forms else field for field in minimal.schema]
    schema = pa.schema(fields)

    def segments(source: Iterator[Segment]) -> Iterator[Segment]:
        for segment in source:
            columns = list(segment.records.columns)
            for name, form in forms.items():
                place = schema.get_field_index(name)
                columns[place] = tokenize(columns[place].cast(pa.string()), form, working[form])
            yield replace(segment, records=pa.record_batch(columns, schema=schema))

    done = frozenset(Obligation(TREAT, name) for name in names)
    return PseudonymizedTable._advance(minimal, schema, segments(minimal.take()), done)
