"""Extracts that can be gone on with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "extracts",
        sa.Column("extract_id", sa.String(128), nullable=False),
        sa.Column("institution", sa.String(512), nullable=False),
        sa.Column("person", sa.String(512), nullable=False),
        sa.Column("asked", sa.LargeBinary, nullable=False),
        sa.Column("permission", sa.LargeBinary, nullable=False),
        sa.Column("decided_at", sa.DateTime, nullable=False),
        sa.Column("data_version", sa.String(128), nullable=False),
        sa.Column("entry_index", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("streams", sa.Integer, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("extract_id", name="pk_extracts"),
        sa.ForeignKeyConstraint(
            ["entry_index"], ["audit_entries.entry_index"], name="fk_extracts_entry_index_audit_entries"
        ),
    )
    op.create_index("ix_extracts_institution", "extracts", ["institution", "entry_index"])
    op.create_index("ix_extracts_ends_at", "extracts", ["ends_at"])
