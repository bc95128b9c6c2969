"""Rows that other processes treat, on their way: PreparedExport → RecordedExport, or a file of a published one."""

from __future__ import annotations

import pyarrow as pa

from gateway.model.export import Export, StagedPart
from gateway.model.permit import Obligation
from gateway.model.record import Receipt
from gateway.ports.exports import Reading, RowWork
from gateway.tables.permits import AdmittedPermit
from gateway.tables.seal import Sealed, require


class PreparedExport(Sealed):
    """What is to be read and what is done to each row of it: all that the permit demands. Minted by `export`.

    Nothing is read yet. `most_rows` is how many rows may leave.
    """

    __slots__ = ("_data_version", "_most_rows", "_reading", "_schema", "_work")
    _data_version: str
    _most_rows: int | None
    _reading: Reading
    _schema: pa.Schema
    _work: RowWork

    @classmethod
    def _prepare(
        cls,
        admitted: AdmittedPermit,
        data_version: str,
        schema: pa.Schema,
        reading: Reading,
        work: RowWork,
        discharged: frozenset[Obligation],
    ) -> PreparedExport:
        require(admitted, AdmittedPermit)
        return cls._mint(
            admitted.permit,
            discharged,
            data_version=data_version,
            schema=schema,
            reading=reading,
            work=work,
            most_rows=admitted.permit.scope.max_rows,
        )

    @property
    def data_version(self) -> str:
        """The version of the data that is read."""
        return self._data_version

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of what leaves."""
        return self._schema

    @property
    def reading(self) -> Reading:
        """The rows, not read yet."""
        return self._reading

    @property
    def work(self) -> RowWork:
        """What is done to them."""
        return self._work

    @property
    def most_rows(self) -> int | None:
        """How many rows may leave; None: all."""
        return self._most_rows


class RecordedExport(Sealed):
    """An export whose release is durably on record; may be published. Minted by `record`."""

    __slots__ = ("_completion", "_data_version", "_parts", "_receipt")
    _completion: Receipt
    _data_version: str
    _parts: tuple[StagedPart, ...]
    _receipt: Receipt

    @classmethod
    def _record(
        cls, before: PreparedExport, parts: tuple[StagedPart, ...], receipt: Receipt, completion: Receipt
    ) -> RecordedExport:
        require(before, PreparedExport)
        return cls._mint(
            before.permit,
            before.discharged,
            data_version=before.data_version,
            parts=parts,
            receipt=receipt,
            completion=completion,
        )

    @property
    def parts(self) -> tuple[StagedPart, ...]:
        """What may be published, and nothing else of the job's folder."""
        return self._parts

    @property
    def data_version(self) -> str:
        """The version of the data that was read."""
        return self._data_version

    @property
    def receipt(self) -> Receipt:
        """The receipt of the entry that was durable before anything was read."""
        return self._receipt

    @property
    def completion(self) -> Receipt:
        """The receipt of what may leave."""
        return self._completion


class FetchedFile(Sealed):
    """The right to give one file of a published export, on record. Minted by `record`."""

    __slots__ = ("_export", "_receipt")
    _export: Export
    _receipt: Receipt

    @classmethod
    def _record(cls, admitted: AdmittedPermit, export: Export, receipt: Receipt) -> FetchedFile:
        require(admitted, AdmittedPermit)
        return cls._mint(admitted.permit, admitted.discharged, export=export, receipt=receipt)

    @property
    def export(self) -> Export:
        """The export that the file is of."""
        return self._export

    @property
    def receipt(self) -> Receipt:
        """The receipt of its entry."""
        return self._receipt
