"""The form of a scenario: a story of steps, each a call with its outcome, or an edit of the policy."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems
from tests.integration.scenarios.questions import WRITTEN_GROUPING, WRITTEN_STATISTIC

SCENARIOS = Path(__file__).resolve().parents[3] / "seeds" / "scenarios"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(_Strict):
    """What people read, in both languages."""

    en: str
    zh: str


class Subject(_Strict):
    """One person of a lookup or check: planted, remembered by token, or by the value itself."""

    canary: int | None = None
    token: str | None = None
    also_in: str | None = None
    value: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Subject:
        if [self.canary, self.token, self.value].count(None) != 2:
            raise ValueError("a subject is a canary, a token or a value")
        return self


class Filter(_Strict):
    """A condition on a field: the caller's, or one that a contract sets."""

    field: str
    op: Literal["==", ">=", "in"]
    value: str | int | bool | date | datetime | list[str]


class Gets(_Strict):
    """What an allowed step gives. See seeds/scenarios/README.md."""

    fields: dict[str, str] | None = None
    withheld: list[str] = Field(default_factory=list)
    consent: str | None = None
    consented: list[int] | None = None
    rows: list[Filter] = Field(default_factory=list)
    regions: list[str] | None = None
    found: list[bool] | None = None
    holds: bool | None = None
    taken: int | None = None
    left: int | None = None
    emergency: bool = False
    serving: bool | None = None
    cells: int | None = None
    charged: bool | None = None
    same_as: str | None = None
    accounts: list[str] | None = None
    remember: str | None = None
    joins: str | None = None
    within: str | None = None
    apart_from: str | None = None
    parts: dict[str, Gets] = Field(default_factory=dict)
    made_up: int | None = None
    linked: str | None = None
    meets: str | None = None
    strangers: bool = False
    asked: str | None = None
    opened: bool = False
    accepted: int | None = None
    rejected: dict[str, int] = Field(default_factory=dict)
    repeated: bool = False
    least_units: int | None = None
    promised_hours: int | None = None


class Part(_Strict):
    """One part of a form: what it comes to, and whom it is about."""

    asks: Annotated[str, Field(pattern=r"^(lookup|check) [a-z0-9_]+/[a-z0-9-]+$")]
    by: str = "resident_id"
    subjects: Annotated[list[Subject], Field(min_length=1)]


class Nearest(_Strict):
    """The part of a refusal that says what would pass."""

    fields: list[str] = Field(default_factory=list)
    region: str = ""


class Edit(_Strict):
    """A change of one file of the policy folder."""

    file: str
    replace: str
    with_: Annotated[str, Field(alias="with")]


class Line(_Strict):
    """A line of a report: how often a person did something, and with which outcome."""

    person: str
    outcome: Literal["allowed", "refused"]
    reason: str = ""
    count: int


class Office(_Strict):
    """What is done beside asking for data: an entry in a consent register, a review, a look at a report."""

    book: Annotated[str, Field(alias="register")] = ""
    agreed: list[int] = Field(default_factory=list)
    withdrew: list[int] = Field(default_factory=list)
    reviews: str = ""
    verdict: Literal["justified", "unjustified"] = "justified"
    report: str = ""
    lines: list[Line] = Field(default_factory=list)
    proposes: str = ""
    between: list[Annotated[str, Field(pattern=r"^[a-z0-9-]+ [a-z0-9-]+$")]] = Field(default_factory=list)
    signs: str = ""
    ends: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> Office:
        done = (self.agreed, self.withdrew, self.reviews, self.report, self.proposes, self.signs, self.ends)
        if list(map(bool, done)).count(True) != 1:
            raise ValueError("somebody agreed, withdrew, reviews, reads a report, or proposes, signs or ends a warrant")
        if len(self.between) != (2 if self.proposes else 0):
            raise ValueError("a join is proposed between two")
        if bool(self.book) != bool(self.agreed or self.withdrew):
            raise ValueError("an entry is in a register")
        return self


