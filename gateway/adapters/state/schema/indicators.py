"""The table of exact figures as they were published last."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, LargeBinary, String, Table

from gateway.adapters.state.schema.base import metadata

# Indicators as they were published last; `state` is sealed.
indicators = Table(
    "indicators",
    metadata,
    Column("indicator_id", String(128), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("published_at", DateTime, nullable=False),
    Column("read", String(128), nullable=False),
    Column("data_version", String(128), nullable=False),
    Column("state", LargeBinary, nullable=False),
)
