"""The seal: types that prove which way data has walked.

A row table is a stream of Arrow batches that moves Raw → Minimized → Blended → Pseudonymized → Protected → Released;
statistics move BoundedAggregates → ProtectedMeasures → ReleasedCells, and those of a series
DailyFigures → ProtectedDays → ReleasedDays; exact figures move CountedFigures → SuppressedFigures → ReleasedFigures,
and rows that come in CollectedRows → CheckedRows → RecordedRows. Rows that other processes treat move PreparedExport →
RecordedExport.
Each type is minted by one stage, out of the type before it, and carries the permit and the obligations that were
discharged. None has a public constructor, can be copied, pickled or subclassed, or shows a value in its repr. That
stops mistakes, not a determined colleague.
"""

from __future__ import annotations

from gateway.tables.exports import FetchedFile, PreparedExport, RecordedExport
from gateway.tables.indicators import CountedFigures, ReleasedFigures, SuppressedFigures
from gateway.tables.intake import CheckedRows, CollectedRows, RecordedRows
from gateway.tables.permits import AdmittedPermit, ChargedPermit
from gateway.tables.rows import (
    PLACE,
    BlendedTable,
    MinimizedTable,
    Places,
    ProtectedTable,
    PseudonymizedTable,
    RawTable,
    ReleasedTable,
    SealedTable,
    Segment,
    Span,
)
from gateway.tables.seal import require_discharged
from gateway.tables.series import DailyFigures, ProtectedDays, ReleasedDays
from gateway.tables.statistics import (
    BoundedAggregates,
    ProtectedMeasures,
    RehearsedAggregates,
    ReleasedCells,
    ReleasedFile,
)

__all__ = [
    "PLACE",
    "AdmittedPermit",
    "BlendedTable",
    "BoundedAggregates",
    "ChargedPermit",
    "CheckedRows",
    "CollectedRows",
    "CountedFigures",
    "DailyFigures",
    "FetchedFile",
    "MinimizedTable",
    "Places",
    "PreparedExport",
    "ProtectedDays",
    "ProtectedMeasures",
    "ProtectedTable",
    "PseudonymizedTable",
    "RawTable",
    "RecordedExport",
    "RecordedRows",
    "RehearsedAggregates",
    "ReleasedCells",
    "ReleasedDays",
    "ReleasedFigures",
    "ReleasedFile",
    "ReleasedTable",
    "SealedTable",
    "Segment",
    "Span",
    "SuppressedFigures",
    "require_discharged",
]
