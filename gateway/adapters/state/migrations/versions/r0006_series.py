"""Series: their openings, and what is kept of each day and node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "series",
        sa.Column("series_id", sa.String(128), nullable=False),
        sa.Column("plan", sa.String(128), nullable=False),
        sa.Column("opened_by", sa.String(512), nullable=False),
        sa.Column("opened_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("series_id", name="pk_series"),
        sa.ForeignKeyConstraint(
            ["series_id"], ["budget_charges.release_id"], name="fk_series_series_id_budget_charges"
        ),
    )
    op.create_table(
        "series_days",
        sa.Column("series_id", sa.String(128), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("closed_at", sa.DateTime, nullable=False),
        sa.Column("data_version", sa.String(128), nullable=False),
        sa.Column("figures", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "day", name="pk_series_days"),
        sa.ForeignKeyConstraint(["series_id"], ["series.series_id"], name="fk_series_days_series_id_series"),
    )
    op.create_table(
        "series_nodes",
        sa.Column("series_id", sa.String(128), nullable=False),
        sa.Column("statistic", sa.Integer, nullable=False),
        sa.Column("node", sa.String(128), nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("noised", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "statistic", "node", name="pk_series_nodes"),
        sa.ForeignKeyConstraint(["series_id"], ["series.series_id"], name="fk_series_nodes_series_id_series"),
    )
