"""The tables of statistics that are published day after day."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Integer, LargeBinary, String, Table

from gateway.adapters.state.schema.base import metadata

# `plan` is the name of the table of nodes. From `ends_at` on no day is read; figures are erased then.
series = Table(
    "series",
    metadata,
    Column("series_id", ForeignKey("budget_charges.release_id"), primary_key=True),
    Column("plan", String(128), nullable=False),
    Column("opened_by", String(512), nullable=False),
    Column("opened_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False, server_default="9999-12-31 00:00:00.000000"),
)

# `figures` are sealed, and empty once the series is complete or has ended.
series_days = Table(
    "series_days",
    metadata,
    Column("series_id", ForeignKey("series.series_id"), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("closed_at", DateTime, nullable=False),
    Column("data_version", String(128), nullable=False),
    Column("figures", LargeBinary, nullable=False),
)

# `noised` holds the values of the cells, 64-bit integers each, the lowest byte first.
series_nodes = Table(
    "series_nodes",
    metadata,
    Column("series_id", ForeignKey("series.series_id"), primary_key=True),
    Column("statistic", Integer, primary_key=True, autoincrement=False),
    Column("node", String(128), primary_key=True),
    Column("day", Integer, nullable=False),
    Column("noised", LargeBinary, nullable=False),
)
