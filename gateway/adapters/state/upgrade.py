"""Bring the state database to the schema of this version, with Alembic, in one transaction."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.adapters.state.database import StateDatabase, StateUnusable
from gateway.adapters.state.schema import REVISION

_MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(database: StateDatabase) -> None:
    """Run the migrations that the database lacks: all of them or none. Several processes may do so at once.

    Raises:
        StateUnusable: the database is of a newer version of the gateway, or cannot be written.
    """
    try:
        if not is_current(database):
            _migrate(database)
    except (SQLAlchemyError, sqlite3.Error, OSError):
        raise StateUnusable("the state database cannot be upgraded: check its disk and rights") from None


def is_current(database: StateDatabase) -> bool:
    """Tell whether the database has the schema of this version. Writes nothing.

    Raises:
        SQLAlchemyError: it cannot be read.
    """
    with database.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [REVISION]


def _migrate(database: StateDatabase) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it has much to say, from its import on
    # a tenth of the gateway's start, which is why it is imported for a database that needs it alone
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with database.writing() as connection:
        present = set(MigrationContext.configure(connection).get_current_heads())
        if not present <= known:
            raise StateUnusable(
                "the state database was written by a newer version of the gateway: "
                "install that version or restore an older backup"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
