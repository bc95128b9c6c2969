"""What looking at a policy finds, from model to proto."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api.v1 import nearest_request_pb2
from gateway.api.v1 import policy_study_pb2 as pb
from gateway.decision.lint.findings import Finding, Severity
from gateway.decision.officer.coarseness import Telling
from gateway.decision.officer.diff import EntitlementShift, PolicyDiff
from gateway.decision.officer.explain import CallerView, OfficerView
from gateway.decision.officer.impact import Asked, FieldFlip, Flip, GrantFlip, Impact, InstitutionImpact
from gateway.decision.officer.shifts import FieldShift, PartShift
from gateway.decision.officer.tables import CaseResult
from gateway.model.loss import exact

SEVERITIES: dict[Severity, pb.Severity.ValueType] = {
    Severity.NOTE: pb.SEVERITY_NOTE,
    Severity.WARNING: pb.SEVERITY_WARNING,
    Severity.SERIOUS: pb.SEVERITY_SERIOUS,
}

TELLINGS: dict[Telling, pb.Telling.ValueType] = {
    Telling.SAME: pb.TELLING_SAME,
    Telling.LESS: pb.TELLING_LESS,
    Telling.OTHER: pb.TELLING_OTHER,
    Telling.MORE: pb.TELLING_MORE,
}


def failures_of(results: Iterable[CaseResult]) -> list[pb.FailedCase]:
    """Write the cases that came out otherwise than written."""
    return [
        pb.FailedCase(
            file=result.file,
            line=result.line,
            case=result.case,
            differences=[
                pb.CaseDifference(part=one.part, expected=one.expected, got=one.got) for one in result.differences
            ],
        )
        for result in results
        if result.differences
    ]


def finding_of(finding: Finding) -> pb.PolicyFinding:
    """Write a finding."""
    return pb.PolicyFinding(
        code=finding.code,
        severity=SEVERITIES[finding.severity],
        file=finding.file,
        line=finding.line,
        message=finding.message,
        remedy=finding.remedy,
        replacement=finding.replacement,
    )


def diff_of(diff: PolicyDiff) -> pb.PolicyDiff:
    """Write the step from one policy to another."""
    parts = (*diff.denies, *diff.memberships, *diff.purposes, *diff.budgets, *diff.contracts, *diff.people)
    return pb.PolicyDiff(
        before=diff.before,
        after=diff.after,
        entitlements=map(_entitlement, diff.entitlements),
        disclosures=[
            pb.DisclosureShift(disclosure=one.obj, fields=map(_field, one.fields)) for one in diff.disclosures
        ],
        parts=map(_part, parts),
        renamed=diff.renamed,
        wider=diff.wider,
    )


def impact_of(impact: Impact) -> pb.Impact:
    """Write what a policy would have meant."""
    return pb.Impact(
        base=impact.base,
        proposal=impact.proposal,
        records=impact.records,
        questions=impact.questions,
        institutions=map(_institution, impact.institutions),
        caps=map(_part, impact.caps),
        unknown=impact.unknown,
        unasked=[pb.Unasked(why=why, count=count) for why, count in impact.unasked],
        left=impact.left,
    )


def caller_view_of(view: CallerView) -> pb.CallerExplanation:
    """Write what a caller may know of its own request."""
    near = view.nearest
    return pb.CallerExplanation(
        allowed=view.allowed,
        reason=view.reason,
        fields=[pb.ExplainedField(field=name, treatment=how) for name, how in view.fields],
        conditions=view.conditions,
        withheld=view.withheld,
        nearest=None
        if near is None
        else nearest_request_pb2.NearestRequest(
            disclosure=near.disclosure, region=near.region, fields=near.fields, steward=near.steward
        ),
        offers=[f"{one.kind} {one.obj}" for one in view.offers],
    )


def officer_view_of(view: OfficerView) -> pb.OfficerExplanation:
    """Write what an officer may know of a request."""
    changes = [change for step in view.policy_changes for change in (step.change, *step.instead)]
    return pb.OfficerExplanation(
        allowed=view.allowed,
        reason=view.reason,
        grant=view.grant,
        denies=[rule.id for rule in view.denies],
        trials=[rule.id for rule in view.trials],
        grants=[
            pb.ConsideredGrant(grant=one.grant.id, line=one.grant.line, misses=[miss.why for miss in one.misses])
            for one in view.grants
        ],
        fields=[pb.ExplainedField(field=one.field, treatment=one.treatment) for one in view.fields],
        request_changes=view.request_changes,
        policy_changes=[
            pb.SuggestedChange(what=one.what, file=one.file, line=one.line, text=one.text) for one in changes
        ],
        would_pass=view.would_pass,
        beyond=view.beyond,
    )


def _field(shift: FieldShift) -> pb.FieldShift:
    return pb.FieldShift(field=shift.field, before=shift.before, after=shift.after, telling=TELLINGS[shift.telling])


def _part(shift: PartShift) -> pb.PartShift:
    return pb.PartShift(
        subject=shift.subject,
        part=shift.part,
        before=shift.before,
        after=shift.after,
        telling=TELLINGS[shift.telling],
    )


def _entitlement(shift: EntitlementShift) -> pb.EntitlementShift:
    seat = shift.seat
    return pb.EntitlementShift(
        institution=seat.institution,
        dataset=seat.dataset,
        disclosure=seat.disclosure,
        kind=seat.kind,
        purpose=seat.purpose,
        turn=shift.turn.value,
        fields=map(_field, shift.fields),
        regions_gained=shift.regions_gained,
        regions_lost=shift.regions_lost,
        terms=map(_part, shift.terms),
        wider=shift.wider,
    )


def _institution(impact: InstitutionImpact) -> pb.InstitutionImpact:
    return pb.InstitutionImpact(
        institution=impact.institution,
        records=impact.records,
        same=impact.same,
        now_refused=map(_flip, impact.now_refused),
        now_allowed=map(_flip, impact.now_allowed),
        other_reason=map(_flip, impact.other_reason),
        exposed=map(_field_flip, impact.exposed),
        withdrawn=map(_field_flip, impact.withdrawn),
        grants=map(_flip, impact.grants),
        losses=[
            pb.LossFlip(asked=_asked(one.asked), before=exact(one.before), after=exact(one.after), count=one.count)
            for one in impact.losses
        ],
    )


def _flip(flip: Flip | GrantFlip) -> pb.DecisionFlip:
    return pb.DecisionFlip(asked=_asked(flip.asked), before=flip.before, after=flip.after, count=flip.count)


def _field_flip(flip: FieldFlip) -> pb.FieldFlip:
    return pb.FieldFlip(asked=_asked(flip.asked), field=_field(flip.field), count=flip.count)


def _asked(asked: Asked) -> pb.Asked:
    return pb.Asked(disclosure=asked.obj, kind=asked.kind, purpose=asked.purpose, region=asked.region)
