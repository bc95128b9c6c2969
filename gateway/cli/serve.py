"""`gateway serve`: the gateway as a service, until SIGTERM or SIGINT. SIGHUP reads the policy folder anew."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from gateway.adapters.state_engine import StateUnusable
from gateway.cli.codes import CANNOT_START
from gateway.model.errors import Fault
from gateway.policy.problems import InvalidPolicy
from gateway.server.app import run
from gateway.settings import InvalidSettings, read_settings
from gateway.wiring import open_gateway


def serve(config: Path) -> int:
    """Serve with the settings of a file; return the exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        with open_gateway(read_settings(config)) as gateway:
            run(gateway.server, gateway.reload_policy)
    except (InvalidSettings, StateUnusable) as error:
        return _cannot_start(str(error))
    except InvalidPolicy as invalid:
        return _cannot_start("\n".join(["the policy folder is not valid:", *map(str, invalid.problems)]))
    except Fault as fault:
        return _cannot_start(": ".join(("the gateway cannot start", fault.reason, *getattr(fault, "__notes__", ()))))
    except RuntimeError as error:
        return _cannot_start(f"the gateway cannot listen: {error}")
    return 0


def _cannot_start(message: str) -> int:
    print(message, file=sys.stderr)
    return CANNOT_START
