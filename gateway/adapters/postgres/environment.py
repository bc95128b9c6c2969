"""Settings alone say where a database is and how it is called: not the environment, and no file of a home folder."""

from __future__ import annotations

import logging
import os

_log = logging.getLogger(__name__)

NOWHERE = "/dev/null/none"
"""Where no file can be: the library looks there, and not in the home folder."""


def forget_environment() -> None:
    """Take PostgreSQL's variables (PG…) out of the environment of this process, and say which in the log.

    A parameter wins over its variable, but not all have one: a service (PGSERVICE) gives whatever is left open, another
    address among it, and PGTZ, PGDATESTYLE and PGGEQO are sent after what the settings ask for. The library reads them
    at every connection, so they go before the first.
    """
    found = sorted(name for name in os.environ if name.startswith("PG"))
    for name in found:
        del os.environ[name]
    if found:
        _log.warning("not used, and taken out of the environment: %s", ", ".join(found))
