"""The outcome of a decision: a permit with its obligations, or a refusal with the nearest request that would pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from fractions import Fraction

from gateway.model.calendar import city_day
from gateway.model.contract import DataContract, DisclosureKind, DisclosureSpec
from gateway.model.errors import ErrorReason
from gateway.model.filter import Condition, Operator
from gateway.model.loss import PrivacyLoss, composed_rho
from gateway.model.measure import NoisePlan, Price
from gateway.model.party import Identity
from gateway.model.plan import RowScope, SettledRelease
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.purpose import LegalBasis
from gateway.model.request import DisclosureRequest
from gateway.model.row_treatment import RowTreatment
from gateway.model.statistics import StatisticsQuery
from gateway.model.synthesis import SettledSynthesis
from gateway.model.terms import NO_TERMS, Terms
from gateway.model.treatment import Perturb, Treatment, local_epsilons
from gateway.model.values import FieldType


@dataclass(frozen=True, slots=True)
class Obligation:
    """One thing that must have been done before anything leaves. An obligation nobody discharged stops the release."""

    action: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.action}:{self.subject}" if self.subject else self.action


RESTRICT_REGION = "restrict-region"
REQUIRE_CONSENT = "require-consent"
APPLY_FILTERS = "apply-filters"
LIMIT_ROWS = "limit-rows"
RETAIN_ONLY = "retain-only"
TREAT = "treat"
DROP_INTERNAL = "drop-internal"
WAIVE_NOISE = "waive-noise"
ENSURE_ANONYMITY = "ensure-anonymity"
BOUND_CONTRIBUTIONS = "bound-contributions"
ADD_NOISE = "add-noise"
TWO_OFFICERS = "two-officers"
SUPPRESS_CELLS = "suppress-cells"
CHECK_ROWS = "check-rows"


@dataclass(frozen=True, slots=True)
class Withheld:
    """A field that was asked for and does not leave, and why."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What one grant opens to a question today, whatever the caller's values are: the same for every such request.

    `region` is the one asked for, within `granted_region`. `fields` are requested ∩ granted, in the order of the
    contract, with the treatment of each. `terms` are the grant's: what registers know of them is for the `admit` stage.
    `trials` are the denies on trial that would have refused this.
    """

    contract: DataContract
    disclosure: DisclosureSpec
    region: str
    granted_region: str
    fields: Mapping[str, Treatment]
    withheld: tuple[Withheld, ...]
    grant: str
    legal_basis: LegalBasis
    policy_digest: str
    max_rows: int | None
    obligations: frozenset[Obligation]
    terms: Terms = NO_TERMS
    trials: tuple[str, ...] = ()

    @property
    def traits(self) -> Mapping[str, Treatment]:
        """The fields by which it is judged whether rows blend in, whether or not they were asked for."""
        anonymity = self.disclosure.anonymity
        return {} if anonymity is None else {name: self.disclosure.fields[name] for name in anonymity.fields}

    @property
    def treated(self) -> Mapping[str, Treatment]:
        """The fields that are read and treated: those that leave, and the traits."""
        return {**self.fields, **self.traits}

    @property
    def perturbed(self) -> Mapping[str, Perturb]:
        """The fields that leave randomised."""
        return {name: how for name, how in self.fields.items() if isinstance(how, Perturb)}

    @property
    def rows_per_unit(self) -> int | None:
        """How many rows of one privacy unit may leave: one where a field is randomised, else as many as there are.

        Whether or not that field was asked for: what leaves with it would be missed where it is left out.
        """
        return 1 if self.disclosure.randomises else None

    def __repr__(self) -> str:
        return f"Scope({self.grant})"


@dataclass(frozen=True, slots=True)
class Joined:
    """The permit for the dataset that rows are joined with, and what both come to as one: contract and disclosure.

    Of a unit, at most `rows` rows of that dataset take part, and at most `own_rows` of the first one's.
    """

    permit: Permit
    contract: DataContract
    disclosure: DisclosureSpec
    rows: int
    own_rows: int


@dataclass(frozen=True, slots=True)
class Permit:
    """A decision in favour. Made by the `decide` stage alone, from one immutable policy snapshot.

    `valid_until` (naive UTC) is when identity, purpose or grant end: no batch leaves after it.
    `case_number` is the caller's, where the grant asks for one and it has the declared form.
    `release` is a release as it will be made, `synthesis` what is counted for synthetic rows; None for others.
    `emergency` is the entry in the register under which the glass was broken. Where a release joins two datasets,
    `joined` is the permit for the other one: nothing is read unless both stand.
    """

    identity: Identity
    request: DisclosureRequest
    scope: Scope
    valid_until: datetime
    decided_at: datetime
    case_number: str = ""
    release: SettledRelease | None = None
    emergency: str = ""
    synthesis: SettledSynthesis | None = None
    joined: Joined | None = None

    @property
    def contract(self) -> DataContract:
        """What declares the fields that are asked for: the dataset's contract, or that of two datasets as one."""
        return self.scope.contract if self.joined is None else self.joined.contract

    @property
    def disclosure(self) -> DisclosureSpec:
        """What bounds the answer: the disclosure, or that of two datasets as one."""
        return self.scope.disclosure if self.joined is None else self.joined.disclosure

    @property
    def each(self) -> tuple[Permit, ...]:
        """The permits for each dataset that is read, this one first."""
        return (self,) if self.joined is None else (self, self.joined.permit)

    @property
    def obligations(self) -> frozenset[Obligation]:
        """All that must be done before anything leaves, for each dataset that is read."""
        return frozenset(owed for one in self.each for owed in one.scope.obligations)

    @property
    def noise(self) -> tuple[NoisePlan, ...]:
        """The noise of all that is measured; none for rows."""
        if self.synthesis is not None:
            return tuple(plan for table in self.synthesis.tables for plan in table.noise)
        return () if self.release is None else self.release.noise

    @property
    def loss(self) -> PrivacyLoss | None:
        """The privacy loss of a release or of synthetic rows, or of rows with randomised fields; None for others."""
        settled = self.release or self.synthesis
        if settled is not None:
            return settled.loss
        epsilons = local_epsilons(self.scope.fields)
        if not epsilons:
            return None
        return PrivacyLoss(composed_rho(epsilons), sum(epsilons, Fraction(0)))

    @property
    def domain(self) -> PseudonymDomain:
        """The pseudonym domain of this disclosure: that of tokens which stand."""
        return PseudonymDomain(self.identity.institution, self.request.context.purpose)

    @property
    def today(self) -> date:
        """The city's day on which this was decided, for all that goes by days: ages, epochs, retention."""
        return city_day(self.decided_at)

    @property
    def treatment(self) -> RowTreatment:
        """What is done to each row of the disclosure."""
        scope = self.scope
        return RowTreatment(scope.contract, scope.fields, scope.traits, self.domain, self.today)

    @property
    def kept_since(self) -> date | None:
        """The first day whose rows may be read; None where nothing is promised of it."""
        return self.scope.contract.kept_since(self.today)

    @property
    def kept(self) -> tuple[Condition, ...]:
        """Rows past their retention are not read, whether or not the controller has deleted them."""
        contract, since = self.scope.contract, self.kept_since
        if since is None or contract.retention_field is None:
            return ()
        dated = contract.fields[contract.retention_field].type is FieldType.DATE
        first = since if dated else datetime.combine(since, time())
        return (Condition(contract.retention_field, Operator.GREATER_OR_EQUAL, (first,)),)

    def rows(self, region: str, conditions: tuple[Condition, ...] = ()) -> RowScope:
        """Return the rows in a region that meet conditions, and that the disclosure is of."""
        contract, disclosure = self.scope.contract, self.scope.disclosure
        within = None if contract.region_field is None else region
        return RowScope(within, disclosure.consent_field, (*conditions, *disclosure.predicate, *self.kept))

    def refused(self, reason: ErrorReason) -> Refusal:
        """Return the refusal of what was decided in favour, for what is found out later: under the same grant."""
        return Refusal(reason, grant=self.scope.grant, legal_basis=self.scope.legal_basis)

    def __repr__(self) -> str:
        return f"Permit({self.request.dataset}/{self.request.disclosure} by {self.scope.grant})"


