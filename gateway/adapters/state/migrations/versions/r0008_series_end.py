"""Series end, and the figures of their days with them. Those that are open end when their last day is read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: the end of all time for every row that there is."""
    never = "9999-12-31 00:00:00.000000"
    op.add_column("series", sa.Column("ends_at", sa.DateTime, nullable=False, server_default=never))
