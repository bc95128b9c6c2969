"""SharingService: departments get rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeAlias

import pyarrow as pa

from gateway import pipeline
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.api.v1 import value_pb2
from gateway.lanes import inquiries
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.extract import Course
from gateway.model.party import Peer
from gateway.model.request import RowsRequest
from gateway.server.desk import Desk, refused
from gateway.server.frames import Codec, arrow_frame, pieces, row_bytes, row_frame
from gateway.server.method import Method, Opened, Reply, Wire
from gateway.server.problem import NotWellFormed, Problem
from gateway.server.wire.freshness import freshness_with
from gateway.server.wire.offers import offer_of
from gateway.server.wire.receipts import instant, receipt_of
from gateway.server.wire.requests import check_of, consume_of, extract_of, form_of, lookup_of
from gateway.server.wire.values import schema_of, value_of


class Sharing:
    """The handlers of SharingService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {
            "Describe": Method(self.describe),
            "Lookup": Method(self.lookup),
            "Extract": Method(self.extract, streams=True),
            "Check": Method(self.check),
            "Consume": Method(self.consume),
            "Compose": Method(self.compose),
        }

    def describe(self, peer: Peer, request: pb.DescribeRequest) -> Reply:
        """What this caller may get."""
        found = inquiries.describe(self._desk.ports, peer, request.purpose, request.dataset)
        return Reply(
            pb.DescribeResponse(offers=[offer_of(offer) for offer in found.offers], policy_digest=found.policy_digest)
        )

    def lookup(self, peer: Peer, request: pb.LookupRequest) -> Reply | Problem:
        """The records of some subjects, in the order asked."""
        wanted = lookup_of(request)
        delivery = pipeline.rows(self._desk.ports, peer, wanted)
        if isinstance(delivery, pipeline.Refused):
            return refused(delivery)
        response = pb.LookupResponse(
            schema=schema_of(delivery.schema),
            subjects=_records(wanted, delivery),
            receipt=receipt_of(delivery.receipt, self._desk.delta),
            freshness=freshness_with(delivery),
        )
        return Reply(response)

    def extract(self, peer: Peer, request: pb.ExtractRequest) -> Opened | Problem:
        """All permitted records as a stream."""
        wanted, frame = extract_of(request, self._desk.max_streams), _frame_of(request)
        delivery = pipeline.rows(self._desk.ports, peer, wanted)
        if isinstance(delivery, pipeline.Refused):
            return refused(delivery)
        rows = request.encoding == pb.ENCODING_ROWS
        return Opened(self._stream(delivery, frame, rows=rows), delivery.close)

    def _stream(self, delivery: pipeline.Delivery, frame: _Frame, *, rows: bool) -> Iterator[Wire]:
        delta, resumable = self._desk.delta, delivery.resumable
        course = Course("", 0, 1) if resumable is None else resumable.course
        header = pb.ExtractHeader(
            schema=schema_of(delivery.schema),
            arrow_schema=b"" if rows else delivery.schema.serialize().to_pybytes(),
            receipt=receipt_of(delivery.receipt, delta),
            freshness=freshness_with(delivery),
            extract_id=course.extract_id,
            stream=course.stream,
            streams=course.streams,
            resumable_until=None if resumable is None or resumable.until is None else instant(resumable.until),
        )
        yield pb.ExtractResponse(header=header)
        number, sent = course.begins.batches, course.begins.rows
        for part in delivery:
            done = 0
            for piece in pieces(part.records, self._desk.max_batch_bytes):
                if piece.num_rows:
                    done, sent = done + piece.num_rows, sent + piece.num_rows
                    number += 1
                    after = b"" if resumable is None else resumable.after(part.places, done - 1, number, sent)
                    yield frame(number - 1, piece, after)
        trailer = pb.ExtractTrailer(
            rows=sent,
            batches=number,
            receipt=receipt_of(delivery.completion, delta),
            stream=course.stream,
            streams=course.streams,
        )
        yield pb.ExtractResponse(trailer=trailer)

    def check(self, peer: Peer, request: pb.CheckRequest) -> Reply | Problem:
        """Whether a predicate holds for one subject. A "no" has the same shape as a "yes", all null."""
        delivery = pipeline.rows(self._desk.ports, peer, check_of(request))
        if isinstance(delivery, pipeline.Refused):
            return refused(delivery)
        answer = _one_answer(delivery)
        response = pb.CheckResponse(
            holds=answer.holds,
            schema=schema_of(delivery.schema),
            answer=answer.row,
            receipt=receipt_of(delivery.receipt, self._desk.delta),
            freshness=freshness_with(delivery),
        )
        return Reply(response)

    def consume(self, peer: Peer, request: pb.ConsumeRequest) -> Reply | Problem:
        """Take one of a subject's quota, if a predicate holds for it. A "no" has the same shape, whyever it is one."""
        delivery = pipeline.rows(self._desk.ports, peer, consume_of(request))
        if isinstance(delivery, pipeline.Refused):
            return refused(delivery)
        answer = _one_answer(delivery)
        response = pb.ConsumeResponse(
            taken=answer.holds,
            left=answer.left,
            schema=schema_of(delivery.schema),
            answer=answer.row,
            receipt=receipt_of(delivery.receipt, self._desk.delta),
            freshness=freshness_with(delivery),
        )
        return Reply(response)

    def compose(self, peer: Peer, request: pb.ComposeRequest) -> Reply | Problem:
        """The parts of a form: all that were asked for, or none."""
        answers = pipeline.compose(self._desk.ports, peer, form_of(request))
        if isinstance(answers, pipeline.Refused):
            return refused(answers)
        return Reply(pb.ComposeResponse(parts=[self._part(answer) for answer in answers]))

    def _part(self, answer: pipeline.Answer) -> pb.PartAnswer:
        delivery = answer.delivery
        part = pb.PartAnswer(
            part=answer.part,
            schema=schema_of(delivery.schema),
            receipt=receipt_of(delivery.receipt, self._desk.delta),
            freshness=freshness_with(delivery),
        )
        if answer.request.kind is DisclosureKind.CHECK:
            told = _one_answer(delivery)
            part.check.CopyFrom(pb.PartCheck(holds=told.holds, answer=told.row))
        else:
            part.records.CopyFrom(pb.PartRecords(subjects=_records(answer.request, delivery)))
        return part


