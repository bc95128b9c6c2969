"""Values and epsilons cross the wire exactly, or are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.v1 import export_service_pb2, release_pb2, sharing_service_pb2, synthesis_service_pb2, value_pb2
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.measure import Currency
from gateway.model.request import Selector
from gateway.model.values import Scalar
from gateway.server.problem import NotWellFormed
from gateway.server.wire.exports import order_of
from gateway.server.wire.plans import exact_margin, exact_price, query_of
from gateway.server.wire.requests import (
    body_digest,
    check_of,
    consume_of,
    context_of,
    extract_of,
    form_of,
    lookup_of,
)
from gateway.server.wire.synthesis import request_of as synthesis_of
from gateway.server.wire.values import conditions, scalar, value_of

SCALARS: st.SearchStrategy[Scalar] = st.one_of(
    st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.booleans(),
    st.dates(),
    st.datetimes(),
)


@given(SCALARS)
def test_a_value_comes_back_as_it_was(item: Scalar) -> None:
    read = scalar(value_pb2.Value.FromString(value_of(item).SerializeToString()), "")
    assert read == item and type(read) is type(item)


@pytest.mark.parametrize(
    "value",
    [
        value_pb2.Value(date_value=2**31 - 1),
        value_pb2.Value(date_value=-(2**31)),
        value_pb2.Value(timestamp_value=2**63 - 1),
        value_pb2.Value(timestamp_value=-(2**63)),
        value_pb2.Value(),
    ],
)
def test_a_date_outside_the_calendar_is_refused(value: value_pb2.Value) -> None:
    with pytest.raises(NotWellFormed) as raised:
        scalar(value, "filters[0].values[0]")
    assert raised.value.problem.reason is ErrorReason.REQUEST_INVALID
    assert raised.value.problem.violations[0].field == "filters[0].values[0]"


NUL = value_pb2.Value(string_value="a\x00b")
FILTER = value_pb2.Condition(field="f", operator=value_pb2.OPERATOR_IN, values=[value_pb2.Value(bool_value=True), NUL])
SUBJECTS = sharing_service_pb2.SubjectSelector(key=sharing_service_pb2.KeySelector(field="f", values=[NUL]))
PART = sharing_service_pb2.PartSubjects(part="p", subjects=SUBJECTS)


@pytest.mark.parametrize(
    ("read", "request_", "path"),
    [
        (lookup_of, sharing_service_pb2.LookupRequest(subjects=SUBJECTS), "subjects.key.values[0]"),
        (check_of, sharing_service_pb2.CheckRequest(subject=SUBJECTS), "subject.key.values[0]"),
        (consume_of, sharing_service_pb2.ConsumeRequest(subject=SUBJECTS), "subject.key.values[0]"),
        (form_of, sharing_service_pb2.ComposeRequest(parts=[PART]), "parts[0].subjects.key.values[0]"),
        (
            partial(extract_of, max_streams=1),
            sharing_service_pb2.ExtractRequest(filters=[FILTER]),
            "filters[0].values[1]",
        ),
        (
            order_of,
            export_service_pb2.MakeExportRequest(order=export_service_pb2.ExportOrder(filters=[FILTER])),
            "order.filters[0].values[1]",
        ),
        (query_of, release_pb2.ReleasePlan(filters=[FILTER]), "plan.filters[0].values[1]"),
        (
            synthesis_of,
            synthesis_service_pb2.RequestSynthesisRequest(
                plan=synthesis_service_pb2.SynthesisPlan(filters=[FILTER]),
                epsilon=1.0,
                format=synthesis_service_pb2.FILE_FORMAT_CSV,
            ),
            "plan.filters[0].values[1]",
        ),
    ],
    ids=["lookup", "check", "consume", "form", "extract", "export", "release", "synthesis"],
)
def test_a_text_with_a_nul_is_refused_wherever_values_are_taken(
    read: Callable[[Any], object], request_: Message, path: str
) -> None:
    with pytest.raises(NotWellFormed) as raised:
        read(request_)
    assert raised.value.problem.reason is ErrorReason.REQUEST_INVALID
    (violation,) = raised.value.problem.violations
    assert (violation.field, violation.description) == (path, "must hold no NUL")


def test_dates_and_times_are_the_city_s() -> None:
    assert scalar(value_pb2.Value(date_value=1), "") == date(1970, 1, 2)
    assert scalar(value_pb2.Value(timestamp_value=1_500_000), "") == datetime(1970, 1, 1, 0, 0, 1, 500_000)


def test_only_in_takes_several_values() -> None:
    values = [value_pb2.Value(int64_value=1), value_pb2.Value(int64_value=2)]
    several = value_pb2.Condition(field="f", operator=value_pb2.OPERATOR_IN, values=values)
    assert conditions([several], "filters")[0].values == (1, 2)
    several.operator = value_pb2.OPERATOR_LESS
    with pytest.raises(NotWellFormed):
        conditions([several], "filters")


@given(st.integers(1, 10_000_000))
def test_an_epsilon_is_the_decimal_that_was_written(millionths: int) -> None:
    assert exact_price(Currency.EPSILON, float(f"{millionths / 10**6:.6f}")).amount == Fraction(millionths, 10**6)


@pytest.mark.parametrize("currency", Currency)
def test_what_is_no_price_is_one_that_nobody_takes(currency: Currency) -> None:
    assert exact_price(currency, math.nan).amount == exact_price(currency, -0.0).amount == 0
    assert exact_price(currency, -math.inf).amount < -(10**300) < 10**300 < exact_price(currency, math.inf).amount
    assert 0 < exact_price(currency, 5e-324).amount < Fraction(1, 10**300)
    # seventeen decimals stay seventeen: the decision refuses them
    assert exact_price(currency, 0.1 + 0.2).amount == Fraction("0.30000000000000004")


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
def test_a_margin_is_finite_and_above_zero(margin: float) -> None:
    with pytest.raises(NotWellFormed):
        exact_margin(margin, "margin_95")


def test_the_digest_tells_requests_apart_and_ignores_their_id() -> None:
    first = sharing_service_pb2.ExtractRequest(dataset="d", disclosure="e")
    second = sharing_service_pb2.ExtractRequest(dataset="d", disclosure="e")
    first.context.request_id = "1e0e1a2b-0000-4000-8000-000000000001"
    second.context.purpose = ""
    assert body_digest(first) == body_digest(second)
    second.allow_partial = True
    assert body_digest(first) != body_digest(second)
    assert first.context.request_id
    check = sharing_service_pb2.CheckRequest(dataset="d", disclosure="e")
    check.context.SetInParent()
    assert body_digest(check) != body_digest(first)


def test_the_reason_of_an_emergency_is_read_and_tells_requests_apart() -> None:
    calm, urgent = sharing_service_pb2.CheckRequest(), sharing_service_pb2.CheckRequest()
    calm.context.purpose = urgent.context.purpose = "p"
    urgent.context.break_glass_reason = "a child is missing"
    assert (context_of(calm).break_glass_reason, context_of(urgent).break_glass_reason) == ("", "a child is missing")
    assert context_of(calm).body_digest != context_of(urgent).body_digest
    assert "child" not in repr(context_of(urgent))


def of_subjects(*values: str) -> sharing_service_pb2.SubjectSelector:
    texts = [value_pb2.Value(string_value=value) for value in values]
    return sharing_service_pb2.SubjectSelector(key=sharing_service_pb2.KeySelector(field="resident_id", values=texts))


def test_a_consumption_is_read_as_one_and_is_no_check() -> None:
    consume = sharing_service_pb2.ConsumeRequest(dataset="d", disclosure="e", subject=of_subjects("x"))
    check = sharing_service_pb2.CheckRequest(dataset="d", disclosure="e", subject=of_subjects("x"))
    taken, asked = consume_of(consume), check_of(check)
    assert (taken.kind, asked.kind) == (DisclosureKind.CONSUME, DisclosureKind.CHECK)
    assert taken.selector == asked.selector == Selector(SelectBy.KEY, "resident_id", ("x",))
    assert (taken.dataset, taken.disclosure, taken.fields, taken.filters) == ("d", "e", (), ())
    # the same id under both is no retry
    assert taken.context.body_digest != asked.context.body_digest


@pytest.mark.parametrize(
    "subject",
    [
        of_subjects("x", "y"),
        sharing_service_pb2.SubjectSelector(token=sharing_service_pb2.TokenSelector(field="f", tokens=["x", "x"])),
    ],
    ids=["keys", "tokens"],
)
def test_a_consumption_names_exactly_one_subject(subject: sharing_service_pb2.SubjectSelector) -> None:
    with pytest.raises(NotWellFormed) as raised:
        consume_of(sharing_service_pb2.ConsumeRequest(dataset="d", disclosure="e", subject=subject))
    assert raised.value.problem.violations[0].field == "subject"


def test_a_request_without_an_id_gets_one_and_a_given_id_has_one_form() -> None:
    request = sharing_service_pb2.ExtractRequest()
    made = context_of(request)
    assert not made.caller_gave_id and made.request_id != context_of(request).request_id
    request.context.request_id = "1E0E1A2B-0000-4000-8000-00000000000F"
    given_ = context_of(request)
    assert given_.caller_gave_id and given_.request_id == "1e0e1a2b-0000-4000-8000-00000000000f"
