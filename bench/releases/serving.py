"""`python -m bench.releases.serving --config FILE`: a gateway whose answers do not wait for their slot.

It is the product, composed of its own parts, but for one port: a clock that returns at once when it is to wait. The
product has no switch for it: whoever composes ports answers for them. What the slot hides shows here, so this is for
synthetic people alone.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from gateway.model.party import Peer
from gateway.pipeline import Ports
from gateway.ports import Clock
from gateway.server.app import Server, run
from gateway.server.desk import Desk
from gateway.server.observation import Observer
from gateway.server.services import services
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway, server_config


class UnheldClock:
    """The system's clock, which never waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """Return the instant, naive UTC."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return self._clock.monotonic()

    def sleep_until(self, instant: float) -> None:
        """Return at once."""


def unheld(ports: Ports) -> Ports:
    """The same ports, by which nothing waits."""
    return replace(ports, clock=UnheldClock(ports.clock))


def serve(config: Path) -> None:
    """Serve with the settings of a file until SIGTERM."""
    settings = read_settings(config)
    with open_gateway(settings) as gateway:
        ports = unheld(gateway.ports)
        listening = server_config(settings)

        def gate(peer: Peer) -> str:
            return ports.identities.identify(peer, ports.clock.now()).institution

        desk = Desk(ports, listening.max_batch_bytes)
        server = Server(listening, services(desk, gateway.office, gateway.ingest), gate, Observer(CollectorRegistry()))
        run(server, gateway.reload_policy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    serve(parser.parse_args().config)
