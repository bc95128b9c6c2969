"""The demo's stage: who is connected, what answered, and what the raw tables hold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import gateway.client as gw
from gateway.cli.demo.city import DemoCity
from gateway.cli.demo.report import Misbehaved, Report

Answer = gw.Lookup | gw.Check | gw.Extract | gw.Release | gw.Pushed | gw.Indicator


@dataclass(slots=True)
class Play:
    """One run of the demo over a serving gateway. `began` is on the monotonic clock."""

    city: DemoCity
    report: Report
    began: float
    subject: str
    """The planted person whom the scenes follow, by number."""
    ineligible: str
    """Another, who is not eligible for the subsidy."""
    connections: ExitStack
    answers: list[Answer] = field(default_factory=list)
    refusals: list[tuple[str, gw.GatewayError]] = field(default_factory=list)
    seconds_to_first_answer: float = 0.0
    _gateways: dict[str, gw.Gateway] = field(default_factory=dict)

    def of(self, institution: str) -> gw.Gateway:
        """Return the connection of an institution's person."""
        if institution not in self._gateways:
            files = self.city.clients[institution]
            connection = gw.connect(
                self.city.address,
                certificate=files.certificate,
                key=files.key,
                ca=files.authority,
                token=files.token.read_text(encoding="ascii"),
            )
            self._gateways[institution] = self.connections.enter_context(connection)
        return self._gateways[institution]

    def asks(self, institution: str, purpose: str, what: str, more: str = "") -> gw.Gateway:
        """Print who asks for what, and return the connection to ask by."""
        self.report.asks(institution, purpose, what, more)
        return self.of(institution)

    def answered(self, answer: Answer) -> None:
        """Keep an answer, for its receipt; the first is what the user waited for."""
        if not self.answers:
            self.seconds_to_first_answer = time.monotonic() - self.began
        self.answers.append(answer)

    def extract(self, institution: str, purpose: str, dataset: str, disclosure: str) -> pa.Table:
        """Ask for all records and return them."""
        with self.asks(institution, purpose, f"extract {dataset}/{disclosure}").extract(
            dataset, disclosure, purpose=purpose
        ) as stream:
            table = stream.read_all()
        self.answered(stream)
        self.report.clean(table)
        return table

    def refusal(self, institution: str, error: gw.GatewayError | None, reason: str) -> gw.GatewayError:
        """Print the refusal that a call met.

        Raises:
            Misbehaved: it met none, or one for another reason.
        """
        if error is None or error.reason != reason:
            raise Misbehaved(f"the request is refused with {reason}")
        self.refusals.append((institution, error))
        self.report.refused(error)
        return error

    def raw(self, dataset: str, person: str = "") -> list[dict[str, Any]]:
        """Return the raw rows, or one person's: the inside, read past the gateway."""
        mine = pc.field("resident_id") == person if person else None
        table = pq.read_table(self.city.table(dataset), filters=mine)
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows

    def raw_counts(self, dataset: str, by: str) -> Mapping[str, int]:
        """Return the exact number of raw rows for each value of a field."""
        values = pq.read_table(self.city.table(dataset), columns=[by])[by].to_pylist()
        return Counter(map(str, values))


def masked(number: str) -> str:
    """Return an identity number as a report may show it: who asked had it before."""
    return f"{number[:4]}…{number[-2:]}"
