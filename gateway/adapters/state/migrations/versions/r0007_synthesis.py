"""Synthetic extracts: the noised counts that they are made of, and the jobs that make them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "synthesis_counts",
        sa.Column("counts_id", sa.String(128), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("stored_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("counts_id", name="pk_synthesis_counts"),
        sa.ForeignKeyConstraint(
            ["counts_id"], ["budget_charges.release_id"], name="fk_synthesis_counts_counts_id_budget_charges"
        ),
    )
    op.create_table(
        "synthesis_jobs",
        sa.Column("job_id", sa.String(128), nullable=False),
        sa.Column("counts_id", sa.String(128), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("institution", sa.String(512), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("step", sa.String(16), nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("failure", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(128), nullable=False),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("file_bytes", sa.BigInteger),
        sa.Column("file_sha256", sa.String(64)),
        sa.PrimaryKeyConstraint("job_id", name="pk_synthesis_jobs"),
        sa.ForeignKeyConstraint(
            ["counts_id"], ["synthesis_counts.counts_id"], name="fk_synthesis_jobs_counts_id_synthesis_counts"
        ),
    )
    op.create_index("ix_synthesis_jobs_state", "synthesis_jobs", ["state", "asked_at"])
