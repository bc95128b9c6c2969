"""Which rows of a batch are as their contract says, and new? The others are turned away, each with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.ciphers import first_cipher
from gateway.kernels.cmac import cmac
from gateway.kernels.row_checks import Expected, Findings, check_rows, newest, repeated
from gateway.kernels.tags import TAG_BYTES
from gateway.kernels.text import Mask
from gateway.kernels.tokens import subject_tags
from gateway.model.calendar import CITY_OFFSET
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.ingest import MOST_TOLD, RowReason
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.pseudonym import CipherSuite
from gateway.policy.regions import RegionTree
from gateway.ports import AUDIT_DOMAIN, BatchRegister, Clock, KeyRing, KeyUse
from gateway.tables import CheckedRows, CollectedRows

SLACK = timedelta(minutes=5)
"""How far a row may be ahead of the gateway's clock: no two clocks are alike."""

_MOST_VIOLATIONS = 16


def check(
    collected: CollectedRows,
    malformed: Mask,
    regions: RegionTree,
    batches: BatchRegister,
    keys: KeyRing,
    clock: Clock,
    *,
    all_or_nothing: bool,
) -> CheckedRows | Refusal:
    """Hold the rows against the contract and the request's region, and tell apart what is kept already.

    `malformed` are rows whose values were not of their columns' types when they were read. With `all_or_nothing` one
    row that does not fit refuses them all. To be called in the dataset's turn: what is new stays so until it is over.

    Raises:
        Fault: REGISTER_UNAVAILABLE, KEYS_UNAVAILABLE; INTERNAL for a permit of another kind.
    """
    permit, records = collected.permit, collected.records
    contract, ingest = permit.contract, permit.scope.disclosure.ingest
    if ingest is None:
        raise Fault(ErrorReason.INTERNAL)
    now = clock.now() + CITY_OFFSET
    expected = Expected(regions.paths(), permit.scope.region, permit.kept_since, now + SLACK)
    findings = Findings(records.num_rows)
    findings.add(malformed, RowReason.WRONG_TYPE)
    findings.join(check_rows(records, contract, ingest.dated_by, expected))
    digests = _tell_apart(records, contract, findings, batches, keys)
    told = findings.told(MOST_TOLD)
    if all_or_nothing and told:
        why = tuple(
            FieldViolation(f"rows[{one.row}]" + (f".{one.field}" if one.field else ""), f"is rejected: {one.reason}")
            for one in told[:_MOST_VIOLATIONS]
        )
        return replace(permit.refused(ErrorReason.BATCH_REJECTED), violations=why)
    kept = records if not told else records.filter(pa.array(findings.accepted))
    return CheckedRows._check(collected, kept, digests, findings.quality(newest(kept, ingest.dated_by)), told)


def _tell_apart(
    records: pa.RecordBatch, contract: DataContract, findings: Findings, batches: BatchRegister, keys: KeyRing
) -> bytes:
    """Turn away rows whose primary key another row has, and return the keys of the others."""
    names = [name for name, field in contract.fields.items() if field.primary_key]
    if not names:
        return b""
    fitting = findings.accepted
    digests = _keys_of(records.filter(pa.array(fitting)), names, contract, keys)
    whole = digests.view(np.dtype((np.void, TAG_BYTES))).reshape(-1)
    twice = repeated(whole)
    known = np.zeros(len(whole), np.bool_)
    known[~twice] = batches.known(whole[~twice].tobytes())
    for reason, which in ((RowReason.REPEATED, twice), (RowReason.KEPT_BEFORE, known)):
        rows = np.zeros(records.num_rows, np.bool_)
        rows[np.flatnonzero(fitting)[which]] = True
        findings.add(rows, reason)
    return whole[~(twice | known)].tobytes()


def _keys_of(records: pa.RecordBatch, names: list[str], contract: DataContract, keys: KeyRing) -> npt.NDArray[np.uint8]:
    """Return 16 bytes for the primary key of each row: a code of its values' codes, under keys of this dataset alone.

    Values count in their canonical form, so that another spelling is no other row.
    """
    codes = []
    for name in names:
        form = contract.fields[name].canonical
        key = keys.working_key(AUDIT_DOMAIN, KeyUse.INGEST, f"{contract.dataset}/{name}/{form.value}")
        column = records.column(name)
        text = column if column.type in (pa.string(), pa.int64(), pa.date32()) else column.cast(pa.string())
        codes.append(np.frombuffer(subject_tags(text, form, key), np.uint8).reshape(-1, TAG_BYTES))
    row_key = keys.working_key(AUDIT_DOMAIN, KeyUse.INGEST, contract.dataset)
    return np.ascontiguousarray(cmac(first_cipher(CipherSuite.AES, row_key), np.concatenate(codes, axis=1)))
