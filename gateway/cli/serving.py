"""A gateway that serves, and why one cannot start."""

from __future__ import annotations

from collections.abc import Callable

from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.state.database import StateUnusable
from gateway.cli.mistake import cannot_start
from gateway.model.errors import Fault
from gateway.policy.problems import InvalidPolicy
from gateway.server.app import run
from gateway.settings import InvalidSettings, Settings
from gateway.wiring.composition import open_gateway


def serve_with(settings: Settings, keys: Callable[[], FileKeyRing]) -> int:
    """Serve until it is ended; return the exit code. `keys` returns the keys, once they are open."""
    try:
        with open_gateway(settings, keys) as gateway:
            run(gateway.server, gateway.reload_policy)
    except (InvalidSettings, StateUnusable) as error:
        return cannot_start(str(error))
    except InvalidPolicy as invalid:
        return cannot_start("\n".join(["the policy folder is not valid:", *map(str, invalid.problems)]))
    except Fault as fault:
        return cannot_start(": ".join(("the gateway cannot start", fault.reason, *getattr(fault, "__notes__", ()))))
    except RuntimeError as error:
        return cannot_start(f"the gateway cannot listen: {error}")
    return 0
