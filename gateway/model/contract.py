"""Data contracts: what a dataset is, who answers for it, and which disclosures it makes at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from gateway.model.attribution import Attribution
from gateway.model.filter import Condition
from gateway.model.indicator import IndicatorSpec
from gateway.model.region import RegionLevel
from gateway.model.series import SeriesSpec
from gateway.model.storage import SourceSpec
from gateway.model.treatment import Treatment, local_epsilons
from gateway.model.upstream import UpstreamSpec
from gateway.model.values import FieldType, Scalar


class Classification(StrEnum):
    """What a field says of a person. Free text is what people wrote in their own words: it can say anything."""

    DIRECT_IDENTIFIER = "direct-identifier"
    QUASI_IDENTIFIER = "quasi-identifier"
    SENSITIVE = "sensitive"
    FREE_TEXT = "free-text"
    OTHER = "other"


class CanonicalForm(StrEnum):
    """The form an identifier is brought to before it becomes a token, so that one subject has one token."""

    RESIDENT_ID = "resident-id"
    PHONE = "phone"
    PLATE = "plate"
    FIRM_CODE = "firm-code"
    TEXT = "text"


_MOST_UNITS = 2**31


@dataclass(frozen=True, slots=True)
class Bounds:
    """Public bounds of a number, declared and never read from the data. Inclusive."""

    lower: int
    upper: int


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a dataset. `keys` are its public categories, declared and never read from the data.

    A double with bounds is counted in fixed point, with so many `decimals`. `regions` says that it holds region paths.
    `primary_key` marks the field, or the fields together, by which rows are told apart.
    """

    name: str
    type: FieldType
    classification: Classification
    nullable: bool
    canonical: CanonicalForm
    bounds: Bounds | None
    keys: tuple[Scalar, ...] | None
    primary_key: bool = False
    decimals: int = 0
    regions: bool = False

    @property
    def fixed_bounds(self) -> Bounds | None:
        """The bounds as integers of the field's fixed point."""
        if self.bounds is None:
            return None
        return Bounds(self.bounds.lower * 10**self.decimals, self.bounds.upper * 10**self.decimals)

    def adds_up(self, rows: int) -> bool:
        """Whether the sum of so many values of every privacy unit that there could be stays within 64 bits."""
        bounds = self.fixed_bounds
        return bounds is None or rows * max(abs(bounds.lower), abs(bounds.upper)) * _MOST_UNITS < 2**63

    @property
    def names_people(self) -> bool:
        """Whether a value by itself says who somebody is, or may."""
        return self.classification in (Classification.DIRECT_IDENTIFIER, Classification.FREE_TEXT)


@dataclass(frozen=True, slots=True)
class PrivacyUnit:
    """Whom differential privacy protects: a kind of subject ("resident"), found in `field`.

    The kind names the lifetime budget, which spans every dataset the kind appears in.
    """

    kind: str
    field: str


class DisclosureKind(StrEnum):
    """How a disclosure answers; Casbin's action."""

    LOOKUP = "lookup"
    EXTRACT = "extract"
    CHECK = "check"
    CONSUME = "consume"
    RELEASE = "release"
    LINK = "link"
    REIDENTIFY = "reidentify"
    INGEST = "ingest"
    INDICATOR = "indicator"


OF_TOKENS = frozenset((DisclosureKind.LINK, DisclosureKind.REIDENTIFY))
"""The kinds that turn a caller's own tokens into something else. No row is read for them, and no field leaves."""

BY_KEY = frozenset((DisclosureKind.LOOKUP, DisclosureKind.CHECK, DisclosureKind.CONSUME, *OF_TOKENS))
"""The kinds whose callers name the subjects."""

OF_ONE = frozenset((DisclosureKind.CHECK, DisclosureKind.CONSUME))
"""The kinds that say yes or no of one subject: an answer even without a field."""


IN_OR_NOTHING = frozenset((DisclosureKind.INGEST, DisclosureKind.INDICATOR, *OF_TOKENS))
"""The kinds for which no row leaves: rows come in, figures leave, or the caller's own tokens become something else."""


class SelectBy(StrEnum):
    """How subjects are named: by the raw value of a lookup key, or by the recipient's own token of it."""

    KEY = "key"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class StatisticsSpec:
    """What a disclosure of kind release may answer, and how it bounds each privacy unit.

    `group_by` are fields with keys, regions, dates or bounds; `values` those whose numbers statistics may be made of.
    `found_keys` are fields whose keys nobody declared: those found in the data are shown from a threshold on, at the
    price of `delta` for each release. A unit contributes to at most `max_groups` cells, and counts for at most
    `max_rows` rows in each. `max_epsilon` bounds one release; `slot_ms` is the one answer time of every outcome after a
    charge. In a join with another dataset take part at most `joined_rows` rows of a unit; None: it is not for joins.
    """

    group_by: tuple[str, ...]
    values: tuple[str, ...]
    max_groups: int
    max_rows: int
    max_epsilon: str
    slot_ms: int
    found_keys: tuple[str, ...] = ()
    delta: str = "0"
    joined_rows: int | None = None


@dataclass(frozen=True, slots=True)
class SynthesisSpec:
    """Which fields synthetic rows may have, and how each privacy unit is bounded in the counts they are made of.

    Numbers are counted in so many `bins` of their bounds at most, region paths by `level`. In each count by one or two
    fields a unit is in at most `max_groups` cells, with at most `max_rows` rows in each. `max_epsilon` bounds what all
    counts of an extract lose together, `most_rows` its rows; `slot_ms` is the one answer time of every outcome after a
    charge.
    """

    fields: tuple[str, ...]
    bins: int
    level: RegionLevel | None
    max_groups: int
    max_rows: int
    max_epsilon: str
    most_rows: int
    slot_ms: int


