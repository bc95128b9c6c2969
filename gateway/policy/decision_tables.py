"""Decision tables: cases that officers write under tests/, each with what must come of it. Their form alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.grouping import WRITTEN_GROUPING
from gateway.model.statistics import WRITTEN_STATISTIC
from gateway.policy.documents import Document, read_yaml
from gateway.policy.problems import Problems
from gateway.policy.terms import TermsError, parse_terms
from gateway.policy.validation import Names, Shape, Slug, Text, formed, shaped

TABLES = "tests/"
"""Where decision tables lie in a policy folder."""


def _term(text: str) -> str:
    try:
        parse_terms(text.strip() or ";")
    except TermsError as error:
        raise ValueError(f"{error}. {error.remedy}") from None
    return text


TermText = Annotated[
    str,
    formed(r"^[^;]*$", "Write each term as an item of its own."),
    AfterValidator(_term),
    Field(description="as in grants.csv: key=value"),
]


class SubjectsShape(Shape):
    """The people a lookup or check names: by a key or by a token of it, and how many."""

    key: str = ""
    token: str = ""
    count: Annotated[int, Field(ge=1, le=10_000)]

    @model_validator(mode="after")
    def _one_way(self) -> SubjectsShape:
        if bool(self.key) == bool(self.token):
            raise ValueError("subjects are named by 'key' or by 'token'. Write one of them.")
        return self


class GetsShape(Shape):
    """What an allowed request gives: by which grant, exactly these fields, in exactly this form."""

    grant: str
    fields: dict[str, str] = Field(default_factory=dict)
    withheld: list[str] = Field(default_factory=list)
    consent: Annotated[str | None, Field(description="the field in which a row's subject must have consented")] = None
    rows: Annotated[str, Field(description="the condition that the contract sets on the rows of an extract")] = ""
    protects: Annotated[dict[str, int], Field(description="of each statistic, the most that one person changes it")] = (
        Field(default_factory=dict)
    )
    terms: Annotated[
        list[TermText] | None, Field(description="the grant's terms, all of them, in any order; left out: whichever")
    ] = None


class NearestShape(Shape):
    """The nearest request that would pass."""

    fields: list[str] = Field(default_factory=list)
    region: str = ""
    disclosure: str = ""
    steward: str = ""


class QuestionShape(Shape):
    """Who asks what, for which purpose."""

    who: Annotated[Slug, Field(description="the institution")]
    why: Annotated[str, Field(description="the purpose; empty for none")]
    asks: Annotated[
        str,
        formed(
            r"^(lookup|extract|check|consume|release|link|reidentify|ingest|indicator) [a-z][a-z0-9_]*/[a-z0-9-]+$",
            f"Write a kind ({', '.join(DisclosureKind)}), a space, and dataset/disclosure.",
        ),
    ]
    where: Annotated[str, Field(description="a region; without one, the whole city")] = ""
    case_number: str = ""
    break_glass_reason: str = ""
    fields: Annotated[
        list[str],
        Field(
            description="without them, all that the disclosure gives; of a release without statistics: synthetic rows"
        ),
    ] = Field(default_factory=list)
    partial: Annotated[bool, Field(description="take the granted fields and do without the others")] = False
    filters: list[str] = Field(default_factory=list)
    subjects: SubjectsShape | None = None
    statistics: list[
        Annotated[
            str,
            formed(
                f"^({WRITTEN_STATISTIC})$", "Write count, count_units, or sum, mean, variance or quantiles of (field)."
            ),
        ]
    ] = Field(default_factory=list)
    group_by: list[
        Annotated[
            str, formed(f"^{WRITTEN_GROUPING}$", "Write a field, alone or 'by' a level, a period, bins or found keys.")
        ]
    ] = Field(default_factory=list)
    epsilon: Annotated[float | None, Field(gt=0, description="the price of a release, in pure epsilon")] = None
    rho: Annotated[float | None, Field(gt=0, description="or in rho, in place of it")] = None

    @model_validator(mode="after")
    def _priced(self) -> QuestionShape:
        if self.epsilon is not None and self.rho is not None:
            raise ValueError("a price is an 'epsilon' or a 'rho'. Remove one of them.")
        priced = self.epsilon is not None or self.rho is not None
        if self.asks.startswith("release ") and not (priced and (self.statistics or self.fields)):
            raise ValueError("a release asks for 'statistics' at an 'epsilon' or a 'rho'. Add them.")
        return self


class CaseShape(QuestionShape):
    """A question, and what must come of it."""

    case: Text
    day: Annotated[date | None, Field(description="another day than the table's")] = None
    gets: GetsShape | None = None
    refused: Annotated[ErrorReason | None, Field(strict=False)] = None
    denied: Annotated[bool, Field(description="a deny matches, though the caller is not told so")] = False
    nearest: NearestShape | None = None
    withheld: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_outcome(self) -> CaseShape:
        if (self.gets is None) == (self.refused is None):
            raise ValueError("a case is either allowed or refused. Write one of 'gets' and 'refused'.")
        if self.denied and self.refused in (None, ErrorReason.DENIED_BY_RULE):
            raise ValueError("'denied' is for a refusal that does not say so. Remove it.")
        if self.gets is not None and (self.nearest is not None or self.withheld):
            raise ValueError("'nearest' and 'withheld' beside the case are of a refusal. Remove them.")
        return self


class TableShape(Shape):
    """A decision table: cases that a privacy officer can read and that must come out as they say."""

    row: Annotated[str, Field(description="the requirement it shows, if it shows one")] = ""
    title: Names
    about: Text
    today: Annotated[date, Field(description="the day on which all of it is asked: the clock stands still")]
    cases: Annotated[list[CaseShape], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """A table, the file it is from, and the line at which each of its cases begins."""

    file: str
    shape: TableShape
    lines: tuple[int, ...]


def read_table(document: Document, problems: Problems) -> DecisionTable | None:
    """Return the table, or None after noting what is wrong with it."""
    shape = shaped(TableShape, document, problems)
    if shape is None:
        return None
    lines = tuple(document.line("cases", index) for index in range(len(shape.cases)))
    return DecisionTable(document.file, shape, lines)


def read_tables(files: Mapping[str, bytes], problems: Problems) -> tuple[DecisionTable, ...]:
    """Return the sound tables among the files of a policy, in the order of their names."""
    documents = (
        read_yaml(name, files[name], problems)
        for name in sorted(files)
        if name.startswith(TABLES) and name.endswith(".yaml")
    )
    tables = (read_table(document, problems) for document in documents if document is not None)
    return tuple(table for table in tables if table is not None)
