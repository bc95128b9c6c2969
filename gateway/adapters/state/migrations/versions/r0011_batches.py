"""Batches of rows that were pushed, and the keys of the rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "batches",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("institution", sa.String(512), nullable=False),
        sa.Column("dataset", sa.String(128), nullable=False),
        sa.Column("batch_id", sa.String(36), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.DateTime, nullable=False),
        sa.Column("accepted", sa.BigInteger, nullable=False),
        sa.Column("newest", sa.DateTime),
        sa.Column("told", sa.LargeBinary, nullable=False),
        sa.Column("file", sa.String(128), nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("completed", sa.BigInteger),
        sa.PrimaryKeyConstraint("number", name="pk_batches"),
        sa.UniqueConstraint("dataset", "batch_id", "institution", name="uq_batches_dataset"),
    )
    op.create_index("ix_batches_completed", "batches", ["dataset", "completed"])
    op.create_table(
        "batch_keys",
        sa.Column("row_key", sa.LargeBinary, nullable=False),
        sa.Column("batch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("row_key", name="pk_batch_keys"),
        sa.ForeignKeyConstraint(["batch"], ["batches.number"], name="fk_batch_keys_batch_batches"),
        sqlite_with_rowid=False,
    )
