"""Rows on their way in: Collected → Checked → Recorded, each made by its stage out of the one before."""

from __future__ import annotations

import pyarrow as pa

from gateway.model.ingest import BatchName, Quality, RejectedRow
from gateway.model.permit import CHECK_ROWS, RESTRICT_REGION, RETAIN_ONLY, Obligation
from gateway.model.record import Receipt
from gateway.tables.permits import AdmittedPermit
from gateway.tables.seal import Sealed, require, require_discharged


class CollectedRows(Sealed):
    """A batch that has no column but those that are collected. Minted by `collect`."""

    __slots__ = ("_digest", "_name", "_records")
    _name: BatchName
    _digest: bytes
    _records: pa.RecordBatch

    @classmethod
    def _collect(
        cls, admitted: AdmittedPermit, name: BatchName, digest: bytes, records: pa.RecordBatch
    ) -> CollectedRows:
        require(admitted, AdmittedPermit)
        held = {"name": name, "digest": digest, "records": records}
        return cls._mint(admitted.permit, frozenset({Obligation(RETAIN_ONLY)}), **held)

    @property
    def name(self) -> BatchName:
        """What the batch is known by."""
        return self._name

    @property
    def digest(self) -> bytes:
        """SHA-256 over all that was asked and sent."""
        return self._digest

    @property
    def records(self) -> pa.RecordBatch:
        """The rows as they came."""
        return self._records


class CheckedRows(Sealed):
    """The rows of a batch that fit the contract and the request's region, and why the others do not. By `check`."""

    __slots__ = ("_digest", "_keys", "_name", "_quality", "_records", "_told")
    _name: BatchName
    _digest: bytes
    _records: pa.RecordBatch
    _keys: bytes
    _quality: Quality
    _told: tuple[RejectedRow, ...]

    @classmethod
    def _check(
        cls,
        collected: CollectedRows,
        records: pa.RecordBatch,
        keys: bytes,
        quality: Quality,
        told: tuple[RejectedRow, ...],
    ) -> CheckedRows:
        require(collected, CollectedRows)
        owed = collected.discharged | {Obligation(RESTRICT_REGION), Obligation(CHECK_ROWS)}
        held = {"name": collected.name, "digest": collected.digest, "records": records}
        return cls._mint(collected.permit, owed, **held, keys=keys, quality=quality, told=told)

    @property
    def name(self) -> BatchName:
        """What the batch is known by."""
        return self._name

    @property
    def digest(self) -> bytes:
        """SHA-256 over all that was asked and sent."""
        return self._digest

    @property
    def records(self) -> pa.RecordBatch:
        """The rows that are to be kept."""
        return self._records

    @property
    def keys(self) -> bytes:
        """Their keys, 16 bytes each; none where the contract declares no primary key."""
        return self._keys

    @property
    def quality(self) -> Quality:
        """What was measured."""
        return self._quality

    @property
    def told(self) -> tuple[RejectedRow, ...]:
        """The first rows that are not kept, and why."""
        return self._told


class RecordedRows(Sealed):
    """Checked rows of which the log knows. Minted by `record`; nothing else is ever kept."""

    __slots__ = ("_checked", "_receipt")
    _checked: CheckedRows
    _receipt: Receipt

    @classmethod
    def _record(cls, checked: CheckedRows, receipt: Receipt) -> RecordedRows:
        require_discharged(checked, CheckedRows)
        return cls._mint(checked.permit, checked.discharged, checked=checked, receipt=receipt)

    @property
    def checked(self) -> CheckedRows:
        """The rows."""
        return self._checked

    @property
    def receipt(self) -> Receipt:
        """The entry that says that they are to be kept."""
        return self._receipt
