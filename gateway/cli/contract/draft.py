"""Writes a draft contract as YAML. It says nothing that is in the data but the names and types of columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from gateway.cli.contract.plan import DraftPlan, PlannedField, label
from gateway.model.contract import CanonicalForm, Classification
from gateway.model.storage import SourceSpec
from gateway.model.values import FieldType
from gateway.policy.contracts.odcs import VERSION
from gateway.policy.contracts.shape import BLOCK, TYPES

CONFIRM = "# confirm:"
"""What marks each guess. A contract is finished when none is left."""

PLACE_HOLDER = "to-be-named"
UNCONFIRMED = "unconfirmed"
LOGICAL = {type_: word for word, type_ in TYPES.items()}
"""The standard's word for each of the gateway's types."""

_COUNTABLE = (FieldType.STRING, FieldType.INT64, FieldType.BOOL, FieldType.DATE)
_IDS = (FieldType.STRING, FieldType.INT64)
_SHOWN = 4


_STATISTICS = (
    "      # Statistics need public bounds (of whole numbers) and public keys (to group by). Declare them from",
    "      # what is known of the subject, such as  age: {bounds: [0, 120]}  or  sex: {keys: [F, M]}.  Never read",
    "      # them off the data: that would disclose its extremes and its rare values.",
)


def write_draft(dataset: str, server: str, plan: DraftPlan, upstream: Sequence[str] = ()) -> str:
    """Return the text of contracts/<dataset>.yaml: a contract that loads as a draft and discloses nothing.

    `server` is what its only server says, and `upstream` are the lines about a service in the gateway's block.
    """
    block = write_block(plan, upstream)
    return "\n".join([*_head(dataset, server), *_schema(dataset, plan), "customProperties:", *block, ""])


def file_server(source: SourceSpec) -> str:
    """Return what a server says whose rows are in a file."""
    path = json.dumps(source.path, ensure_ascii=False)
    return f"{{server: hub, type: local, path: {path}, format: {source.kind}}}"


def _head(dataset: str, server: str) -> Iterator[str]:
    yield "# A draft, made from the names and the forms of the columns. Nothing of it is disclosed until an officer has"
    yield f"# settled every line marked '{CONFIRM}', removed the mark, and set the status to active."
    yield f"apiVersion: {VERSION}"
    yield "kind: DataContract"
    yield f"id: {dataset}"
    yield f"name: {dataset}  {CONFIRM} what these data are, in words"
    yield "version: 0.1.0"
    yield "status: draft"
    yield "# description: {purpose: …, usage: …, limitations: …}"
    yield "team:"
    yield "  members:"
    yield f"    - {{role: owner, username: {PLACE_HOLDER}}}  {CONFIRM} the institution that decides about these data"
    yield (
        f"    - {{role: steward, username: {PLACE_HOLDER}}}  "
        f"{CONFIRM} who answers questions: an address, and a name as 'name'; refusals name them"
    )
    yield "servers:"
    yield f"  - {server}"


def _schema(dataset: str, plan: DraftPlan) -> Iterator[str]:
    yield "schema:"
    yield f"  - name: {dataset}"
    yield "    # quality: …    rules of the standard, such as  {metric: rowCount, mustBeGreaterThan: 0}"
    yield "    properties:"
    for field in plan.fields:
        if field.name != field.column.name and not field.path:
            yield f"      # the column {json.dumps(label(field.column.name), ensure_ascii=False)} of the original"
        if field.note:
            yield f"      # note: {field.note}"
        parts = [f"name: {field.name}"]
        if field.path not in ("", field.name):
            parts.append(f"physicalName: {field.path}")
        parts.append(f"logicalType: {LOGICAL[field.type]}")
        parts.append(f"classification: {field.clue.classification}")
        if not field.nullable:
            parts.append("required: true")
        yield f"      - {{{', '.join(parts)}}}  {CONFIRM} {field.clue.why}"
    if plan.left_out:
        yield "      # Left out:"
        for column in plan.left_out:
            yield f"      #   {json.dumps(column.label, ensure_ascii=False)}: {column.why}"
    yield "# slaProperties:"
    yield "#   - {property: retention, value: …, unit: d}    how long these data may be kept"
    yield "#   - {property: latency, value: …, unit: h}      how far they lag behind what they describe"
    yield ""


def write_block(plan: DraftPlan, upstream: Sequence[str] = ()) -> list[str]:
    """Return the lines of the gateway's own custom property: a proposal without disclosures, and examples of them."""
    return [*_block(plan, upstream), *_disclosures(plan, statistics=not upstream)]


def _block(plan: DraftPlan, upstream: Sequence[str]) -> Iterator[str]:
    yield f"  - property: {BLOCK}"
    yield "    value:"
    yield "      # name_zh: …         the name in Chinese"
    yield f"      collected_for: [{UNCONFIRMED}]  {CONFIRM} the purposes of purposes.yaml they were collected for"
    if plan.sure:
        yield f"      # The rows seem to be about what '{plan.unit.name}' names: {plan.unit.clue.why}."
    else:
        yield f"      # Nothing says whom the rows are about: '{plan.unit.name}' only holds the place."
    yield "      # 'kind' is what is protected, such as resident or vehicle; budgets.yaml has a lifetime cap for each."
    yield f"      privacy_unit: {{kind: {UNCONFIRMED}, field: {plan.unit.name}}}  {CONFIRM} whom noise must hide"
    yield "      # region_field: …    a field with paths of regions.yaml; without one, grants are for the whole tree"
    yield ""
    if upstream:
        yield from (f"      {line}" for line in upstream)
        yield ""
    if not upstream:
        yield from _STATISTICS
    formed = [field for field in plan.fields if field.canonical is not CanonicalForm.TEXT]
    yield "      fields:" if formed else "      fields: {}"
    for field in formed:
        yield (
            f"        {field.name}: {{canonical: {field.canonical}}}  "
            f"{CONFIRM} however it is written, one number has one pseudonym"
        )
    yield ""


