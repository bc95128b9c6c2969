"""`gateway serve`: the gateway as a service, until SIGTERM or SIGINT. SIGHUP reads the policy folder anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.cli.mistake import cannot_start
from gateway.server.log_lines import log_as_lines
from gateway.settings import InvalidSettings, read_settings
from gateway.wiring.keys import open_keys


def serve(config: Path) -> int:
    """Serve with the settings of a file; return the exit code."""
    log_as_lines()
    try:
        settings = read_settings(config)
    except InvalidSettings as error:
        return cannot_start(str(error))
    # a start is the loading of modules and the stretching of a secret: the second needs no interpreter
    beside = ThreadPoolExecutor(1, "keys")
    keys = beside.submit(open_keys, settings)
    beside.shutdown(wait=False)
    from gateway.cli.serving import serve_with

    return serve_with(settings, keys.result)
