"""How budgets.yaml is written."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from gateway.model.budget import Refresh
from gateway.policy.validation import DatasetName, FieldName, Shape, Slug, Text, formed

DEFAULT = "default"

Epsilon = Annotated[float, Field(gt=0, le=1000)]
Delta = Annotated[float, Field(ge=0, lt=0.01)]
PersonName = Annotated[
    str, formed(r"^(default|[a-z0-9-]+/\S+)$", "Write institution/person, such as audit-office/li.wei.", 200)
]


class CapShape(Shape):
    """A cap that is more than an epsilon."""

    epsilon: Epsilon
    delta: Annotated[
        Delta | None, Field(description="what threshold releases may add up to; left out, it is 'threshold_delta'")
    ] = None
    per: Annotated[
        Refresh | None, Field(strict=False, description="begins anew with each month, quarter or year of the city")
    ] = None


def _form(value: Any) -> str:
    return "mapping" if isinstance(value, dict | CapShape) else "number"


AnyCap = Annotated[Annotated[Epsilon, Tag("number")] | Annotated[CapShape, Tag("mapping")], Discriminator(_form)]
"""An epsilon, or a mapping that says more."""


class ContestShape(Shape):
    """A table that teams guess, scored against one release that stays sealed until the project closes."""

    organiser: Annotated[Slug, Field(description="the member that makes the release they are scored against")]
    dataset: DatasetName
    disclosure: Slug
    region: Annotated[Text | None, Field(description="whose rows count; left out, all of the city's")] = None
    group_by: list[FieldName] = Field(min_length=1, max_length=8)
    statistic: Annotated[
        str, formed(r"^(count|count_units|sum\([A-Za-z_][A-Za-z0-9_]*\))$", "Write count, count_units or sum(field).")
    ]
    epsilon: Annotated[float, Field(gt=0, le=100, description="what that release costs")]
    score_step: Annotated[float, Field(ge=1e-6, le=1e12, description="scores are rounded to multiples of it")]
    entries_per_day: Annotated[int, Field(ge=1, le=1000, description="that are scored of each member")]


class ProjectShape(Shape):
    """A project or a contest: some institutions' work for one purpose, with a pool, and an end."""

    purpose: Slug
    datasets: Annotated[
        list[DatasetName] | None, Field(description="left out, all that the purpose is granted", min_length=1)
    ] = None
    pool: AnyCap
    members: Annotated[
        dict[Slug, AnyCap], Field(description="institutions, or 'default' for each one not named", min_length=1)
    ]
    opens_on: Annotated[date | None, Field(description="its first day; left out, it is open")] = None
    closes_on: Annotated[date, Field(description="its last day")]
    contest: ContestShape | None = None


class BudgetsShape(Shape):
    """budgets.yaml. Caps are epsilons at `delta`."""

    delta: Annotated[float, Field(gt=0, lt=0.01)]
    threshold_delta: Annotated[
        Delta, Field(description="what threshold releases may add up to, under each cap that does not say otherwise")
    ] = 0.0
    lifetime: Annotated[dict[Slug, AnyCap], Field(description="by kind of privacy unit, over all datasets")]
    datasets: dict[DatasetName, AnyCap] = Field(default_factory=dict)
    purposes: dict[Slug, AnyCap] = Field(default_factory=dict)
    projects: dict[Slug, ProjectShape] = Field(default_factory=dict)
    recipients: Annotated[dict[Slug, AnyCap], Field(description="'default', and institutions with a cap of their own")]
    persons: Annotated[dict[PersonName, AnyCap], Field(description="'default', and institution/person")]
