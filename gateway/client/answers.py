"""What the gateway answers, for Python and Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gateway.api.v1 import (
    budget_pb2,
    receipt_pb2,
    release_pb2,
    research_service_pb2,
    sharing_service_pb2,
    value_pb2,
)
from gateway.client.alternatives import Alternative, alternative_from
from gateway.client.certificates import ReleaseCertificate, SigningKey, certificate_from
from gateway.client.certified import held
from gateway.client.datacite import datacite
from gateway.client.errors import CertificateMismatch
from gateway.client.freshness import Freshness, freshness_from
from gateway.client.values import Scalar, from_value, to_batch, to_column, to_schema
from gateway.client.words import word


@dataclass(frozen=True, slots=True, repr=False)
class Lookup:
    """The records of some subjects: one table for each, in the order asked; an empty one where there are none."""

    subjects: tuple[pa.Table, ...]
    schema: pa.Schema
    receipt: receipt_pb2.Receipt
    freshness: Freshness

    def to_arrow(self) -> pa.Table:
        """Return the records of all subjects as one table."""
        return pa.concat_tables(self.subjects) if self.subjects else self.schema.empty_table()


def lookup_from(response: sharing_service_pb2.LookupResponse) -> Lookup:
    """Read a lookup's response."""
    return _lookup(response.schema, response.subjects, response.receipt, freshness_from(response.freshness))


def _lookup(
    declared: value_pb2.Schema,
    subjects: Iterable[sharing_service_pb2.SubjectRecords],
    receipt: receipt_pb2.Receipt,
    freshness: Freshness,
) -> Lookup:
    schema = to_schema(declared)
    tables = tuple(pa.Table.from_batches([to_batch(subject.rows, schema)], schema) for subject in subjects)
    return Lookup(tables, schema, receipt, freshness)


@dataclass(frozen=True, slots=True, repr=False)
class Check:
    """Whether a predicate holds, and what the disclosure adds to a "yes" (all None for a "no")."""

    holds: bool
    answer: dict[str, Scalar]
    receipt: receipt_pb2.Receipt
    freshness: Freshness

    def __bool__(self) -> bool:
        return self.holds


def check_from(response: sharing_service_pb2.CheckResponse) -> Check:
    """Read a check's response."""
    answer, fresh = _named(response.schema, response.answer), freshness_from(response.freshness)
    return Check(response.holds, answer, response.receipt, fresh)


@dataclass(frozen=True, slots=True, repr=False)
class Subjects:
    """Whom a part of a form is about: `by` the key that the form declares, `values` of it or your `tokens`."""

    by: str
    values: Sequence[Scalar] = ()
    tokens: Sequence[str] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Composition:
    """The parts of a form that were asked for, by name: a `Lookup` or a `Check` each, with a receipt of its own."""

    parts: Mapping[str, Lookup | Check]

    def lookup(self, part: str) -> Lookup:
        """Return a part that is a lookup. Raises TypeError for another, KeyError for one that was not asked for."""
        answer = self.parts[part]
        if not isinstance(answer, Lookup):
            raise TypeError("this part is a check")
        return answer

    def check(self, part: str) -> Check:
        """Return a part that is a check. Raises TypeError for another, KeyError for one that was not asked for."""
        answer = self.parts[part]
        if not isinstance(answer, Check):
            raise TypeError("this part is a lookup")
        return answer


def composition_from(response: sharing_service_pb2.ComposeResponse) -> Composition:
    """Read the parts of a form."""
    return Composition({one.part: _part_from(one) for one in response.parts})


def _part_from(one: sharing_service_pb2.PartAnswer) -> Lookup | Check:
    fresh = freshness_from(one.freshness)
    if one.WhichOneof("answer") == "check":
        return Check(one.check.holds, _named(one.schema, one.check.answer), one.receipt, fresh)
    return _lookup(one.schema, one.records.subjects, one.receipt, fresh)


@dataclass(frozen=True, slots=True, repr=False)
class Consumption:
    """Whether one of the subject's quota was taken, how many it has left, and what the disclosure adds.

    Where none was taken, `left` is 0 and the answer all None: whether the subject is absent or its quota used up is
    not told.
    """

    taken: bool
    left: int
    answer: dict[str, Scalar]
    receipt: receipt_pb2.Receipt
    freshness: Freshness

    def __bool__(self) -> bool:
        return self.taken


def consumption_from(response: sharing_service_pb2.ConsumeResponse) -> Consumption:
    """Read the response of a consumption."""
    answer = _named(response.schema, response.answer)
    return Consumption(response.taken, response.left, answer, response.receipt, freshness_from(response.freshness))


def _named(schema: value_pb2.Schema, row: value_pb2.Row) -> dict[str, Scalar]:
    names = [field.name for field in schema.fields]
    return dict(zip(names, [from_value(value) for value in row.values], strict=True))


@dataclass(frozen=True, slots=True)
class Coverage:
    """One reason why a cell is not shown, or a record does not count: its kind, the field it is about, and words."""

    kind: str
    field: str
    text: str


def coverage_from(messages: Iterable[release_pb2.Coverage]) -> tuple[Coverage, ...]:
    """Read what is not shown or counted, and why."""
    kinds = release_pb2.CoverageKind.DESCRIPTOR
    return tuple(Coverage(word(kinds, one.kind), one.field, one.text) for one in messages)


