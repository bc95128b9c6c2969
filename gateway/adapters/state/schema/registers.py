"""The tables of the registers: consents, cases and emergencies."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, DateTime, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from gateway.adapters.state.schema.base import metadata

# `changes` counts what happened to a register; each consent has the count of what last happened to it, so that a copy
# can be brought up to date by what is newer. `first_day` and `last_day` repeat given_at and ends_on as days of the city
# (proleptic Gregorian ordinals), so that a copy of very many is read fast.
consent_registers = Table(
    "consent_registers",
    metadata,
    Column("register", String(512), primary_key=True),
    Column("changes", BigInteger, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("register", ForeignKey("consent_registers.register"), primary_key=True),
    Column("consent_id", String(512), primary_key=True),
    Column("subject", LargeBinary(16), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("recipient", String(512), nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", LargeBinary(32), nullable=False),
    Column("given_at", DateTime, nullable=False),
    Column("ends_on", Date),
    Column("recorded_by", Text, nullable=False),
    Column("withdrawn_at", DateTime),
    Column("withdrawn_by", Text, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("first_day", Integer, nullable=False),
    Column("last_day", Integer, nullable=False),
    Index("ix_consents_change", "register", "purpose", "change"),
    Index("ix_consents_subject", "register", "subject"),
)

cases = Table(
    "cases",
    metadata,
    Column("register", String(512), primary_key=True),
    Column("number", String(512), primary_key=True),
    Column("institution", String(512), primary_key=True),
    Column("opened_at", DateTime, nullable=False),
    Column("ends_on", Date),
    Column("recorded_by", Text, nullable=False),
    Column("closed_at", DateTime),
)

emergencies = Table(
    "emergencies",
    metadata,
    Column("emergency_id", String(128), primary_key=True),
    Column("grant_name", String(512), nullable=False),
    Column("institution", String(512), nullable=False),
    Column("person", String(512), nullable=False),
    Column("purpose", String(512), nullable=False),
    Column("why", Text, nullable=False),
    Column("opened_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Column("review_due", DateTime, nullable=False),
    Column("reviewed_by", Text, nullable=False),
    Column("reviewed_at", DateTime),
    Column("verdict", String(32)),
    Index("ix_emergencies_person", "institution", "person", "ends_at"),
    Index("ix_emergencies_opened_at", "opened_at"),
)
