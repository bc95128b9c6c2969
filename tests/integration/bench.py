"""A house whose officers have keys: joins and openings in one process, with a clock that can be put forward."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway import pipeline
from gateway.accountability.warrant import join_statement, reidentification_statement
from gateway.administration import joins, reidentifications
from gateway.administration.joins import Joining
from gateway.lanes import linking
from gateway.lanes.linking import Asking, Collecting, Linked, Linking, Sealed
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.linking import Join, Reidentification
from gateway.model.permit import Refusal
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.request import RequestContext, RowsRequest, Selector
from gateway.pipeline import Refused
from tests.integration.house import House, delivered, tracing
from tests.integration.warrants import AUDITOR, BUREAU, REQUESTER, TRACING, Who, officers_file, raise_rate

HOUR = timedelta(hours=1)
MATCHING = "contact-matching"


@dataclass
class Bench:
    """A house whose officers have keys."""

    house: House
    keys: Mapping[Who, Ed25519PrivateKey]

    def tokens(self, institution: str) -> list[str]:
        delivery = delivered(
            pipeline.rows(self.house.ports, self.house.long_signed_in(institution), tracing(fields=("resident_id",)))
        )
        with closing(delivery):
            parts = [part.records.column(0) for part in delivery]
        return sorted({str(token) for token in pa.chunked_array(parts).to_pylist()})

    def propose(self, ends_in: timedelta = 48 * HOUR) -> Join:
        found = self.proposed(
            PseudonymDomain("police", TRACING), PseudonymDomain("health-commission", TRACING), ends_in
        )
        assert isinstance(found, Join), found
        return found

    def proposed(self, first: PseudonymDomain, second: PseudonymDomain, ends_in: timedelta) -> Join | Refusal:
        until = self.house.clock.now() + ends_in
        joining = Joining(first, second, "health_cases", "resident_id", MATCHING, "a reason for the register", until)
        return joins.propose_join(self.house.office, self.house.long_signed_in(*BUREAU), joining)

    def approve(self, join: Join, who: Who = AUDITOR) -> Join | Refusal:
        signature = self.keys[who].sign(join_statement(join))
        return joins.approve_join(self.house.office, self.house.long_signed_in(*who), join.id, signature)

    def joined(self, ends_in: timedelta = 48 * HOUR) -> Join:
        join = self.propose(ends_in)
        found = [self.approve(join, who) for who in (BUREAU, AUDITOR)][-1]
        assert isinstance(found, Join), found
        return found

    def link(self, join: Join, tokens: list[str], institution: str = "police") -> Linked | Refused:
        rows = _rows(DisclosureKind.LINK, "contact-matching", MATCHING, tokens)
        peer = self.house.long_signed_in(institution)
        return linking.link(self.house.ports, peer, Linking(rows, TRACING, join.id))

    def ask(self, tokens: list[str], key: X25519PrivateKey) -> Reidentification:
        found = self.asked(tokens, key.public_key().public_bytes_raw())
        assert isinstance(found, Reidentification), found
        return found

    def asked(self, tokens: list[str], public_key: bytes) -> Reidentification | Refused:
        rows = _rows(DisclosureKind.REIDENTIFY, "contact-warning", "contact-warning", tokens)
        asking = Asking(rows, TRACING, "a reason for the register", public_key)
        return linking.ask_reidentification(self.house.ports, self.house.long_signed_in(*REQUESTER), asking)

    def sign(self, asked: Reidentification, who: Who) -> Reidentification | Refusal:
        signature = self.keys[who].sign(reidentification_statement(asked))
        peer = self.house.long_signed_in(*who)
        return reidentifications.approve(self.house.office, peer, asked.id, signature)

    def collect(self, asked: str, tokens: list[str], who: Who = REQUESTER) -> Sealed | Refused:
        return linking.collect(self.house.ports, self.house.long_signed_in(*who), _collecting(asked, tokens))

    def status(self, asked: str, who: Who = REQUESTER) -> Reidentification | Refused:
        return linking.status(self.house.ports, self.house.long_signed_in(*who), _collecting(asked, []))

    def wait(self, span: timedelta) -> None:
        self.house.clock.ahead += span


def _rows(kind: DisclosureKind, disclosure: str, purpose: str, tokens: list[str]) -> RowsRequest:
    case = "YQ-2026-0007" if kind is DisclosureKind.REIDENTIFY else ""
    context = RequestContext(purpose, "", case, str(uuid.uuid4()), b"", caller_gave_id=False)
    selector = Selector(SelectBy.TOKEN, "resident_id", tuple(tokens))
    return RowsRequest(context, kind, "health_cases", disclosure, (), False, (), selector)


def _collecting(asked: str, tokens: list[str]) -> Collecting:
    rows = _rows(DisclosureKind.REIDENTIFY, "", "", tokens)
    return Collecting(replace(rows, dataset="", selector=Selector(SelectBy.TOKEN, "", tuple(tokens))), asked)


@pytest.fixture
def bench(house: House) -> Bench:
    keys = officers_file(house.site.policies)
    raise_rate(house.site.policies)
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems
    return Bench(house, keys)


def reason(outcome: object) -> ErrorReason:
    if isinstance(outcome, Refused):
        return outcome.refusal.reason
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason
