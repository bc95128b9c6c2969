"""What stories do beside asking for data: a keeper writes in a consent register, somebody asks after the health."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.api.v1 import consent_service_pb2 as pb
from gateway.api.v1 import consent_service_pb2_grpc as rpc
from seeds.generator import Canary
from tests.integration.scenarios.story import Step
from tests.integration.site import Site

_SECONDS = 20
WITHDRAWN_WITHIN = 1.0
"""Seconds in which a withdrawal holds everywhere."""


def _channel(site: Site, institution: str) -> grpc.Channel:
    """A channel with the institution's certificate, as any client in any language would have it."""
    parts = [(site.folder / name).read_bytes() for name in ("ca.pem", f"{institution}.key", f"{institution}.pem")]
    return grpc.secure_channel(site.target, grpc.ssl_channel_credentials(*parts))


def serving(site: Site, institution: str) -> bool:
    """Whether the gateway says to this institution that it serves. No person's token is needed."""
    with _channel(site, institution) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=_SECONDS)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class Keeper:
    """Writes in one consent register, and remembers the entry of each canary."""

    def __init__(self, site: Site, register: str) -> None:
        self._site, self._register = site, register
        self._entries: dict[int, str] = {}

    def write(self, step: Step, canaries: Iterable[Canary]) -> None:
        """Enter that they agreed to the purpose of the step, or that they withdrew; that holds when this returns."""
        assert step.writes is not None
        with _channel(self._site, step.who) as channel:
            stub = rpc.ConsentServiceStub(channel)
            token = (("authorization", f"Bearer {self._site.token(step.who, step.person)}"),)
            if step.writes.agreed:
                self._record(stub, step, list(canaries), token)
                return
            for canary in canaries:
                request = pb.WithdrawConsentRequest(register=self._register, consent_id=self._entries[canary.number])
                answer = stub.WithdrawConsent(request, metadata=token, timeout=_SECONDS)
                assert answer.consent.withdrawn_by == f"{step.who}/{step.person}"
        time.sleep(WITHDRAWN_WITHIN)

    def _record(
        self,
        stub: rpc.ConsentServiceStub,
        step: Step,
        canaries: Sequence[Canary],
        token: tuple[tuple[str, str], ...],
    ) -> None:
        given = Timestamp()
        given.FromDatetime(datetime.now(UTC))
        entries = [
            pb.ConsentEntry(
                subject=canary.resident_id,
                purpose=step.why,
                source="form of the online fair, version 1",
                proof=hashlib.sha256(f"signed by {canary.number}".encode()).digest(),
                given_at=given,
            )
            for canary in canaries
        ]
        request = pb.RecordConsentsRequest(register=self._register, consents=entries)
        answer = stub.RecordConsents(request, metadata=token, timeout=_SECONDS)
        assert len(answer.consents) == len(entries)
        text = str(answer)
        for canary, consent in zip(canaries, answer.consents, strict=True):
            assert canary.resident_id not in text, "a register names nobody"
            self._entries[canary.number] = consent.id
