"""The tables of requests: those that were seen, what is counted of them, and extracts that can be gone on with."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, Integer, LargeBinary, String, Table

from gateway.adapters.state.schema.base import metadata

requests = Table(
    "requests",
    metadata,
    Column("caller_digest", LargeBinary(32), primary_key=True),
    Column("body_digest", LargeBinary, nullable=False),
    Column("bound_at", DateTime, nullable=False),
)

# `taken` is the number of the account's marks.
meters = Table(
    "meter_accounts",
    metadata,
    Column("account", LargeBinary(64), primary_key=True),
    Column("taken", Integer, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Index("ix_meter_accounts_ends_at", "ends_at"),
)

meter_marks = Table(
    "meter_marks",
    metadata,
    Column("account", ForeignKey("meter_accounts.account"), primary_key=True),
    Column("mark", LargeBinary(64), primary_key=True),
)

# Extracts that can be gone on with: digests of what was asked and permitted, and nothing of the data.
extracts = Table(
    "extracts",
    metadata,
    Column("extract_id", String(128), primary_key=True),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("asked", LargeBinary, nullable=False),
    Column("permission", LargeBinary, nullable=False),
    Column("decided_at", DateTime, nullable=False),
    Column("data_version", String(128), nullable=False),
    Column("entry_index", ForeignKey("audit_entries.entry_index"), nullable=False),
    Column("streams", Integer, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Index("ix_extracts_institution", "institution", "entry_index"),
    Index("ix_extracts_ends_at", "ends_at"),
)
