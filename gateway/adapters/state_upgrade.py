"""Bring the state database to the schema of this version, with Alembic, in one transaction."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from gateway.adapters.state_engine import StateDatabase, StateUnusable

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(database: StateDatabase) -> None:
    """Run the migrations that the database lacks: all of them or none. Several processes may do so at once.

    Raises:
        StateUnusable: the database is of a newer version of the gateway, or cannot be written.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    try:
        with database.writing() as connection:
            present = set(MigrationContext.configure(connection).get_current_heads())
            if not present <= known:
                raise StateUnusable(
                    "the state database was written by a newer version of the gateway: "
                    "install that version or restore an older backup"
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, sqlite3.Error, OSError):
        raise StateUnusable("the state database cannot be upgraded: check its disk and rights") from None
