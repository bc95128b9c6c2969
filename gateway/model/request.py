"""What a caller asks, as values."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.extract import Continuation
from gateway.model.filter import Condition
from gateway.model.margins import Wanted
from gateway.model.measure import Currency, Price
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.statistics import PLAIN, Presentation, StatisticsQuery
from gateway.model.synthesis import FileFormat
from gateway.model.values import Scalar


@dataclass(frozen=True, slots=True)
class Selector:
    """The subjects of a lookup or check, in the order asked.

    `domain` is that of the tokens where it is another than the request's own: they were made for another purpose.
    """

    by: SelectBy
    field: str
    values: tuple[Scalar, ...]
    domain: PseudonymDomain | None = None

    def __repr__(self) -> str:
        return f"Selector({self.by} {self.field} × {len(self.values)})"


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Why and where, and under which id. An empty region stands for the root of the region tree.

    `body_digest` is SHA-256 over the request without its id: it tells a retry from another request.
    `break_glass_reason` says why this cannot wait, where a grant is for emergencies alone; it goes to the register of
    emergencies and nowhere else.
    """

    purpose: str
    region: str
    case_number: str
    request_id: str
    body_digest: bytes
    caller_gave_id: bool
    break_glass_reason: str = ""

    def __repr__(self) -> str:
        return f"RequestContext({self.request_id})"


@dataclass(frozen=True, slots=True)
class RowsRequest:
    """A lookup, extract or check. No `fields` asks for all that the disclosure gives.

    An extract is wished in so many `streams`, or `continues` one that was opened before.
    """

    context: RequestContext
    kind: DisclosureKind
    dataset: str
    disclosure: str
    fields: tuple[str, ...]
    allow_partial: bool
    filters: tuple[Condition, ...]
    selector: Selector | None
    streams: int = 1
    continues: Continuation | None = None


@dataclass(frozen=True, slots=True)
class PartSubjects:
    """The subjects of one part of a form."""

    part: str
    selector: Selector


@dataclass(frozen=True, slots=True)
class FormRequest:
    """Some parts of a form, each about its subjects, in one call and under one purpose."""

    context: RequestContext
    form: str
    parts: tuple[PartSubjects, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """Statistics with differential privacy, at a price; and how the answers are to be shown."""

    context: RequestContext
    dataset: str
    disclosure: str
    query: StatisticsQuery
    price: Price
    presentation: Presentation = PLAIN

    kind = DisclosureKind.RELEASE


@dataclass(frozen=True, slots=True)
class MarginRequest:
    """What would a plan cost whose statistics have the margins `wanted` of them? Asked before spending.

    One for each statistic, in order; None where any margin will do, but never for all.
    """

    context: RequestContext
    dataset: str
    disclosure: str
    query: StatisticsQuery
    wanted: tuple[Wanted | None, ...]
    currency: Currency = Currency.EPSILON


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """Synthetic rows made of counts with differential privacy, at a price. No `fields` asks for all that are offered.

    Without `rows` there are as many as the counts speak of. How many there are, and in which format, costs nothing.
    """

    context: RequestContext
    dataset: str
    disclosure: str
    fields: tuple[str, ...]
    filters: tuple[Condition, ...]
    price: Price
    rows: int | None = None
    format: FileFormat = FileFormat.PARQUET

    kind = DisclosureKind.RELEASE


DisclosureRequest = RowsRequest | ReleaseRequest | SynthesisRequest
