"""Synthetic extracts, on one page: counts are charged, taken and noised here; rows are made of what is stored of them.

The first half of the lane is that of a release. What is made afterwards (rows, in any number and format, and the
report on them) is made of stored noised counts, by jobs that are given nothing else, and so costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, NamedTuple

from gateway import pipeline
from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event, EventKind
from gateway.model.party import Identity, Peer
from gateway.model.permit import FieldViolation, Permit, Refusal
from gateway.model.record import Receipt
from gateway.model.request import RequestContext, SynthesisRequest
from gateway.model.synthesis import JobOrder, JobState, NoisedCounts, QualityReport, SynthesisJob
from gateway.pipeline import Ports, Refused, refused
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.pricing import SMALLEST
from gateway.privacy.release_id import extract_id
from gateway.stages.admit import AdmittedPermit, admit, preview
from gateway.stages.authenticate import authenticate
from gateway.stages.charge import answer_slot, charge, one_failure
from gateway.stages.decide import StandingPermit, decide
from gateway.stages.deliver import FileDelivery, deliver_file, deliver_report
from gateway.stages.fetch.aggregates import fetch_counts
from gateway.stages.noise import perturb
from gateway.stages.quote import SynthesisQuote, quote_synthesis
from gateway.stages.record.syntheses import record_counts, record_file, store_counts
from gateway.synthesis.order import rows_spoken_of

__all__ = [
    "MOST_HELD",
    "Opened",
    "Reported",
    "Requested",
    "Standing",
    "SynthesisQuote",
    "cancel",
    "download",
    "estimate",
    "look",
    "report",
    "request",
]

MOST_HELD = 32
"""So many files of one institution wait, are being made or are kept at a time."""


class Requested(NamedTuple):
    """A job that was set to work, or stands already. `paid` tells whether this request was charged for its counts."""

    job: SynthesisJob
    counts: NoisedCounts
    receipt: Receipt
    paid: bool


class Standing(NamedTuple):
    """A job as it stands, with the counts that it is made of."""

    job: SynthesisJob
    counts: NoisedCounts


class Reported(NamedTuple):
    """The report on a file that is made."""

    job: SynthesisJob
    report: QualityReport
    receipt: Receipt


class Opened(NamedTuple):
    """A file on its way out."""

    job: SynthesisJob
    counts: NoisedCounts
    delivery: FileDelivery


def estimate(ports: Ports, peer: Peer, asked: SynthesisRequest) -> SynthesisQuote | Refused:
    """Tell what synthetic rows would cost, and what is counted for it. Spends nothing and reads no data."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    permit = preview(decide(identity, asked, policy, ports.clock), ports.registers, ports.clock)
    if isinstance(permit, Refusal):
        return refused(permit, identity, asked, policy, ports)
    accounts, register = pipeline.accounts_of(permit, policy, ports), ports.registers.syntheses
    return quote_synthesis(permit, accounts, policy.budgets.delta, ports.ledger, register, ports.source, ports.keys)


def request(ports: Ports, peer: Peer, asked: SynthesisRequest) -> Requested | Refused:
    """Charge for counts, take and noise them, store them, and set a job to work that makes rows of them.

    The same counts are charged once: other rows of them cost nothing, nor does a job that is set to work again.
    """
    began = ports.clock.monotonic()
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    decided = decide(identity, asked, policy, ports.clock)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if isinstance(admitted, Refusal):
        return refused(admitted, identity, asked, policy, ports)
    permit, register = admitted.permit, ports.registers.syntheses
    if register.held_by(identity.institution) >= MOST_HELD:
        return refused(_no_room(), identity, asked, policy, ports)
    charged = charge(admitted, pipeline.accounts_of(permit, policy, ports), ports.ledger, ports.source, ports.keys)
    if isinstance(charged, Refusal):
        return refused(charged, identity, asked, policy, ports)
    counts = register.counts(charged.charge.release_id) if charged.charge.repeated else None
    replay = counts is not None
    if counts is None:
        with answer_slot(permit, began, ports.clock):
            counts = register.counts(charged.charge.release_id)
            replay = counts is not None
            made = counts or perturb(fetch_counts(charged, ports.source))
        with one_failure():
            counts = made if isinstance(made, NoisedCounts) else store_counts(made, register, ports.clock)
    with one_failure():
        receipt = record_counts(counts, admitted, ports.audit, ports.clock, replay=replay)
        job = _ordered(_order(counts, permit, asked), ports)
        if job is None:
            # another request of the institution took the last place meanwhile: the counts stay, and cost nothing again
            return refused(_no_room(), identity, asked, policy, ports)
        return Requested(job, counts, receipt, charged.charge.fresh)


