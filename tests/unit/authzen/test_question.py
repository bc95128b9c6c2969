"""What AuthZEN asks becomes the request that gRPC would make of it, and the decision is the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.authzen.document import NotAQuestion
from gateway.authzen.question import question_of
from gateway.decision.judge import judge
from gateway.decision.officer.tables import identity_of, noon, request_of, tables_of
from gateway.model.contract import DisclosureKind
from gateway.model.filter import Operator
from gateway.model.request import RowsRequest
from gateway.policy.decision_tables import CaseShape, DecisionTable
from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.authzen.asgi import POLICIES, metro

CANARY = "330101198808088848"


@pytest.fixture(scope="module")
def policy() -> PolicySnapshot:
    return load(POLICIES)


CASES = [(table, case) for table in tables_of(load(POLICIES)) for case in table.shape.cases]


def asked(case: CaseShape) -> dict[str, Any]:
    """A case of a decision table, in the words of AuthZEN."""
    kind, _, target = case.asks.partition(" ")
    properties: dict[str, Any] = {}
    if case.fields:
        properties["fields"] = case.fields
    if case.filters:
        properties["filters"] = [{"field": name} for name in case.filters]
    if case.subjects is not None:
        by = "key" if case.subjects.key else "token"
        named = case.subjects.key or case.subjects.token
        properties["subjects"] = {"field": named, "by": by, "count": case.subjects.count}
    if kind == DisclosureKind.RELEASE:
        properties["epsilon"] = case.epsilon
        if case.statistics:
            properties |= {"statistics": case.statistics, "group_by": case.group_by}
    context = {"purpose": case.why, "region": case.where, "case_number": case.case_number}
    return {
        "subject": {"type": "institution", "id": case.who},
        "action": {"name": kind},
        "resource": {"type": "disclosure", "id": target, "properties": properties},
        "context": {**context, "allow_partial": case.partial},
    }


@pytest.mark.parametrize(("table", "case"), CASES, ids=[f"{table.shape.row}: {case.case}" for table, case in CASES])
def test_every_case_of_the_decision_tables_is_decided_alike(
    table: DecisionTable, case: CaseShape, policy: PolicySnapshot
) -> None:
    if case.break_glass_reason:
        with pytest.raises(NotAQuestion, match="break the glass by a call over gRPC"):
            question_of({**asked(case), "context": {"break_glass_reason": "x" * 10}}, case.who, policy.contracts)
        return
    if case.asks.partition(" ")[0] in ("link", "reidentify", "ingest"):
        with pytest.raises(NotAQuestion, match="must be one of lookup, extract, check, consume, release"):
            question_of(asked(case), case.who, policy.contracts)
        return
    about_one = case.asks.partition(" ")[0] in ("check", "consume")
    if about_one and (case.fields or (case.subjects is not None and case.subjects.count > 1)):
        # a request over gRPC that asks this is malformed, or cannot be written at all
        with pytest.raises(NotAQuestion, match=r"fields is not for the action|count must be an integer from 1 to 1"):
            question_of(asked(case), case.who, policy.contracts)
        return
    now = noon(case.day or table.shape.today)
    mine = question_of(json.loads(json.dumps(asked(case))), case.who, policy.contracts)
    theirs = request_of(case, policy)
    assert replace(mine, context=theirs.context) == theirs
    # all but the id of the request, which is drawn
    alike = replace(mine, context=replace(mine.context, request_id=theirs.context.request_id))
    assert judge(identity_of(case, now), alike, policy, now) == judge(identity_of(case, now), theirs, policy, now)


def test_values_are_placeholders_of_the_declared_type(policy: PolicySnapshot) -> None:
    question = metro(subjects={"field": "resident_id", "by": "token", "count": 3, "values": [CANARY]})
    read = question_of(question, "verifier-metro", policy.contracts)
    assert isinstance(read, RowsRequest) and read.selector is not None
    assert len(read.selector.values) == 3
    assert CANARY not in [str(value) for value in read.selector.values]


def test_operators_are_told(policy: PolicySnapshot) -> None:
    question = metro() | {"action": {"name": "extract"}}
    question["resource"]["properties"] = {"filters": [{"field": "colour", "operator": "in"}, {"field": "colour"}]}
    read = question_of(question, "verifier-metro", policy.contracts)
    assert isinstance(read, RowsRequest)
    assert [condition.operator for condition in read.filters] == [Operator.IN, Operator.EQUAL]


def test_a_request_id_is_kept_and_else_drawn(policy: PolicySnapshot) -> None:
    question = metro()
    question["context"]["request_id"] = "0B0C1D2E-0000-4000-8000-00000000000A"
    read = question_of(question, "verifier-metro", policy.contracts)
    assert read.context.request_id == "0b0c1d2e-0000-4000-8000-00000000000a"
    drawn = {question_of(metro(), "verifier-metro", policy.contracts).context.request_id for _ in range(2)}
    assert len(drawn) == 2


def test_what_nobody_knows_is_ignored(policy: PolicySnapshot) -> None:
    question = metro(extra=1)
    for part in (question, question["subject"], question["action"], question["context"]):
        part["extra"] = {"deep": [CANARY]}
    question["subject"]["properties"] = {"institution": "police", "role": "admin"}
    question["action"]["properties"] = {"method": "GET"}
    plain, extended = (question_of(one, "verifier-metro", policy.contracts) for one in (metro(), question))
    assert replace(extended, context=plain.context) == plain


OTHERS = [("institution", "police"), ("user", "verifier-metro"), ("institution", "Verifier-Metro"), ("", "")]


@pytest.mark.parametrize(("kind", "name"), OTHERS)
def test_nobody_asks_about_others(kind: str, name: str, policy: PolicySnapshot) -> None:
    question = metro() | {"subject": {"type": kind, "id": name, "properties": {"id": "verifier-metro"}}}
    with pytest.raises(NotAQuestion) as refused:
        question_of(question, "verifier-metro", policy.contracts)
    assert refused.value.status == 403
    assert "police" not in refused.value.message


def spoiled(path: str, value: Any) -> dict[str, Any]:
    """The metro's question with one member replaced, or taken out where the value is `...`."""
    question = metro()
    *way, last = path.split(".")
    part = question
    for name in way:
        part = part[name]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return question


