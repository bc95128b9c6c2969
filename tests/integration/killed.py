"""A gateway that is killed when it would write to its log: it has charged and stored, and none of that is on record."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Never

from gateway import pipeline
from gateway.lanes import syntheses
from gateway.model.party import Peer
from gateway.model.record import AuditRecord, Outcome
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway
from tests.integration.house import counting
from tests.integration.synthesis.test_lane import asked


class _Deadly:
    """A log that nobody survives writing to, but for a refusal."""

    def append(self, record: AuditRecord, manifest: object = ()) -> Never:
        assert record.outcome is not Outcome.REFUSED
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def main(config: Path, certificate: Path, token: str, what: str) -> None:
    peer = Peer(certificate.read_bytes(), token)
    log: Any = _Deadly()
    with open_gateway(read_settings(config)) as gateway:
        ports = replace(gateway.ports, audit=log)
        if what == "release":
            pipeline.release(ports, peer, counting(Fraction(1, 5)))
        else:
            syntheses.request(ports, peer, asked())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
