"""Files of synthetic rows have certificates: what the gateway signed of each. Those that are there have none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("synthesis_jobs", sa.Column("certificate", sa.LargeBinary))