@dataclass(frozen=True, slots=True)
class Estimate:
    """The price of a plan and its accuracy, before anything is spent.

    `epsilon` or `rho` is what to pass to `release`; `answers` has the margins of every column, in its own unit, and
    `measures` how each is measured; `bounding` is what of a privacy unit counts; `budgets_after` are the budgets as
    they would stand. `already_released`: the plan was answered before, and costs nothing. `alternatives` cost less or
    have narrower margins; what loses least comes first. Where keys are to be found in the data,
    `cells` is 0 and `threshold` says which will be shown. `coverage` is what the release would not show or count.
    """

    epsilon: float | None
    rho: float | None
    privacy_loss: receipt_pb2.PrivacyLoss
    measures: Sequence[release_pb2.MeasureDetail]
    cells: int
    budgets_after: Sequence[budget_pb2.Budget]
    affordable: bool
    already_released: bool
    answers: Sequence[research_service_pb2.AnswerMargin]
    bounding: research_service_pb2.Bounding
    alternatives: tuple[Alternative, ...]
    threshold: release_pb2.Threshold | None = None
    coverage: tuple[Coverage, ...] = ()


def estimate_from(answer: research_service_pb2.EstimateResponse) -> Estimate:
    """Read an estimate."""
    return Estimate(
        answer.epsilon or None,
        answer.rho or None,
        answer.privacy_loss,
        answer.measures,
        answer.cells,
        answer.budgets_after,
        answer.affordable,
        answer.already_released,
        answer.answers,
        answer.bounding,
        tuple(map(alternative_from, answer.alternatives)),
        answer.threshold if answer.HasField("threshold") else None,
        coverage_from(answer.coverage),
    )


@dataclass(frozen=True, slots=True)
class Release:
    """A differentially private release. `charged` is False if the plan had been answered before on this data."""

    message: release_pb2.Release
    receipt: receipt_pb2.Receipt
    charged: bool
    freshness: tuple[Freshness, ...] = ()

    @property
    def release_id(self) -> str:
        """Names the release; `get_release` gives it again at no charge."""
        return self.message.release_id

    @property
    def rehearsal(self) -> bool:
        """Whether it is an answer over made up rows, which tells nothing of anybody."""
        return self.message.rehearsal

    @property
    def certificate(self) -> ReleaseCertificate | None:
        """What the gateway signed of it; None of a rehearsal, and of releases from before there were certificates."""
        return certificate_from(self.message.certificate) if self.message.HasField("certificate") else None

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """What is not shown, or does not count, and why. It follows from contract and plan, and tells no data."""
        return coverage_from(self.message.coverage)

    @property
    def citation(self) -> str:
        """How to cite it: each dataset as its contract has it, and this release by its name; "" for neither."""
        sources = self.message.attribution, self.message.joined_attribution
        cited = " ".join(source.citation for source in sources if source.citation)
        made = self.message.created_at.ToDatetime().date().isoformat()
        return f"{cited} Differentially private release {self.release_id}, {made}." if cited else ""

    def datacite(self) -> dict[str, Any]:
        """Return metadata to register a DOI of this release with: attributes of DataCite's schema 4, as JSON has them.

        Raises:
            ValueError: the contract says nothing of licence and citation.
        """
        return datacite(self.message)

    def verify(self, keys: Iterable[SigningKey]) -> tuple[str, ...]:
        """Verify the certificate, and hold what this release shows against it.

        Returns the names of the answers whose values and intervals are recomputed here from the certified noised
        values: counts and sums. Of the others (means, variances, quantiles, totals made consistent) the numbers are not
        held, but everything around them: docs/reference/release-certificates.md says what exactly.

        Raises:
            CertificateMismatch: naming the first part that differs; `certificate` where there is none, `rehearsal` of a
                rehearsal, which is not a release.
        """
        if self.rehearsal:
            raise CertificateMismatch("rehearsal")
        if self.certificate is None:
            raise CertificateMismatch("certificate")
        self.certificate.verify(keys)
        return held(self.message, self.certificate)

    def to_arrow(self) -> pa.Table:
        """Return one row for each cell: the keys, then for each answer its value and its margin.

        Columns are named as the groupings' fields, then "count" and "count ±95%", "mean(fee)" and so on; where the
        interval is not the margin to both sides, as of a mean, its ends follow as "mean(fee) from" and "mean(fee) to".
        Counts, and sums of integers, are int64; everything else float64. The truth of bounded contributions lies within
        with probability 0.95. Of a rehearsal, the schema's metadata says so. It is what the message says, verified or
        not: `verify` first what came another way than from the gateway, and trust the columns that it names.
        """
        cells = self.message.cells
        names: list[str] = []
        columns: list[pa.Array[Any]] = []
        for at, grouping in enumerate(self.message.plan.group_by):
            names.append(grouping.field)
            columns.append(to_column([cell.keys[at] for cell in cells]))
        for at, column in enumerate(self.message.columns):
            estimates = [cell.estimates[at] for cell in cells]
            whole = all(one.WhichOneof("answer") == "value" for one in estimates)
            names += [column.name, f"{column.name} ±95%"]
            columns += [
                pa.array([one.value for one in estimates], pa.int64())
                if whole
                else pa.array([one.number for one in estimates], pa.float64()),
                pa.array([one.margin_95 for one in estimates], pa.float64()),
            ]
            if column.post_processing:
                names += [f"{column.name} from", f"{column.name} to"]
                columns.append(pa.array([one.lower_95 for one in estimates], pa.float64()))
                columns.append(pa.array([one.upper_95 for one in estimates], pa.float64()))
        table = pa.Table.from_arrays(columns, names=names)
        return table.replace_schema_metadata({"rehearsal": "made up rows"}) if self.rehearsal else table