_PROPERTIES = "resource.properties"
MALFORMED: dict[str, tuple[str, Any]] = {
    **{f"no {name}": (name, ...) for name in ("subject", "action", "resource")},
    **{
        f"no {name}": (name, ...)
        for name in ("subject.type", "subject.id", "action.name", "resource.type", "resource.id")
    },
    **{f"{name} is text": (name, CANARY) for name in ("subject", "action", "resource", "context", _PROPERTIES)},
    "a subject's properties are text": ("subject.properties", CANARY),
    "an action's properties are a list": ("action.properties", [CANARY]),
    "the action's name is a number": ("action.name", 123),
    "the subject's id is nothing": ("subject.id", None),
    "an unknown action": ("action.name", CANARY),
    "an unknown type": ("resource.type", CANARY),
    "a resource without a disclosure": ("resource.id", CANARY),
    "a resource of a long name": ("resource.id", "a/" + CANARY * 4),
    "fields are text": (f"{_PROPERTIES}.fields", CANARY),
    "fields of numbers": (f"{_PROPERTIES}.fields", [1]),
    "fields twice": (f"{_PROPERTIES}.fields", [CANARY, CANARY]),
    "too many fields": (f"{_PROPERTIES}.fields", [f"f{number}" for number in range(257)]),
    "filters for a lookup": (f"{_PROPERTIES}.filters", [{"field": CANARY}]),
    "statistics for a lookup": (f"{_PROPERTIES}.statistics", ["count"]),
    "no subjects": (f"{_PROPERTIES}.subjects", ...),
    "subjects by name": (f"{_PROPERTIES}.subjects.by", CANARY),
    "subjects without a count": (f"{_PROPERTIES}.subjects.count", ...),
    "no subject at all": (f"{_PROPERTIES}.subjects.count", 0),
    "too many subjects": (f"{_PROPERTIES}.subjects.count", 101),
    "half a subject": (f"{_PROPERTIES}.subjects.count", 0.5),
    "the purpose is a number": ("context.purpose", 1),
    "a long purpose": ("context.purpose", CANARY * 10),
    "partial in words": ("context.allow_partial", "yes"),
    "an id that is none": ("context.request_id", CANARY),
    "an id in braces": ("context.request_id", "{0b0c1d2e00004000800000000000000a}"),
    "a glass to break": ("context.break_glass_reason", CANARY),
}


@pytest.mark.parametrize(("path", "value"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused_and_not_repeated(path: str, value: Any, policy: PolicySnapshot) -> None:
    with pytest.raises(NotAQuestion) as refused:
        question_of(spoiled(path, value), "verifier-metro", policy.contracts)
    assert refused.value.status == 400
    assert path.rpartition(".")[2].rstrip("s") in refused.value.message
    assert CANARY not in refused.value.message


RELEASES: dict[str, dict[str, Any]] = {
    "no epsilon": {"statistics": ["count"]},
    "an epsilon in words": {"statistics": ["count"], "epsilon": "1"},
    "no loss": {"statistics": ["count"], "epsilon": 0},
    "a loss of seven decimals": {"statistics": ["count"], "epsilon": 0.0000001},
    "no statistic": {"epsilon": 1},
    "an unknown statistic": {"statistics": ["median(age)"], "epsilon": 1},
    "a sum of nothing": {"statistics": ["sum()"], "epsilon": 1},
    "a sum with more behind it": {"statistics": ["sum(a)b"], "epsilon": 1},
    "fields of a release": {"statistics": ["count"], "epsilon": 1, "fields": ["sector"]},
    "groups of synthetic rows": {"fields": ["sector"], "epsilon": 1, "group_by": ["sector"]},
    "synthetic rows for nothing": {"fields": ["sector"]},
    "subjects of a release": {"statistics": ["count"], "epsilon": 1, "subjects": {}},
}


@pytest.mark.parametrize("properties", RELEASES.values(), ids=RELEASES)
def test_what_is_no_release_is_refused(properties: dict[str, Any], policy: PolicySnapshot) -> None:
    question = metro() | {"action": {"name": "release"}}
    question["resource"] = {"type": "disclosure", "id": "subsidies/by-sector", "properties": properties}
    with pytest.raises(NotAQuestion) as refused:
        question_of(question, "verifier-metro", policy.contracts)
    assert refused.value.status == 400
