"""Contests: their sealed references, and the teams' entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    index = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "contest_references",
        sa.Column("contest", sa.String(128), nullable=False),
        sa.Column("release_id", sa.String(128), nullable=False),
        sa.Column("made_by", sa.String(512), nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("contest", name="pk_contest_references"),
        sa.UniqueConstraint("release_id", name="uq_contest_references_release_id"),
        sa.ForeignKeyConstraint(
            ["release_id"], ["budget_charges.release_id"], name="fk_contest_references_release_id_budget_charges"
        ),
    )
    op.create_table(
        "contest_entries",
        sa.Column("number", index, autoincrement=False, nullable=False),
        sa.Column("contest", sa.String(128), nullable=False),
        sa.Column("institution", sa.String(512), nullable=False),
        sa.Column("person", sa.String(512), nullable=False),
        sa.Column("entered_at", sa.DateTime, nullable=False),
        sa.Column("score", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_contest_entries"),
    )
    op.create_index("ix_contest_entries_contest", "contest_entries", ["contest", "institution"])
