"""The tables of policies: kept, proposed, published; and of purposes that ended."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from gateway.adapters.state.schema.base import index_type, metadata

# `content` is compressed; `content_hash` is the SHA-256 of what it decompresses to.
kept_policies = Table(
    "policies",
    metadata,
    Column("digest", String(128), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary(32), nullable=False),
)

proposals = Table(
    "policy_proposals",
    metadata,
    Column("number", index_type, primary_key=True, autoincrement=False),
    Column("proposal_id", String(128), nullable=False, unique=True),
    Column("digest", ForeignKey("policies.digest"), nullable=False),
    Column("base", String(128), nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("proposed_at", DateTime, nullable=False),
    Column("emergency", Boolean, nullable=False),
)

proposal_approvals = Table(
    "policy_proposal_approvals",
    metadata,
    Column("number", ForeignKey("policy_proposals.number"), primary_key=True, autoincrement=False),
    Column("officer", String(512), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("approved_at", DateTime, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

publications = Table(
    "policy_publications",
    metadata,
    Column("number", index_type, primary_key=True, autoincrement=False),
    Column("digest", ForeignKey("policies.digest"), nullable=False),
    Column("act", String(32), nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", DateTime, nullable=False),
    Column("proposal_id", String(128), nullable=False),
    Column("note", Text, nullable=False),
    Column("review_due", DateTime),
    Column("reviewed_by", Text, nullable=False),
    Column("reviewed_at", DateTime),
)

publication_approvals = Table(
    "policy_publication_approvals",
    metadata,
    Column("number", ForeignKey("policy_publications.number"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("officer", Text, nullable=False),
    Column("approved_at", DateTime, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

# `recipients` are one canonical JSON text.
certificates = Table(
    "sunset_certificates",
    metadata,
    Column("number", index_type, primary_key=True, autoincrement=False),
    Column("purpose", String(512), nullable=False),
    Column("ended_on", Date, nullable=False),
    Column("destroyed_at", DateTime, nullable=False),
    Column("recipients", Text, nullable=False),
    Column("policy_digest", String(128), nullable=False),
    Column("audit_index", BigInteger, nullable=False),
    Index("ix_sunset_certificates_purpose", "purpose"),
)
