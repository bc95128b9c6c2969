"""Join grants, re-identifications, and the officers' approvals of both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    index = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "joins",
        sa.Column("number", index, autoincrement=False, nullable=False),
        sa.Column("join_id", sa.String(128), nullable=False),
        sa.Column("first_recipient", sa.String(512), nullable=False),
        sa.Column("first_purpose", sa.String(512), nullable=False),
        sa.Column("second_recipient", sa.String(512), nullable=False),
        sa.Column("second_purpose", sa.String(512), nullable=False),
        sa.Column("dataset", sa.String(512), nullable=False),
        sa.Column("field", sa.String(512), nullable=False),
        sa.Column("form", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(512), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("proposed_at", sa.DateTime, nullable=False),
        sa.Column("ends_at", sa.DateTime, nullable=False),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("destroyed_at", sa.DateTime),
        sa.Column("audit_index", sa.BigInteger),
        sa.PrimaryKeyConstraint("number", name="pk_joins"),
        sa.UniqueConstraint("join_id", name="uq_joins_join_id"),
    )
    op.create_table(
        "reidentifications",
        sa.Column("request_id", sa.String(128), nullable=False),
        sa.Column("institution", sa.String(512), nullable=False),
        sa.Column("person", sa.String(512), nullable=False),
        sa.Column("dataset", sa.String(512), nullable=False),
        sa.Column("disclosure", sa.String(512), nullable=False),
        sa.Column("field", sa.String(512), nullable=False),
        sa.Column("purpose", sa.String(512), nullable=False),
        sa.Column("tokens_of", sa.String(512), nullable=False),
        sa.Column("region", sa.String(512), nullable=False),
        sa.Column("case_number", sa.String(512), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("token_count", sa.Integer, nullable=False),
        sa.Column("tokens_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False),
        sa.Column("collected_at", sa.DateTime),
        sa.PrimaryKeyConstraint("request_id", name="pk_reidentifications"),
    )
    op.create_index("ix_reidentifications_asked_at", "reidentifications", ["asked_at"])
    op.create_table(
        "linking_approvals",
        sa.Column("subject_id", sa.String(128), nullable=False),
        sa.Column("officer", sa.String(512), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("approved_at", sa.DateTime, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "officer", name="pk_linking_approvals"),
    )
