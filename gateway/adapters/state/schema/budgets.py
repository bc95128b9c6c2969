"""The tables of budgets: what may be spent, what was, and the releases that it was spent on."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, LargeBinary, String, Table, Text

from gateway.adapters.state.schema.base import metadata

accounts = Table(
    "budget_accounts",
    metadata,
    Column("account_id", String(512), primary_key=True),
    Column("spent_numerator", Text, nullable=False),
    Column("spent_denominator", Text, nullable=False),
    Column("spent_delta_numerator", Text, nullable=False, server_default="0"),
    Column("spent_delta_denominator", Text, nullable=False, server_default="1"),
)

charges = Table(
    "budget_charges",
    metadata,
    Column("release_id", String(128), primary_key=True),
    Column("rho_numerator", Text, nullable=False),
    Column("rho_denominator", Text, nullable=False),
    Column("delta_numerator", Text, nullable=False, server_default="0"),
    Column("delta_denominator", Text, nullable=False, server_default="1"),
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
