"""The small good policy, changed as a test needs it."""

from __future__ import annotations

from tests.unit.decision.officer.conftest import changed

__all__ = ["changed"]
