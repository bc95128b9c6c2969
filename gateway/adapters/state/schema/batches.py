"""The tables of batches that were pushed, and of the keys of their rows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, LargeBinary, String, Table, UniqueConstraint

from gateway.adapters.state.schema.base import index_type, metadata

# `told` is JSON: rows turned away by reason, and the first of them. `completed` is missing until the log has the end.
batches = Table(
    "batches",
    metadata,
    Column("number", index_type, primary_key=True, autoincrement=False),
    Column("institution", String(512), nullable=False),
    Column("dataset", String(128), nullable=False),
    Column("batch_id", String(36), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("kept_at", DateTime, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("newest", DateTime),
    Column("told", LargeBinary, nullable=False),
    Column("file", String(128), nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("completed", BigInteger),
    UniqueConstraint("dataset", "batch_id", "institution"),
    Index("ix_batches_completed", "dataset", "completed"),
)

# The keyed codes of primary keys, 16 bytes each, and nothing beside them: the table is its own index.
batch_keys = Table(
    "batch_keys",
    metadata,
    Column("row_key", LargeBinary, primary_key=True),
    Column("batch", ForeignKey("batches.number"), nullable=False),
    sqlite_with_rowid=False,
)
