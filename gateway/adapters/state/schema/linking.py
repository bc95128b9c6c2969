"""The tables of what two officers stand behind: joins of domains, and re-identifications."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, LargeBinary, String, Table, Text

from gateway.adapters.state.schema.base import index_type, metadata

# A domain is a recipient and a purpose; join grants are of standing tokens alone.
joins = Table(
    "joins",
    metadata,
    Column("number", index_type, primary_key=True, autoincrement=False),
    Column("join_id", String(128), nullable=False, unique=True),
    Column("first_recipient", String(512), nullable=False),
    Column("first_purpose", String(512), nullable=False),
    Column("second_recipient", String(512), nullable=False),
    Column("second_purpose", String(512), nullable=False),
    Column("dataset", String(512), nullable=False),
    Column("field", String(512), nullable=False),
    Column("form", String(32), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("reason", Text, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_at", DateTime),
    Column("destroyed_at", DateTime),
    Column("audit_index", BigInteger),
)

reidentifications = Table(
    "reidentifications",
    metadata,
    Column("request_id", String(128), primary_key=True),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("dataset", String(512), nullable=False),
    Column("disclosure", String(512), nullable=False),
    Column("field", String(512), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("tokens_of", String(512), nullable=False),
    Column("region", String(512), nullable=False),
    Column("case_number", String(512), nullable=False),
    Column("reason", Text, nullable=False),
    Column("token_count", Integer, nullable=False),
    Column("tokens_digest", LargeBinary(32), nullable=False),
    Column("public_key", LargeBinary(32), nullable=False),
    Column("asked_at", DateTime, nullable=False),
    Column("collected_at", DateTime),
    Index("ix_reidentifications_asked_at", "asked_at"),
)

# Of join grants and of re-identifications, by their ids, which are random.
linking_approvals = Table(
    "linking_approvals",
    metadata,
    Column("subject_id", String(128), primary_key=True),
    Column("officer", String(512), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("approved_at", DateTime, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
