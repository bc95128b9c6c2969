"""The first schema: budgets, releases, requests, audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    index = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "budget_accounts",
        sa.Column("account_id", sa.String(512), nullable=False),
        sa.Column("spent_numerator", sa.Text, nullable=False),
        sa.Column("spent_denominator", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_budget_accounts"),
    )
    op.create_table(
        "budget_charges",
        sa.Column("release_id", sa.String(128), nullable=False),
        sa.Column("rho_numerator", sa.Text, nullable=False),
        sa.Column("rho_denominator", sa.Text, nullable=False),
        sa.Column("charged_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("release_id", name="pk_budget_charges"),
    )
    op.create_table(
        "budget_charged_accounts",
        sa.Column("release_id", sa.String(128), nullable=False),
        sa.Column("account_id", sa.String(512), nullable=False),
        sa.PrimaryKeyConstraint("release_id", "account_id", name="pk_budget_charged_accounts"),
        sa.ForeignKeyConstraint(
            ["release_id"],
            ["budget_charges.release_id"],
            name="fk_budget_charged_accounts_release_id_budget_charges",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["budget_accounts.account_id"],
            name="fk_budget_charged_accounts_account_id_budget_accounts",
        ),
    )
    op.create_table(
        "releases",
        sa.Column("release_id", sa.String(128), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("stored_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("release_id", name="pk_releases"),
        sa.ForeignKeyConstraint(
            ["release_id"], ["budget_charges.release_id"], name="fk_releases_release_id_budget_charges"
        ),
    )
    op.create_table(
        "requests",
        sa.Column("caller_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("body_digest", sa.LargeBinary, nullable=False),
        sa.Column("bound_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("caller_digest", name="pk_requests"),
    )
    op.create_table(
        "audit_entries",
        sa.Column("entry_index", index, autoincrement=False, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("salt", sa.LargeBinary(16)),
        sa.Column("record", sa.LargeBinary),
        sa.PrimaryKeyConstraint("entry_index", name="pk_audit_entries"),
    )
    op.create_table(
        "audit_manifests",
        sa.Column("entry_index", index, autoincrement=False, nullable=False),
        sa.Column("segment", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("tokens", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("entry_index", "segment", name="pk_audit_manifests"),
        sa.ForeignKeyConstraint(
            ["entry_index"],
            ["audit_entries.entry_index"],
            name="fk_audit_manifests_entry_index_audit_entries",
        ),
    )
