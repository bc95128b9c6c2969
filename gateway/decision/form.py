"""What a form asks of each department: exactly the fields that it declares, for its own purpose."""

from __future__ import annotations

from dataclasses import replace

from gateway.model.contract import DisclosureKind
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.request import FormRequest, PartSubjects, RowsRequest
from gateway.policy.forms import FormPart
from gateway.policy.snapshot import PolicySnapshot


def part_requests(request: FormRequest, policy: PolicySnapshot) -> tuple[RowsRequest, ...]:
    """Return one request for each part that is asked for, in the order asked. Parts not asked for ask for nothing.

    What is not on a form of this purpose (another form, another part, another key) becomes a request for a dataset
    that nobody has: it is refused like whatever is not granted, so that forms tell nobody what else there is.
    """
    form = policy.forms.get(request.form)
    known = form.parts if form is not None and form.purpose == request.context.purpose else {}
    return tuple(_request(request, asked, known.get(asked.part)) for asked in request.parts)


def placed(refusal: Refusal, number: int) -> Refusal:
    """Say of a part's refusal in which part of the call the trouble lies."""
    violations = [
        one if one.field.startswith("context.") else FieldViolation(f"parts[{number}].{one.field}", one.description)
        for one in refusal.violations
    ]
    return replace(refusal, violations=tuple(violations))


def _request(request: FormRequest, asked: PartSubjects, part: FormPart | None) -> RowsRequest:
    listed = part is not None and asked.selector.field == part.key
    return RowsRequest(
        context=request.context,
        kind=part.kind if part is not None and listed else DisclosureKind.LOOKUP,
        dataset=part.dataset if part is not None and listed else "",
        disclosure=part.disclosure if part is not None and listed else "",
        fields=part.fields if part is not None and listed else (),
        allow_partial=False,
        filters=(),
        selector=asked.selector,
    )
