"""`gateway`, and `python -m gateway`."""

from __future__ import annotations

import sys

_SERVER_EXTRA = frozenset({"cyclopts", "rich", "pydantic", "yaml", "duckdb"})


def main() -> None:
    """Run the command with the process's arguments, and exit with its code."""
    try:
        from gateway.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in _SERVER_EXTRA:
            raise
        sys.exit("gateway: the command needs the server's libraries. Install purpose-gateway[server].")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