def _disclosures(plan: DraftPlan, *, statistics: bool) -> Iterator[str]:
    yield "      # None yet. A disclosure names the fields that one purpose needs, and no other. Here is an example of"
    yield "      # each kind; to use one, write 'disclosures:' without the braces and remove the '# ' before its lines."
    yield "      disclosures: {}"
    examples = [_extract(plan), *([_release(plan)] if statistics else [])]
    if plan.unit.type in _IDS:
        examples[1:1] = [_lookup(plan), _check(plan), _consume(plan)]
    for example in examples:
        yield "#"
        yield from (f"#       {line}" for line in example)


def _extract(plan: DraftPlan) -> list[str]:
    return [
        "  some-rows:",
        "    kind: extract",
        "    description: Rows for a purpose that needs rows.",
        "    fields:",
        *(f"      {line}" for line in _treatments(plan, ())),
        '    waive_noise: "Why these rows may leave without noise."',
    ]


def _lookup(plan: DraftPlan) -> list[str]:
    unit = plan.unit.name
    return [
        "  one-subject:",
        "    kind: lookup",
        "    description: What one service needs to know of one subject, who is named in the call.",
        f"    lookup_keys: [{unit}]",
        "    # [token] if the caller shall name subjects by the pseudonyms that another disclosure gave it",
        "    lookup_by: [key]",
        "    fields:",
        *(f"      {line}" for line in _treatments(plan, (unit,))),
        '    waive_noise: "Why the answer is about the right subject only without noise."',
    ]


def _check(plan: DraftPlan) -> list[str]:
    unit = plan.unit.name
    tested = next((field for field in plan.fields if field.name != unit), plan.unit)
    operator, value = _TESTS[tested.type]
    return [
        "  yes-or-no:",
        "    kind: check",
        "    description: Whether something holds of one subject, and nothing else.",
        f"    lookup_keys: [{unit}]",
        "    lookup_by: [key]",
        f"    predicate: [{{field: {tested.name}, op: {operator}, value: {value}}}]",
        '    waive_noise: "Why the answer must be exact."',
    ]


def _consume(plan: DraftPlan) -> list[str]:
    return [
        "  used-once:",
        "    kind: consume",
        "    description: A right of one subject that is used up by being asked for.",
        f"    lookup_keys: [{plan.unit.name}]",
        "    lookup_by: [key]",
        '    waive_noise: "Why the answer must be exact."',
    ]


def _release(plan: DraftPlan) -> list[str]:
    groups = [field.name for field in plan.fields if field.type in _COUNTABLE and not _names_somebody(plan, field)]
    values = [field.name for field in plan.fields if field.type is FieldType.INT64 and field.name != plan.unit.name]
    lines = ["  counts:", "    kind: release", "    description: How many there are, with noise that hides each one."]
    if groups:
        lines.append(f"    # group_by may name fields with keys, such as {', '.join(groups[:_SHOWN])}")
    if values:
        lines.append(f"    # values may name numbers with bounds, such as {', '.join(values[:_SHOWN])}")
    lines.append("    # one subject counts in at most max_groups groups, and there for at most max_rows rows")
    lines.append(
        "    statistics: {group_by: [], values: [], max_groups: 1, max_rows: 1, max_epsilon: 1.0, slot_ms: 1000}"
    )
    return lines


def _treatments(plan: DraftPlan, without: tuple[str, ...]) -> list[str]:
    chosen = [plan.unit, *(field for field in plan.fields if field.name != plan.unit.name)]
    lines = [
        f"{field.name}: {treatment}"
        for field in chosen
        if field.name not in without and (treatment := _treatment(plan, field))
    ]
    return lines[:_SHOWN] or [f"{plan.unit.name}: {{keep: {{justification: Why the purpose cannot do without it.}}}}"]


def _treatment(plan: DraftPlan, field: PlannedField) -> str:
    if _names_somebody(plan, field):
        return "pseudonymize" if field.type is FieldType.STRING else ""
    if field.clue.classification is Classification.FREE_TEXT:
        return ""
    if field.type.is_dated:
        return "{generalize: month}"
    if field.clue.classification is Classification.QUASI_IDENTIFIER and field.type is FieldType.INT64:
        return "{generalize: {width: 10}}"
    return "keep"


def _names_somebody(plan: DraftPlan, field: PlannedField) -> bool:
    return field.name == plan.unit.name or field.clue.classification is Classification.DIRECT_IDENTIFIER


_TESTS = {
    FieldType.STRING: ("eq", '"…"'),
    FieldType.INT64: ("ge", "0"),
    FieldType.DOUBLE: ("ge", "0"),
    FieldType.BOOL: ("eq", "true"),
    FieldType.DATE: ("ge", "2000-01-01"),
    FieldType.TIMESTAMP: ("ge", '"2000-01-01T00:00:00"'),
}