@dataclass(frozen=True, slots=True)
class AnonymitySpec:
    """Which rows of an extract may leave: those that enough people share.

    A class is all rows that are alike in `quasi_identifiers` as they leave. It leaves if at least `k` privacy units are
    in it, and for each field of `diversity` at least so many distinct values, and for each of `closeness` a
    distribution at most so far (total variation, or ordered distance for numbers and dates) from the whole answer's.
    """

    k: int
    quasi_identifiers: tuple[str, ...]
    diversity: Mapping[str, int]
    closeness: Mapping[str, Fraction]

    @property
    def fields(self) -> tuple[str, ...]:
        """All that classes are made of and judged by."""
        return tuple(dict.fromkeys((*self.quasi_identifiers, *self.diversity, *self.closeness)))


@dataclass(frozen=True, slots=True)
class IngestSpec:
    """What is collected: `fields`, in the order of the contract, each of which some disclosure needs.

    `dated_by` is the date or timestamp of what a row tells of: no row lies in the future by it, nor is it too old to
    be kept. None where nothing dates rows. `tells_quality`: answers tell how good what was sent last month was.
    """

    fields: tuple[str, ...]
    dated_by: str | None
    tells_quality: bool = False


@dataclass(frozen=True, slots=True)
class DisclosureSpec:
    """One named disclosure: its kind, the fields it needs and the treatment of each.

    `lookup_keys` name the subject in lookups and checks, in the ways of `lookup_by` and no other. `filters` are the
    fields callers may filter on. `predicate` is what a check tests, and which rows an extract gives.
    `consent_field`, where given, must be true for a row to be read.
    `waive_noise` is the written reason why the rows leave without noise; compulsory for row disclosures.
    `anonymity` tells which rows of an extract too few people share to leave. `series` are the statistics of a release
    that are published day after day, by name, and `synthesis` is what synthetic rows may be made of. `ingest` is what
    is collected, where rows come in instead of leaving, and `indicator` what a disclosure of exact figures shows.
    """

    name: str
    kind: DisclosureKind
    description: str
    fields: Mapping[str, Treatment]
    lookup_keys: tuple[str, ...]
    lookup_by: frozenset[SelectBy]
    filters: tuple[str, ...]
    predicate: tuple[Condition, ...]
    consent_field: str | None
    max_rows: int | None
    waive_noise: str
    statistics: StatisticsSpec | None
    anonymity: AnonymitySpec | None = None
    series: Mapping[str, SeriesSpec] = field(default_factory=dict)
    synthesis: SynthesisSpec | None = None
    indicator: IndicatorSpec | None = None
    ingest: IngestSpec | None = None

    @property
    def randomises(self) -> bool:
        """Whether a field leaves randomised."""
        return bool(local_epsilons(self.fields))


class ContractStatus(StrEnum):
    """The standard's words. Only an active contract discloses anything: a draft waits for an officer to confirm it."""

    PROPOSED = "proposed"
    DRAFT = "draft"
    ACTIVE = "active"
    DEPRECATED = "deprecated"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Description:
    """What the data is for, how it may be used and what it cannot tell, in words; "" for what is not said."""

    purpose: str = ""
    usage: str = ""
    limitations: str = ""


@dataclass(frozen=True, slots=True)
class QualityRule:
    """A rule of quality as the contract declares it, in the words of the standard; "" for what it leaves out.

    `field` is "" for the dataset as a whole. `type` is text, library, sql or custom. `operator` is the comparison
    (mustBe, mustBeLessThan, …) that the metric or the query is held to, with one operand or, for ranges, two.
    `definition` is the query of a rule in SQL; for a custom rule its engine comes first.
    """

    field: str
    name: str
    type: str
    dimension: str
    description: str
    metric: str
    arguments: Mapping[str, object]
    operator: str
    operands: tuple[object, ...]
    unit: str
    severity: str
    engine: str
    definition: str


@dataclass(frozen=True, slots=True)
class DataContract:
    """A dataset as its controller declares it.

    `region_field` holds region paths; without one only the root of the region tree is served.
    `collected_for` are the purposes the data was collected for: others must be declared compatible. `legal_bases` are
    those (W3C DPV) on which it may be used; empty for any. `freshness_hours` is how far the data may lag behind what
    it describes, None if nothing is promised. `retention_field` is the date or timestamp from which `retention_days`
    count: older rows are not read, whether or not the controller has deleted them. `attribution` is how the data is
    licensed and cited, where it says so. `upstream` is what is asked of a department's own service, where that has the
    rows.
    """

    dataset: str
    status: ContractStatus
    title_en: str
    title_zh: str
    controller: str
    steward: str
    source: SourceSpec
    privacy_unit: PrivacyUnit
    region_field: str | None
    retention_days: int | None
    fields: Mapping[str, FieldSpec]
    disclosures: Mapping[str, DisclosureSpec]
    digest: str
    collected_for: tuple[str, ...] = ()
    legal_bases: frozenset[str] = frozenset()
    description: Description = Description()
    freshness_hours: int | None = None
    quality: tuple[QualityRule, ...] = ()
    domain: str = ""
    retention_field: str | None = None
    attribution: Attribution | None = None
    upstream: UpstreamSpec | None = None

    @property
    def unit_field(self) -> FieldSpec:
        """The field in which the privacy unit is found."""
        return self.fields[self.privacy_unit.field]

    def holds_regions(self, field: FieldSpec) -> bool:
        """Whether the values of a field are paths of the region tree."""
        return field.regions or field.name == self.region_field

    def kept_since(self, today: date) -> date | None:
        """Return the first day whose rows may still be read, or None where nothing is promised of it."""
        if self.retention_days is None or self.retention_field is None:
            return None
        return today - timedelta(days=self.retention_days)
