"""Synthetic extracts, between proto and model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.api.v1 import nearest_request_pb2
from gateway.api.v1 import synthesis_service_pb2 as pb
from gateway.lanes.syntheses import SynthesisQuote
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Currency
from gateway.model.permit import NearestSynthesis
from gateway.model.request import SynthesisRequest
from gateway.model.synthesis import FileFormat, JobState, NoisedCounts, QualityReport, SynthesisJob
from gateway.server.wire.plans import exact_price
from gateway.server.wire.receipts import instant, loss_of
from gateway.server.wire.releases import budget_of, coverage_of
from gateway.server.wire.requests import context_of
from gateway.server.wire.values import condition_of, conditions

_FORMATS: dict[pb.FileFormat.ValueType, FileFormat] = {
    pb.FILE_FORMAT_PARQUET: FileFormat.PARQUET,
    pb.FILE_FORMAT_CSV: FileFormat.CSV,
}
_FORMATS_OF = {written: number for number, written in _FORMATS.items()}
_STATES = {
    JobState.QUEUED: pb.SYNTHESIS_STATE_QUEUED,
    JobState.RUNNING: pb.SYNTHESIS_STATE_RUNNING,
    JobState.DONE: pb.SYNTHESIS_STATE_DONE,
    JobState.FAILED: pb.SYNTHESIS_STATE_FAILED,
    JobState.CANCELLED: pb.SYNTHESIS_STATE_CANCELLED,
    JobState.EXPIRED: pb.SYNTHESIS_STATE_EXPIRED,
}


def request_of(request: pb.RequestSynthesisRequest | pb.EstimateSynthesisRequest) -> SynthesisRequest:
    """Read a request.

    Raises:
        NotWellFormed: REQUEST_INVALID for a value that is none of its kind, EPSILON_OUT_OF_RANGE for such a price.
    """
    in_rho = request.WhichOneof("price") == "rho"
    return SynthesisRequest(
        context=context_of(request),
        dataset=request.plan.dataset,
        disclosure=request.plan.disclosure,
        fields=tuple(request.plan.fields),
        filters=conditions(request.plan.filters, "plan.filters"),
        price=exact_price(Currency.RHO, request.rho) if in_rho else exact_price(Currency.EPSILON, request.epsilon),
        rows=request.rows or None,
        format=FileFormat.PARQUET if isinstance(request, pb.EstimateSynthesisRequest) else _FORMATS[request.format],
    )


def estimate_of(quote: SynthesisQuote) -> pb.EstimateSynthesisResponse:
    """Write a quote as proto."""
    request, settled, spec = quote.request, quote.settled, quote.spec
    return pb.EstimateSynthesisResponse(
        plan=pb.SynthesisPlan(
            dataset=request.dataset,
            disclosure=request.disclosure,
            fields=[field.key.field for field in settled.fields],
            filters=map(condition_of, request.filters),
        ),
        privacy_loss=loss_of(settled.loss, quote.delta),
        counts=[
            pb.CountMargin(
                fields=[group.field for group in table.query.group_by],
                cells=table.query.cells,
                margin_95=table.noise[0].margin_95,
            )
            for table in settled.tables
        ],
        cells=sum(table.query.cells for table in settled.tables),
        rows=request.rows or 0,
        most_rows=spec.most_rows,
        max_groups_per_unit=spec.max_groups,
        max_rows_per_group=spec.max_rows,
        budgets_after=[budget_of(balance, quote.delta) for balance in quote.balances_after],
        affordable=quote.affordable,
        already_counted=quote.already_counted,
        coverage=map(coverage_of, quote.coverage),
    )


def nearest_synthesis_of(nearest: NearestSynthesis) -> nearest_request_pb2.NearestSynthesis:
    """Write the nearest request as proto, without its conditions: no value that is filtered by is in a refusal."""
    plan = pb.SynthesisPlan(dataset=nearest.dataset, disclosure=nearest.disclosure, fields=nearest.fields)
    message = nearest_request_pb2.NearestSynthesis(plan=plan, rows=nearest.rows or 0)
    setattr(message, nearest.price.currency.value, float(nearest.price.amount))
    return message


def synthesis_of(job: SynthesisJob, counts: NoisedCounts, delta: float) -> pb.Synthesis:
    """Write a job with what it is made of as proto."""
    message = pb.Synthesis(
        synthesis_id=job.order.id,
        counts_id=counts.id,
        plan=pb.SynthesisPlan(
            dataset=counts.dataset,
            disclosure=counts.disclosure,
            fields=[field.key.field for field in counts.fields],
            filters=[condition_of(one) for one in counts.filters],
        ),
        region=counts.region,
        rows=job.order.rows,
        format=_FORMATS_OF[job.order.format],
        state=_STATES[job.state],
        step=job.step,
        progress=job.progress,
        failure=job.failure,
        asked_at=instant(job.asked_at),
        privacy_loss=loss_of(counts.loss, delta),
        privacy_unit=counts.unit_kind,
        data_version=counts.data_version,
    )
    if job.ended_at is not None:
        message.ended_at.CopyFrom(instant(job.ended_at))
    if job.file is not None:
        message.file_bytes, message.file_sha256 = job.file.bytes, job.file.sha256
        signed = job.file.certificate
        if signed is not None:
            certificate = message.certificate
            certificate.statement, certificate.signature = signed.statement, signed.signature.value
            certificate.key_id = signed.signature.key_id
    return message


def report_of(report: QualityReport) -> pb.SynthesisReport:
    """Write the figures of a report as proto.

    Raises:
        Fault: INTERNAL for what is no report.
    """
    try:
        quality: Mapping[str, Any] = _mapping(report["quality"])
        return pb.SynthesisReport(
            mean_total_variation=quality["mean_total_variation"],
            mean_total_variation_of_noise=quality["mean_total_variation_of_noise"],
            marginals=[
                pb.MarginalQuality(
                    fields=one["fields"],
                    cells=one["cells"],
                    margin_95=one["margin_95"],
                    total_variation=one["total_variation"],
                    total_variation_of_noise=one["total_variation_of_noise"],
                )
                for one in quality["marginals"]
            ],
            associations=[
                pb.Association(fields=one["fields"], rows=one["rows"], noised_counts=one["noised_counts"])
                for one in quality["cramers_v"]
            ],
            notes=_texts(report["notes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Fault(ErrorReason.INTERNAL) from error


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError("no mapping")
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return [str(text) for text in value]
