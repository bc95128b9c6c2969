"""The tables of contests over sealed releases."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, String, Table

from gateway.adapters.state.schema.base import index_type, metadata

contest_references = Table(
    "contest_references",
    metadata,
    Column("contest", String(128), primary_key=True),
    Column("release_id", ForeignKey("budget_charges.release_id"), nullable=False, unique=True),
    Column("made_by", String(512), nullable=False),
    Column("made_at", DateTime, nullable=False),
)

# `score` counts the contest's steps.
contest_entries = Table(
    "contest_entries",
    metadata,
    Column("number", index_type, primary_key=True, autoincrement=False),
    Column("contest", String(128), nullable=False),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("entered_at", DateTime, nullable=False),
    Column("score", BigInteger, nullable=False),
    Index("ix_contest_entries_contest", "contest", "institution"),
)