@dataclass(frozen=True, slots=True)
class NearestRequest:
    """The nearest request that would pass: the caller's purpose, with fields, region or disclosure narrowed.

    Empty parts stand as the caller gave them. Where nothing under this purpose would pass, `steward` says whom to ask.
    """

    fields: tuple[str, ...] = ()
    region: str = ""
    disclosure: str = ""
    steward: str = ""


@dataclass(frozen=True, slots=True)
class NearestPlan:
    """The nearest plan of statistics that would be answered, at a price that would be taken. Its conditions, region and
    context are those that were asked for.
    """

    dataset: str
    disclosure: str
    query: StatisticsQuery
    price: Price


@dataclass(frozen=True, slots=True)
class NearestSynthesis:
    """The nearest request of synthetic rows that would be accepted, at a price that would be taken.

    Without `fields` it is of all that are offered, without `rows` of as many as the counts speak of. Its conditions,
    region, format and context are those that were asked for.
    """

    dataset: str
    disclosure: str
    fields: tuple[str, ...]
    rows: int | None
    price: Price


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """Where in the request the trouble lies, and what the rule is. Never the value."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision against, as a value. It says why and what would pass, and never more than the caller may know."""

    reason: ErrorReason
    nearest: NearestRequest | None = None
    violations: tuple[FieldViolation, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    grant: str = ""
    legal_basis: LegalBasis | None = None
    plan: NearestPlan | None = None
    synthesis: NearestSynthesis | None = None

    @classmethod
    def of(cls, reason: ErrorReason, place: str, rule: str) -> Refusal:
        """Return the refusal of a request that breaks a rule in one place."""
        return cls(reason, violations=(FieldViolation(place, rule),))


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing a caller may ask for, for one purpose: what `Describe` tells."""

    contract: DataContract
    disclosure: DisclosureSpec
    kind: DisclosureKind
    purpose: str
    legal_basis: LegalBasis
    regions: tuple[str, ...]
    conditions: tuple[str, ...]
    expires_on: date | None
