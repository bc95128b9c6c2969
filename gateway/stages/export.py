"""Rows that are treated where they are: what is read, and the very stages' work on each row, as one that can travel.

What travels is how rows are treated and the names of keys. No key does, nor anything of the caller but the pseudonym
domain. What takes a view over rows of several parts cannot be done so, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from gateway.kernels.batches import gathered
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import (
    APPLY_FILTERS,
    LIMIT_ROWS,
    REQUIRE_CONSENT,
    RESTRICT_REGION,
    WAIVE_NOISE,
    FieldViolation,
    Obligation,
    Permit,
    Refusal,
)
from gateway.model.plan import RowPlan
from gateway.model.request import RowsRequest
from gateway.model.row_treatment import RowTreatment
from gateway.ports import KeyRing, Source
from gateway.ports.exports import Exports, TreatedBlock
from gateway.stages.charge import data_version, version_now
from gateway.stages.fetch.rows import BATCH_ROWS, columns_read
from gateway.stages.minimize import minimized_schema, minimizer, minimizes
from gateway.stages.named_keys import KeysNamed, NamedKeys
from gateway.stages.noise import waives_noise
from gateway.stages.pseudonymize import pseudonymized_schema, pseudonymizer, pseudonymizes
from gateway.tables import AdmittedPermit, PreparedExport, Segment


@dataclass(frozen=True, slots=True)
class TreatRows:
    """A `RowWork`: minimises and pseudonymises as the stages do, by their own functions, block by block.

    Rows of one block leave in an order that is drawn anew. What an engine hands over in small batches is put together
    first: few rows have few orders to hide in.
    """

    treatment: RowTreatment
    keys: NamedKeys

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[TreatedBlock]:
        keys = self.keys.open()
        minimized = minimizer(self.treatment, keys)
        schema = pseudonymized_schema(self.treatment, minimized_schema(self.treatment))
        pseudonymized = pseudonymizer(self.treatment, schema, keys)
        for records in gathered(batches, BATCH_ROWS):
            segment = pseudonymized(minimized(Segment(records, b"", None)))
            yield TreatedBlock(segment.records, segment.tags)


def prepare_export(
    admitted: AdmittedPermit, source: Source, keys: KeyRing, exports: Exports
) -> PreparedExport | Refusal:
    """Settle what is read and what is done to it, or refuse what cannot be done where the rows are.

    Raises:
        Fault: KEYS_UNAVAILABLE; SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED; INTERNAL if rows would leave without noise
            and no reason is given for it.
    """
    permit = admitted.permit
    request, scope, contract = permit.request, permit.scope, permit.scope.contract
    if not isinstance(request, RowsRequest) or not waives_noise(permit):
        raise Fault(ErrorReason.INTERNAL)
    unfit = _unfit(permit)
    if unfit:
        return _refused(permit, *unfit)
    version = version_now(contract, source)
    cap = scope.max_rows
    limit = None if cap is None else cap + 1
    reading = exports.engine.reading(
        RowPlan(contract, columns_read(permit), permit.rows(scope.region, request.filters), limit, version)
    )
    if reading is None:
        return _refused(permit, "dataset", "is not kept where exports are computed")
    treatment, asked = permit.treatment, KeysNamed(keys)
    # made here too: so keys are known to be there, and are named
    minimizer(treatment, asked)
    schema = pseudonymized_schema(treatment, minimized_schema(treatment))
    pseudonymizer(treatment, schema, asked)
    work = TreatRows(treatment, asked.named(exports.elsewhere))
    done = {Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS), Obligation(WAIVE_NOISE)}
    if scope.disclosure.consent_field is not None:
        done.add(Obligation(REQUIRE_CONSENT))
    if cap is not None:
        done.add(Obligation(LIMIT_ROWS))
    done |= minimizes(treatment) | pseudonymizes(treatment)
    named = data_version(contract, version, keys)
    return PreparedExport._prepare(admitted, named, schema, reading, work, frozenset(done))


def _unfit(permit: Permit) -> tuple[str, str] | None:
    """Where in the request it lies, and why, that rows cannot be treated apart from one another."""
    scope = permit.scope
    if permit.request.kind is not DisclosureKind.EXTRACT:
        return "disclosure", "is no extract"
    if scope.disclosure.anonymity is not None:
        return "disclosure", "counts who shares what over all rows: extract it as a stream"
    if scope.rows_per_unit is not None:
        return "disclosure", "bounds the rows of each subject over all rows: extract it as a stream"
    if scope.terms.consent is not None:
        return "disclosure", "asks a register who consents while rows leave: extract it as a stream"
    return None


def _refused(permit: Permit, field: str, why: str) -> Refusal:
    return replace(permit.refused(ErrorReason.EXPORT_NOT_POSSIBLE), violations=(FieldViolation(field, why),))