def look(ports: Ports, peer: Peer, context: RequestContext, job_id: str) -> Standing | Refused:
    """Tell where a job stands, to a caller who may ask for the same; for others there is none. Gives no data."""
    found = _found(ports, peer, context, job_id)
    permit = preview(found.decided, ports.registers, ports.clock)
    if found.standing is None or isinstance(permit, Refusal):
        return found.hidden(ports)
    return found.standing


def cancel(ports: Ports, peer: Peer, context: RequestContext, job_id: str) -> Standing | Refused:
    """Cancel a job that waits or runs. What its counts cost stays spent, and they stay: it can be set to work again.

    Only the institution that set it to work may; one that is over stays as it is.
    """
    found = _found(ports, peer, context, job_id)
    permit = preview(found.decided, ports.registers, ports.clock)
    if found.standing is None or isinstance(permit, Refusal):
        return found.hidden(ports)
    job, counts = found.standing
    if job.order.institution != found.identity.institution:
        rule = FieldViolation("synthesis_id", "was set to work by another institution, which alone cancels it")
        refusal = Refusal(ErrorReason.REQUEST_INVALID, violations=(rule,))
        return refused(refusal, found.identity, found.asked, found.policy, ports)
    if job.state in (JobState.QUEUED, JobState.RUNNING):
        about = {"extract": job_id, "counts": counts.id, "ended": JobState.CANCELLED.value}
        ports.audit.note(Event(EventKind.SYNTHESIS_ENDED, ports.clock.now(), found.identity.id, about))
    return Standing(ports.registers.syntheses.cancel(job_id, ports.clock.now()) or job, counts)


def report(ports: Ports, peer: Peer, context: RequestContext, job_id: str) -> Reported | Refused:
    """Give the report on a file that is made. Costs nothing; it is on record."""
    opened = _made(ports, peer, context, job_id)
    if isinstance(opened, Refused):
        return opened
    found, admitted, job, counts = opened
    told = ports.synthetic_files.report(job.order)
    if told is None:
        return found.not_made(ports)
    released = record_file(counts, 0, admitted, ports.audit, ports.clock)
    return Reported(job, deliver_report(released, told), released.receipt)


def download(ports: Ports, peer: Peer, context: RequestContext, job_id: str, offset: int) -> Opened | Refused:
    """Give a file that is made, from some byte on. Costs nothing; it is on record before the first byte."""
    opened = _made(ports, peer, context, job_id)
    if isinstance(opened, Refused):
        return opened
    found, admitted, job, counts = opened
    file = ports.synthetic_files.rows(job.order)
    if file is None or job.file is None:
        return found.not_made(ports)
    if not 0 <= offset <= job.file.bytes:
        file.close()
        rule = FieldViolation("offset", "must lie within the file")
        refusal = Refusal(ErrorReason.REQUEST_INVALID, violations=(rule,))
        return refused(refusal, found.identity, found.asked, found.policy, ports)
    with _closed_on_failure(file):
        file.seek(offset)
        released = record_file(counts, job.order.rows, admitted, ports.audit, ports.clock)
        standing = StandingPermit(admitted.permit, ports.policy, ports.registers, ports.clock)
        return Opened(job, counts, deliver_file(released, file, standing))


