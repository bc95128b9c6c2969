"""The tables of the audit log."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table

from gateway.adapters.state.schema.base import index_type, metadata

# Pruning deletes salt, record and decided_at together and keeps the hash. decided_at is in microseconds since
# 1970-01-01 UTC, and set where the entry is a decision: neither the end of a stream nor an event.
entries = Table(
    "audit_entries",
    metadata,
    Column("entry_index", index_type, primary_key=True, autoincrement=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("salt", LargeBinary(16)),
    Column("record", LargeBinary),
    Column("decided_at", BigInteger),
    Index("ix_audit_entries_decided_at", "decided_at", "entry_index"),
)

manifests = Table(
    "audit_manifests",
    metadata,
    Column("entry_index", ForeignKey("audit_entries.entry_index"), primary_key=True, autoincrement=False),
    Column("segment", Integer, primary_key=True, autoincrement=False),
    Column("tokens", LargeBinary, nullable=False),
)