class Step(_Strict):
    """One step: a call that gets something or is refused, or an edit that is accepted or rejected."""

    step: str
    who: str = ""
    person: str = "li.wei"
    asks: Annotated[
        str, Field(pattern=r"^(health|compose [a-z0-9-]+|rehearse [a-z0-9_]+|[a-z]+ [a-z0-9_]+/[a-z0-9-]+)?$")
    ] = ""
    why: str = ""
    where: str = ""
    case_number: str = ""
    break_glass_reason: str = ""
    at_once: Annotated[int, Field(ge=1, le=64)] = 1
    fields: list[str] = Field(default_factory=list)
    partial: bool = False
    filters: list[Filter] = Field(default_factory=list)
    encoding: Literal["arrow", "rows"] = "arrow"
    by: str = "resident_id"
    subjects: list[Subject] = Field(default_factory=list)
    people: str = ""
    under: str = ""
    collects: str = ""
    parts: dict[str, Part] = Field(default_factory=dict)
    batch: str = ""
    rows: list[dict[str, Any]] = Field(default_factory=list)
    statistics: list[Annotated[str, Field(pattern=WRITTEN_STATISTIC)]] = Field(default_factory=list)
    group_by: list[Annotated[str, Field(pattern=WRITTEN_GROUPING)]] = Field(default_factory=list)
    epsilon: float = 0.0
    rho: float = 0.0
    top: int = 0
    gets: Gets | None = None
    refused: str | None = None
    status: Literal["INVALID_ARGUMENT", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"] | None = None
    nearest: Nearest | None = None
    office: Office | None = None
    edit: Edit | None = None
    reload: Literal["accepted", "rejected"] | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> Step:
        called = self.edit is None and self.office is None
        outcomes = [self.gets is not None, self.refused is not None, self.reload is not None]
        if outcomes.count(True) != 1 and not (self.office is not None and outcomes == [False, False, False]):
            raise ValueError("a step gets something, is refused, or edits the policy; an office's may just be done")
        if (self.refused is None) != (self.status is None) or (self.edit is None) != (self.reload is None):
            raise ValueError("a refusal has a status, an edit says how it is received")
        if (self.edit is None) == (not self.who) or called == (not self.asks):
            raise ValueError("a call says who asks what; an edit does not")
        if (self.verb == "compose") != bool(self.parts):
            raise ValueError("a form has parts, and nothing else does")
        if (self.verb == "push") != bool(self.batch) or (self.rows and not self.batch):
            raise ValueError("what is pushed is a batch with a name, and nothing else is")
        return self

    @property
    def verb(self) -> str:
        """What kind of call it is."""
        return self.asks.partition(" ")[0]

    def of_part(self, name: str) -> Step:
        """The same call as if it had asked for this part of the form alone."""
        part = self.parts[name]
        return self.model_copy(update={"asks": part.asks, "by": part.by, "subjects": part.subjects, "parts": {}})

    @property
    def dataset(self) -> str:
        """The dataset asked."""
        return self.asks.partition(" ")[2].partition("/")[0]

    @property
    def disclosure(self) -> str:
        """The disclosure asked for."""
        return self.asks.partition("/")[2]


class Story(_Strict):
    """A scenario."""

    row: Annotated[str, Field(pattern=r"^C[0-9]{2}$")]
    title: Title
    deployment: Literal["shared", "own"]
    steps: Annotated[list[Step], Field(min_length=2)]

    @property
    def pushes(self) -> bool:
        """Whether rows are pushed in it."""
        return any(step.batch for step in self.steps)


def read_stories() -> list[Story]:
    """Every scenario of the product, in the order of their rows."""
    return [Story.model_validate(_plain(path)) for path in sorted(SCENARIOS.glob("*.yaml"))]


def _plain(path: Path) -> Any:
    problems = Problems()
    document = read_yaml(path.name, path.read_bytes(), problems)
    problems.raise_if_any()
    assert document is not None
    return document.data
