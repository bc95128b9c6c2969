"""Charges and accounts bear a delta besides rho. What was charged before lost none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = {
    "budget_accounts": ("spent_delta_numerator", "spent_delta_denominator"),
    "budget_charges": ("delta_numerator", "delta_denominator"),
}


def upgrade() -> None:
    """Add the columns: 0/1 for every row that there is."""
    for table, (numerator, denominator) in _COLUMNS.items():
        op.add_column(table, sa.Column(numerator, sa.Text, nullable=False, server_default="0"))
        op.add_column(table, sa.Column(denominator, sa.Text, nullable=False, server_default="1"))
