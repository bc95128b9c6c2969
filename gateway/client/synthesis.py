"""Synthetic extracts: asked for, waited for, looked at, and saved."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import grpc

from gateway.api.v1 import budget_pb2, receipt_pb2, synthesis_service_pb2, synthesis_service_pb2_grpc
from gateway.client.answers import Coverage, coverage_from
from gateway.client.calls import Caller
from gateway.client.certificates import SigningKey, SynthesisCertificate, synthesis_certificate_from
from gateway.client.certified_extract import held_extract
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.datacite import extract_datacite
from gateway.client.errors import CertificateMismatch, Details, GatewayError, IncompleteExtract, from_call
from gateway.client.prices import priced
from gateway.client.saving import Whole, save
from gateway.client.tls import Pems
from gateway.client.values import Condition, to_conditions

JobProgress = Callable[[str, float], None]
"""Called with the state ("queued", "running", …) and how far the job is, from 0 to 1."""

_FORMATS = {
    "parquet": synthesis_service_pb2.FILE_FORMAT_PARQUET,
    "csv": synthesis_service_pb2.FILE_FORMAT_CSV,
}
_FORMAT_NAMES = {number: name for name, number in _FORMATS.items()}
_OVER = ("failed", "cancelled", "expired")


@dataclass(frozen=True, slots=True)
class SynthesisEstimate:
    """What synthetic rows would cost and hold, before anything is spent.

    `counts` are what is counted, each with its margin in rows, which is known beforehand; `cells` those of all of them.
    `rows` is 0 for as many as the counts speak of, and never more than `most_rows`. In each count a privacy unit counts
    in `max_groups` cells at most, in each for `max_rows` rows; `coverage` says what does not count, and why.
    `budgets_after` are the budgets as they would stand; `already_counted`: the counts are there, and cost nothing.
    """

    fields: tuple[str, ...]
    privacy_loss: receipt_pb2.PrivacyLoss
    counts: Sequence[synthesis_service_pb2.CountMargin]
    cells: int
    rows: int
    most_rows: int
    max_groups: int
    max_rows: int
    budgets_after: Sequence[budget_pb2.Budget]
    affordable: bool
    already_counted: bool
    coverage: tuple[Coverage, ...]


class SynthesisEnded(GatewayError):
    """A job ended without a file: `state` is "failed", "cancelled" or "expired", `failure` why, in one word.

    What its counts cost is spent, and they are kept: ask for the same again, at no charge.
    """

    def __init__(self, state: str, failure: str) -> None:
        super().__init__(Details("SYNTHESIS_NOT_MADE", "Ask for the same again: that costs nothing."))
        self.state = state
        self.failure = failure


class SyntheticExtract:
    """One file of synthetic rows, and the job that makes it."""

    def __init__(
        self,
        calls: Syntheses,
        message: synthesis_service_pb2.Synthesis,
        purpose: str,
        *,
        receipt: receipt_pb2.Receipt | None = None,
        charged: bool = False,
    ) -> None:
        self._calls = calls
        self._purpose = purpose
        self._report: synthesis_service_pb2.GetSynthesisReportResponse | None = None
        self.message = message
        """The job as it was seen last."""
        self.receipt = receipt
        """Of the request; None where it was only looked up."""
        self.charged = charged
        """Whether the request was charged: the same counts on the same data are charged once."""

    @property
    def id(self) -> str:
        """Its name: with it, anybody who may ask for the same finds it."""
        return self.message.synthesis_id

    @property
    def state(self) -> str:
        """Where the job stood when it was looked at last: queued, running, done, failed, cancelled or expired."""
        name = synthesis_service_pb2.SynthesisState.Name(self.message.state)
        return name.removeprefix("SYNTHESIS_STATE_").lower()

    @property
    def progress(self) -> float:
        """How far the job was, from 0 to 1."""
        return self.message.progress

    @property
    def file_format(self) -> str:
        """The format of the file: parquet or csv."""
        return _FORMAT_NAMES[self.message.format]

    def look(self) -> str:
        """Look where the job stands and return its state."""
        self.message = self._calls.look_at(self.id, self._purpose)
        return self.state

    def wait(self, progress: JobProgress | None = None, *, timeout: float | None = None) -> SyntheticExtract:
        """Wait until the file is made. `timeout` is in seconds; without one, as long as it takes.

        Raises:
            SynthesisEnded: the job failed or was cancelled, or the file has expired.
            TimeoutError: it is not made yet; it goes on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = 0.1
        while True:
            if progress is not None:
                progress(self.state, self.progress)
            if self.state == "done":
                return self
            if self.state in _OVER:
                raise SynthesisEnded(self.state, self.message.failure)
            if end is not None and time.monotonic() >= end:
                raise TimeoutError("the synthetic extract is not made yet")
            time.sleep(pause)
            pause = min(2.0, pause * 1.5)
            self.look()

    def cancel(self) -> str:
        """Cancel the job, if it is not done, and return its state. What its counts cost stays spent."""
        self.message = self._calls.cancel_it(self.id, self._purpose)
        return self.state

    @property
    def certificate(self) -> SynthesisCertificate | None:
        """What the gateway signed of the file when it was made; None before, and of counts that had none."""
        message = self.message
        return synthesis_certificate_from(message.certificate) if message.HasField("certificate") else None

    @property
    def citation(self) -> str:
        """How to cite the file: the dataset as its contract has it, and this extract by its name; "" where it has none.

        It is what the certificate says, verified or not.
        """
        says = {} if self.certificate is None else self.certificate.says
        cited = says.get("attribution", {}).get("citation", "")
        return f"{cited} Synthetic extract {self.id}, {says['made_at'][:10]}." if cited else ""

    def datacite(self) -> dict[str, Any]:
        """Return metadata to register a DOI of this extract with: attributes of DataCite's schema 4, as JSON has them.

        It is made of what the certificate says, verified or not.

        Raises:
            ValueError: it is not made, has no certificate, or the contract says nothing of licence and citation.
        """
        return extract_datacite({} if self.certificate is None else self.certificate.says)

    def verify(self, keys: Iterable[SigningKey], file: Path | str | None = None) -> None:
        """Verify the certificate, and hold what is shown of this extract against it; also a saved file, and the report
        where it was read.

        Raises:
            CertificateMismatch: naming the first part that differs; `certificate` where there is none.
            OSError: the file cannot be read.
        """
        if self.certificate is None:
            raise CertificateMismatch("certificate")
        report = None if self._report is None else self._report.json.encode()
        self.certificate.verify(keys, file=None if file is None else Path(file), report=report)
        held_extract(self.message, self.certificate)

    @property
    def quality(self) -> synthesis_service_pb2.SynthesisReport:
        """How near the rows are to the noised counts that they are made of. Costs nothing."""
        return self._reported().report

    @property
    def report_json(self) -> str:
        """The whole report, as JSON: columns, what the counts lost, quality, notes."""
        return self._reported().json

    def save(self, path: Path | str) -> Path:
        """Write the file to a path and return it. Goes on where an earlier try was cut short.

        Raises:
            IncompleteExtract: what arrived is not the file, as its digest tells.
        """
        return save(Path(path), self._pieces, lambda: Whole(self.message.file_bytes, self.message.file_sha256))

    def _pieces(self, offset: int) -> Iterator[synthesis_service_pb2.FilePiece]:
        """Yield the file from an offset on; the header before tells what the whole is."""
        headed = False
        for one in self._calls.pieces(self.id, self._purpose, offset):
            if one.WhichOneof("part") == "header":
                self.message, headed = one.header.synthesis, True
            else:
                yield one.piece
        if not headed:
            raise IncompleteExtract(0, 0)

    def _reported(self) -> synthesis_service_pb2.GetSynthesisReportResponse:
        if self._report is None:
            self._report = self._calls.report_on(self.id, self._purpose)
        return self._report


