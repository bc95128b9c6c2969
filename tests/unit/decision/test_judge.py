"""Terms, memberships, lawfulness and trials, as the decision sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from gateway.decision.judge import judge
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.party import Identity
from gateway.model.permit import REQUIRE_CONSENT, Obligation, Permit, Refusal
from gateway.model.request import DisclosureRequest
from gateway.policy.snapshot import PolicySnapshot
from tests.unit.decision.conftest import Edits
from tests.unit.policy.requests import rows

NOW = datetime(2026, 11, 22, 3, 0)
EXTRACT, LOOKUP, CHECK = DisclosureKind.EXTRACT, DisclosureKind.LOOKUP, DisclosureKind.CHECK
TRACE = "p, g-trace, police, health_cases/tracing, extract, hangzhou, epidemic-control, until=2027-06-30, allow"
TRACE_ONE = (
    "p, g-trace-one, police, health_cases/one-case, lookup, hangzhou/xiacheng, epidemic-control, max_keys=2, allow"
)
TRACING = rows(EXTRACT, "health_cases/tracing", "epidemic-control")
ONE_CASE = rows(LOOKUP, "health_cases/one-case", "epidemic-control", "hangzhou/xiacheng", keys=1)


def who(institution: str = "police") -> Identity:
    return Identity(institution, "li.wei", NOW + timedelta(days=4000))


def permits(
    policy: PolicySnapshot, request: DisclosureRequest, institution: str = "police", now: datetime = NOW
) -> tuple[Permit, ...]:
    outcome = judge(who(institution), request, policy, now)
    assert not isinstance(outcome, Refusal), outcome
    return outcome


def reason(
    policy: PolicySnapshot, request: DisclosureRequest, institution: str = "police", now: datetime = NOW
) -> ErrorReason:
    outcome = judge(who(institution), request, policy, now)
    assert isinstance(outcome, Refusal), outcome
    return outcome.reason


def test_every_grant_that_covers_the_request_gives_a_permit_in_the_order_of_the_file(edited: Edits) -> None:
    second = "p, g-again, police, health_cases/tracing, extract, hangzhou, epidemic-control, max_rows=7, allow"
    policy = edited(("grants.csv", TRACE, f"{second}\n{TRACE}"))
    assert [permit.scope.grant for permit in permits(policy, TRACING)] == ["g-again", "g-trace"]
    assert permits(policy, TRACING)[0].scope.max_rows == 7


def test_asking_again_gives_the_same_until_the_day_is_over(edited: Edits) -> None:
    policy = edited(("grants.csv", "until=2027-06-30", "until=2026-11-22"))
    assert permits(policy, TRACING) == permits(policy, TRACING)
    # 16:00 UTC is the city's midnight
    assert permits(policy, TRACING, now=datetime(2026, 11, 22, 15, 59))
    assert reason(policy, TRACING, now=datetime(2026, 11, 22, 16, 0)) is ErrorReason.GRANT_NOT_IN_FORCE
    assert permits(policy, TRACING)[0].valid_until == datetime(2026, 11, 22, 16, 0)


@pytest.mark.parametrize(
    "collected", ["subsidy-audit", "contact-tracing"], ids=["another purpose", "a more specific purpose"]
)
def test_a_purpose_uses_what_was_collected_for_it_alone(edited: Edits, collected: str) -> None:
    policy = edited(
        ("contracts/health_cases.yaml", "collected_for: [epidemic-control]", f"collected_for: [{collected}]")
    )
    assert reason(policy, TRACING) is ErrorReason.PURPOSE_INCOMPATIBLE


def test_a_declared_further_use_is_compatible_and_one_for_a_sibling_is_not(edited: Edits) -> None:
    collected = ("contracts/health_cases.yaml", "collected_for: [epidemic-control]", "collected_for: [subsidy-audit]")
    declared = "    owner: health-commission\n    review_on: 2027-03-01\n    emergency: true\n"
    further = f"{declared}    compatible_with: [{{purpose: PURPOSE, why: a test}}]\n"
    allowed = edited(collected, ("purposes.yaml", declared, further.replace("PURPOSE", "subsidy-audit")))
    assert permits(allowed, TRACING)
    other = edited(collected, ("purposes.yaml", declared, further.replace("PURPOSE", "open-data")))
    assert reason(other, TRACING) is ErrorReason.PURPOSE_INCOMPATIBLE


def test_a_legal_basis_that_the_contract_does_not_accept_carries_nothing(edited: Edits) -> None:
    collected = "collected_for: [epidemic-control]"

    def accepting(basis: str) -> PolicySnapshot:
        return edited(("contracts/health_cases.yaml", collected, f"{collected}\n      legal_bases: ['dpv:{basis}']"))

    assert permits(accepting("PublicInterest"), TRACING)
    assert reason(accepting("Consent"), TRACING) is ErrorReason.LEGAL_BASIS_INSUFFICIENT


def test_a_purpose_that_rests_on_consent_opens_nothing_of_those_never_asked(edited: Edits) -> None:
    resting = ("purposes.yaml", "legal_basis: {dpv: dpv:PublicInterest", "legal_basis: {dpv: dpv:Consent")
    policy = edited(resting)
    assert reason(policy, TRACING) is ErrorReason.LEGAL_BASIS_INSUFFICIENT
    register = (
        "consents:\n  study:\n    title: {en: a, zh: b}\n    keepers: [police]\n"
        "    subject: resident\n    canonical: resident-id\n"
    )
    asked = edited(
        resting,
        ("registers.yaml", "", register),
        ("grants.csv", TRACE, TRACE.replace("until=2027-06-30", "consent=study")),
    )
    permit = permits(asked, TRACING)[0]
    assert Obligation(REQUIRE_CONSENT, "study") in permit.scope.obligations
    assert permit.scope.terms.consent == "study"


def test_bulk_is_forbidden_where_the_grant_says_so(edited: Edits) -> None:
    policy = edited(("grants.csv", "max_keys=2", "bulk=forbidden"))
    assert permits(policy, ONE_CASE)
    two = rows(LOOKUP, "health_cases/one-case", "epidemic-control", "hangzhou/xiacheng", keys=2)
    assert reason(policy, two) is ErrorReason.BULK_FORBIDDEN


def test_a_case_of_a_register_must_be_named(edited: Edits) -> None:
    cases = "cases:\n  searches:\n    title: {en: a, zh: b}\n    keepers: [police]\n    form: ZS-99\n"
    policy = edited(("registers.yaml", "", cases), ("grants.csv", "max_keys=2", "case_register=searches"))
    assert reason(policy, ONE_CASE) is ErrorReason.CASE_NUMBER_REQUIRED
    named = replace(ONE_CASE, context=replace(ONE_CASE.context, case_number="ZS-12"))
    assert permits(policy, named)[0].case_number == "ZS-12"


def test_a_membership_lapses_by_itself_and_ends_its_permits(edited: Edits) -> None:
    policy = edited(
        ("grants.csv", "g, police-xihu, police", "g, police-xihu, police, from=2026-11-01;until=2026-11-22")
    )
    permit = permits(policy, TRACING, "police-xihu")[0]
    assert permit.valid_until == datetime(2026, 11, 22, 16, 0)
    after = datetime(2026, 11, 22, 16, 0)
    assert reason(policy, TRACING, "police-xihu", after) is ErrorReason.GRANT_NOT_IN_FORCE
    assert permits(policy, TRACING, "police", after)


def test_a_deny_on_trial_warns_until_its_day_and_then_refuses(edited: Edits) -> None:
    deny = "p, d-later, police, health_cases/tracing, *, *, *, trial=2026-11-30, deny\n"
    policy = edited(("grants.csv", "", deny))
    assert permits(policy, TRACING)[0].scope.trials == ("d-later",)
    last = datetime(2026, 11, 30, 15, 59)
    assert permits(policy, TRACING, now=last)[0].scope.trials == ("d-later",)
    assert reason(policy, TRACING, now=last + timedelta(minutes=1)) is ErrorReason.DENIED_BY_RULE


def test_a_grant_for_some_hours_holds_in_these_and_ends_with_them(edited: Edits) -> None:
    policy = edited(("grants.csv", "until=2027-06-30", "hours=08:00-12:00"))
    # 08:00 in the city is midnight UTC
    assert permits(policy, TRACING, now=datetime(2026, 11, 22, 0, 0))[0].valid_until == datetime(2026, 11, 22, 4, 0)
    assert permits(policy, TRACING, now=datetime(2026, 11, 22, 3, 59))
    for closed in (datetime(2026, 11, 22, 4, 0), datetime(2026, 11, 21, 23, 59)):
        assert reason(policy, TRACING, now=closed) is ErrorReason.GRANT_NOT_IN_FORCE


@pytest.mark.parametrize(
    ("purpose", "passes"),
    [("epidemic-control", True), ("contact-tracing", True), ("subsidy-audit", False), ("open-data", False)],
)
def test_a_purpose_implies_what_is_beneath_it_and_nothing_else(edited: Edits, purpose: str, passes: bool) -> None:
    policy = edited()
    request = replace(TRACING, context=replace(TRACING.context, purpose=purpose))
    assert isinstance(judge(who(), request, policy, NOW), tuple) is passes


def test_a_grant_for_a_purpose_never_covers_the_one_above_it(edited: Edits) -> None:
    policy = edited(("grants.csv", TRACE, TRACE.replace("epidemic-control", "contact-tracing")))
    assert reason(policy, TRACING) is ErrorReason.DISCLOSURE_NOT_GRANTED
    specific = replace(TRACING, context=replace(TRACING.context, purpose="contact-tracing"))
    assert permits(policy, specific)


def test_the_last_day_is_the_earliest_of_purpose_grant_and_identity(edited: Edits) -> None:
    policy = edited(("grants.csv", "until=2027-06-30", "until=2027-05-01"))
    assert permits(policy, TRACING)[0].valid_until.date() == date(2027, 5, 1)
    soon = Identity("police", "li.wei", NOW + timedelta(hours=1))
    outcome = judge(soon, TRACING, policy, NOW)
    assert isinstance(outcome, tuple)
    assert outcome[0].valid_until == soon.valid_until
