"""Settings of what a gateway lives by: its policy, its state, its keys."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from gateway.settings.section import Section


class PolicySettings(Section):
    """Where the policy is, and what brings another one into force."""

    folder: Path = Field(description="The policy folder.")
    follow: Literal["published", "folder"] = Field(
        "published",
        description="What brings a policy into force: officers who publish it, or the folder's files.",
    )
    poll_seconds: float = Field(1.0, gt=0, le=60, description="How often a process looks for a newer publication.")
    sunset_seconds: float = Field(
        60.0,
        gt=0,
        le=86400,
        description="How often it looks for purposes, joins and series that ended, and for new keys.",
    )


class StateSettings(Section):
    """Where the gateway keeps its state: budgets, releases and the audit log."""

    file: Path = Field(description="The SQLite file; made at the first start.")


class KeySettings(Section):
    """The encrypted key file and the secret that opens it."""

    file: Path = Field(description="The key file; `gateway key init` makes it.")
    secret_file: Path = Field(description="A file that holds the secret, readable by the gateway alone.")
