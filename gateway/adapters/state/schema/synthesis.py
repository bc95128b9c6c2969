"""The tables of synthetic extracts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Integer, LargeBinary, String, Table

from gateway.adapters.state.schema.base import metadata

# What synthetic extracts are made of; `payload` is canonical JSON.
synthesis_counts = Table(
    "synthesis_counts",
    metadata,
    Column("counts_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("stored_at", DateTime, nullable=False),
)

# A running job is its worker's until the lease ends. `progress` counts thousandths, `certificate` is canonical JSON.
synthesis_jobs = Table(
    "synthesis_jobs",
    metadata,
    Column("job_id", String(128), primary_key=True),
    Column("counts_id", ForeignKey("synthesis_counts.counts_id"), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("format", String(16), nullable=False),
    Column("institution", String(512), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", String(16), nullable=False),
    Column("progress", Integer, nullable=False),
    Column("failure", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", String(128), nullable=False),
    Column("lease_until", DateTime),
    Column("asked_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
    Column("file_bytes", BigInteger),
    Column("file_sha256", String(64)),
    Column("certificate", LargeBinary),
    Index("ix_synthesis_jobs_state", "state", "asked_at"),
)