class Syntheses(Channel):
    """The calls of synthetic extracts."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._syntheses = synthesis_service_pb2_grpc.SynthesisServiceStub(self._channel)

    def estimate_synthesis(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        epsilon: float | None = None,
        rho: float | None = None,
        fields: Sequence[str] = (),
        filters: Iterable[Condition] = (),
        rows: int = 0,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> SynthesisEstimate:
        """What `synthesize` would cost, and how near its counts would come. Spends nothing and reads no data."""
        request = synthesis_service_pb2.EstimateSynthesisRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            plan=_plan(dataset, disclosure, fields, filters),
            rows=rows,
        )
        told = self._caller.retried(self._syntheses.EstimateSynthesis, priced(request, epsilon, rho))
        return SynthesisEstimate(
            fields=tuple(told.plan.fields),
            privacy_loss=told.privacy_loss,
            counts=told.counts,
            cells=told.cells,
            rows=told.rows,
            most_rows=told.most_rows,
            max_groups=told.max_groups_per_unit,
            max_rows=told.max_rows_per_group,
            budgets_after=told.budgets_after,
            affordable=told.affordable,
            already_counted=told.already_counted,
            coverage=coverage_from(told.coverage),
        )

    def synthesize(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        epsilon: float | None = None,
        rho: float | None = None,
        fields: Sequence[str] = (),
        filters: Iterable[Condition] = (),
        rows: int = 0,
        file_format: Literal["parquet", "csv"] = "parquet",
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        request_id: str = "",
    ) -> SyntheticExtract:
        """Ask for synthetic rows, at an `epsilon` or, with far less noise, at a `rho`; then `wait` and `save`.

        No `fields` asks for all that are offered, no `rows` for as many as the counts speak of. Other rows of the same
        counts cost nothing. Retries keep the request_id, so they are never charged twice.
        """
        request = synthesis_service_pb2.RequestSynthesisRequest(
            context=context(purpose, region, case_number, break_glass_reason, request_id or str(uuid.uuid4())),
            plan=_plan(dataset, disclosure, fields, filters),
            rows=rows,
            format=_FORMATS[file_format],
        )
        answer = self._caller.retried(self._syntheses.RequestSynthesis, priced(request, epsilon, rho))
        return SyntheticExtract(self, answer.synthesis, purpose, receipt=answer.receipt, charged=answer.charged)

    def synthesis(self, synthesis_id: str, *, purpose: str) -> SyntheticExtract:
        """A synthetic extract that was asked for before, by you or by anybody who may ask for the same."""
        return SyntheticExtract(self, self.look_at(synthesis_id, purpose), purpose)

    def look_at(self, synthesis_id: str, purpose: str) -> synthesis_service_pb2.Synthesis:
        """Where a job stands."""
        request = synthesis_service_pb2.GetSynthesisRequest(context=context(purpose, ""), synthesis_id=synthesis_id)
        return self._caller.retried(self._syntheses.GetSynthesis, request).synthesis

    def cancel_it(self, synthesis_id: str, purpose: str) -> synthesis_service_pb2.Synthesis:
        """Cancel a job and return where it stands."""
        request = synthesis_service_pb2.CancelSynthesisRequest(context=context(purpose, ""), synthesis_id=synthesis_id)
        return self._caller.retried(self._syntheses.CancelSynthesis, request).synthesis

    def report_on(self, synthesis_id: str, purpose: str) -> synthesis_service_pb2.GetSynthesisReportResponse:
        """The report on a file that is made."""
        request = synthesis_service_pb2.GetSynthesisReportRequest(
            context=context(purpose, ""), synthesis_id=synthesis_id
        )
        return self._caller.retried(self._syntheses.GetSynthesisReport, request)

    def pieces(
        self, synthesis_id: str, purpose: str, offset: int
    ) -> Iterable[synthesis_service_pb2.DownloadSynthesisResponse]:
        """Yield a file's header, and its bytes from an offset on."""
        request = synthesis_service_pb2.DownloadSynthesisRequest(
            context=context(purpose, ""), synthesis_id=synthesis_id, offset=offset
        )
        try:
            yield from self._syntheses.DownloadSynthesis(request, metadata=self._caller.metadata())
        except grpc.RpcError as error:
            raise self._caller.explain(from_call(error)) from error


def _plan(
    dataset: str, disclosure: str, fields: Sequence[str], filters: Iterable[Condition]
) -> synthesis_service_pb2.SynthesisPlan:
    return synthesis_service_pb2.SynthesisPlan(
        dataset=dataset, disclosure=disclosure, fields=fields, filters=to_conditions(filters)
    )
