"""The tables of the state. Portable types alone, so that PostgreSQL can hold them as well.

Exact rationals are two decimal texts, since no database type holds integers of any size. Instants are naive
UTC. The migrations make these tables; a test holds the two equal.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

REVISION = "0001"
"""The migration that makes this schema; a test holds it against the newest one."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)

# SQLite keeps a table in the order of an INTEGER primary key, and of no other type's.
_index = BigInteger().with_variant(Integer(), "sqlite")

accounts = Table(
    "budget_accounts",
    metadata,
    Column("account_id", String(512), primary_key=True),
    Column("spent_numerator", Text, nullable=False),
    Column("spent_denominator", Text, nullable=False),
)

charges = Table(
    "budget_charges",
    metadata,
    Column("release_id", String(128), primary_key=True),
    Column("rho_numerator", Text, nullable=False),
    Column("rho_denominator", Text, nullable=False),
    Column("charged_at", DateTime, nullable=False),
)

charged_accounts = Table(
    "budget_charged_accounts",
    metadata,
    Column("release_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("account_id", ForeignKey("budget_accounts.account_id"), primary_key=True),
)

releases = Table(
    "releases",
    metadata,
    Column("release_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("payload", LargeBinary, nullable=False),
    Column("stored_at", DateTime, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("caller_digest", LargeBinary(32), primary_key=True),
    Column("body_digest", LargeBinary, nullable=False),
    Column("bound_at", DateTime, nullable=False),
)

# Pruning deletes salt and record together and keeps the hash.
entries = Table(
    "audit_entries",
    metadata,
    Column("entry_index", _index, primary_key=True, autoincrement=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("salt", LargeBinary(16)),
    Column("record", LargeBinary),
)

manifests = Table(
    "audit_manifests",
    metadata,
    Column("entry_index", ForeignKey("audit_entries.entry_index"), primary_key=True, autoincrement=False),
    Column("segment", Integer, primary_key=True, autoincrement=False),
    Column("tokens", LargeBinary, nullable=False),
)
