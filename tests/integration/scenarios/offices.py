"""What stories do beside asking for data: keep a consent register, review emergencies, read reports, ask for health."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

import gateway.client as gw
from seeds.generator import Canary
from tests.integration.scenarios.story import Office, Step
from tests.integration.scenarios.warrants import Warrants
from tests.integration.site import Site

WITHDRAWN_WITHIN = 1.0
"""Seconds in which a withdrawal holds everywhere."""

_REVIEWED_WITHIN = timedelta(hours=24)
_SECONDS = 20


def serving(site: Site, institution: str) -> bool:
    """Whether the gateway says to this institution that it serves. No person's token is needed."""
    parts = [(site.folder / name).read_bytes() for name in ("ca.pem", f"{institution}.key", f"{institution}.pem")]
    with grpc.secure_channel(site.target, grpc.ssl_channel_credentials(*parts)) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=_SECONDS)
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@dataclass
class Offices:
    """Keepers, reviewers and officers of one story. Remembers the entry of each canary in each register."""

    warrants: Warrants
    entries: dict[tuple[str, int], str] = field(default_factory=dict)

    def play(
        self,
        site: Site,
        step: Step,
        office: Office,
        canaries: Sequence[Canary],
        status: Mapping[str, tuple[type[gw.GatewayError], ...]],
    ) -> None:
        """Do what the step says, which is refused if it says so; a withdrawal holds when this returns."""
        with site.officer(step.who, step.person) as desk:
            try:
                self._do(desk, step, office, canaries)
            except gw.GatewayError as error:
                if step.refused is None or step.status is None:
                    raise
                assert error.reason == step.refused
                assert isinstance(error, status[step.status])
                return
        assert step.refused is None, "this should have been refused"

    def _do(self, desk: gw.Officer, step: Step, office: Office, canaries: Sequence[Canary]) -> None:
        if office.agreed:
            self._enter(desk, step, office, canaries)
        elif office.withdrew:
            for canary in canaries:
                entry = desk.withdraw_consent(office.book, self.entries[office.book, canary.number])
                assert entry.withdrawn_by == f"{step.who}/{step.person}"
            time.sleep(WITHDRAWN_WITHIN)
        elif office.reviews:
            waiting = [one for one in desk.emergencies() if one.grant == office.reviews]
            assert waiting, "nothing waits for a review"
            for emergency in waiting:
                assert emergency.why, "a reviewer reads why"
                assert emergency.review_due - emergency.opened_at == _REVIEWED_WITHIN
                reviewed = desk.review_emergency(emergency.id, office.verdict)
                assert (reviewed.reviewed_by, reviewed.verdict) == (f"{step.who}/{step.person}", office.verdict)
            assert not [one for one in desk.emergencies() if one.grant == office.reviews]
        elif office.report:
            self._read(desk, office)
        else:
            self.warrants.do(desk, step, office)

    def _enter(self, desk: gw.Officer, step: Step, office: Office, canaries: Sequence[Canary]) -> None:
        given = datetime.now(UTC)
        consents = [
            gw.NewConsent(
                subject=canary.resident_id,
                purpose=step.why,
                source="form of the online fair, version 1",
                proof=hashlib.sha256(f"signed by {canary.number}".encode()).digest(),
                given_at=given,
            )
            for canary in canaries
        ]
        entered = desk.record_consents(office.book, consents)
        for canary, consent in zip(canaries, entered, strict=True):
            assert canary.resident_id not in repr(consent), "a register names nobody"
            self.entries[office.book, canary.number] = consent.id

    @staticmethod
    def _read(desk: gw.Officer, office: Office) -> None:
        now = datetime.now(UTC)
        report = desk.report(office.report, now - timedelta(days=1), now + timedelta(seconds=1))
        assert report.institution == office.report
        people = {line.person for line in office.lines}
        found = {(one.person, one.outcome, one.reason): one.count for one in report.lines if one.person in people}
        assert found == {(one.person, one.outcome, one.reason): one.count for one in office.lines}
        assert report.allowed >= sum(one.count for one in office.lines if one.outcome == "allowed") > 0
