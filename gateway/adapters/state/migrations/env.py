"""Where Alembic starts: it works in the transaction that `upgrade` opened, and commits nothing
itself."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