class _Found(NamedTuple):
    """A job that was asked about, as a request of the caller's own; `standing` is None where there is none."""

    identity: Identity
    policy: PolicySnapshot
    asked: SynthesisRequest
    decided: tuple[Permit, ...] | Refusal
    standing: Standing | None

    def hidden(self, ports: Ports) -> Refused:
        """The same answer whether there is no such job, or it is not this caller's."""
        refusal = Refusal(ErrorReason.RELEASE_NOT_FOUND)
        return refused(refusal, self.identity, self.asked, self.policy, ports)

    def not_made(self, ports: Ports) -> Refused:
        refusal = Refusal(ErrorReason.SYNTHESIS_NOT_MADE)
        return refused(refusal, self.identity, self.asked, self.policy, ports)


class _Made(NamedTuple):
    found: _Found
    admitted: AdmittedPermit
    job: SynthesisJob
    counts: NoisedCounts


def _found(ports: Ports, peer: Peer, context: RequestContext, job_id: str) -> _Found:
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    job = ports.registers.syntheses.job(job_id)
    counts = None if job is None else ports.registers.syntheses.counts(job.order.counts)
    standing = None if job is None or counts is None else Standing(job, counts)
    asked = _asked_again(standing, context)
    return _Found(identity, policy, asked, decide(identity, asked, policy, ports.clock), standing)


def _made(ports: Ports, peer: Peer, context: RequestContext, job_id: str) -> _Made | Refused:
    """Admit a caller to what was made, if it was."""
    found = _found(ports, peer, context, job_id)
    admitted = admit(found.decided, ports.registers, ports.keys, ports.audit, ports.clock)
    if found.standing is None or isinstance(admitted, Refusal):
        return found.hidden(ports)
    job, counts = found.standing
    if job.state is not JobState.DONE:
        return found.not_made(ports)
    return _Made(found, admitted, job, counts)


def _asked_again(standing: Standing | None, context: RequestContext) -> SynthesisRequest:
    """The request that a job answers; one for nothing at all where there is none."""
    if standing is None:
        return SynthesisRequest(context, "", "", (), (), SMALLEST)
    order, counts = standing.job.order, standing.counts
    return SynthesisRequest(
        replace(context, region=counts.region),
        counts.dataset,
        counts.disclosure,
        tuple(field.key.field for field in counts.fields),
        counts.filters,
        counts.price,
        order.rows,
        order.format,
    )


def _order(counts: NoisedCounts, permit: Permit, asked: SynthesisRequest) -> JobOrder:
    """Return what is to be made: as many rows as were asked for, or as the counts speak of and may be."""
    spec = permit.scope.disclosure.synthesis
    if spec is None:
        raise Fault(ErrorReason.INTERNAL)
    rows = asked.rows or min(rows_spoken_of(counts), spec.most_rows)
    name = extract_id(counts.id, rows, asked.format.value)
    return JobOrder(name, counts.id, rows, asked.format, permit.identity.institution)


def _no_room() -> Refusal:
    rule = FieldViolation("", f"has {MOST_HELD} files: cancel one that is not made, or wait until one expires")
    return Refusal(ErrorReason.RATE_EXCEEDED, violations=(rule,))


def _ordered(order: JobOrder, ports: Ports) -> SynthesisJob | None:
    """Set a job to work, if it is not, nor done with its file in place; None where there is no place left."""
    register = ports.registers.syntheses
    standing = register.job(order.id)
    lost = standing is not None and standing.state is JobState.DONE and not _is_there(order, ports)
    return register.order(order, ports.clock.now(), anew=lost, most=MOST_HELD)


def _is_there(order: JobOrder, ports: Ports) -> bool:
    file = ports.synthetic_files.rows(order)
    if file is None:
        return False
    file.close()
    return True


@contextmanager
def _closed_on_failure(file: BinaryIO) -> Iterator[None]:
    try:
        yield
    except BaseException:
        file.close()
        raise