_CODECS: dict[pb.Compression.ValueType, Codec] = {pb.COMPRESSION_LZ4: "lz4", pb.COMPRESSION_ZSTD: "zstd"}


_Frame: TypeAlias = Callable[[int, pa.RecordBatch, bytes], bytes]


def _frame_of(request: pb.ExtractRequest) -> _Frame:
    """Return what writes a batch as it was asked for.

    Raises:
        NotWellFormed: REQUEST_INVALID for rows that are to be compressed as Arrow is.
    """
    codec = _CODECS.get(request.compression)
    if request.encoding != pb.ENCODING_ROWS:
        return partial(arrow_frame, codec=codec)
    if codec is not None:
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, "compression", "is for Arrow")
    return row_frame


def _records(wanted: RowsRequest, delivery: pipeline.Delivery) -> list[pb.SubjectRecords]:
    """The records of each subject of a lookup, in the order asked."""
    subjects = [pb.SubjectRecords() for _ in (wanted.selector.values if wanted.selector else ())]
    try:
        for part in delivery:
            if part.slots is not None:
                slots: list[int] = part.slots.to_numpy().tolist()
                for slot, row in zip(slots, row_bytes(part.records), strict=True):
                    subjects[slot].rows.add().MergeFromString(row)
    finally:
        delivery.close()
    return subjects


class _Answer(NamedTuple):
    """An answer about one subject: its first row, or nulls for a "no"; and what its quota has left."""

    holds: bool
    row: value_pb2.Row
    left: int


def _one_answer(delivery: pipeline.Delivery) -> _Answer:
    rows: list[bytes] = []
    found = left = 0
    try:
        for part in delivery:
            # a disclosure may add no field, and a batch without columns does not know how many rows it has
            found += 0 if part.slots is None else len(part.slots)
            rows += row_bytes(part.records)
            left += part.left or 0
    finally:
        delivery.close()
    if not found:
        return _Answer(False, value_pb2.Row(values=[value_of(None) for _ in delivery.schema]), 0)
    return _Answer(True, value_pb2.Row.FromString(rows[0]) if rows else value_pb2.Row(), left)
