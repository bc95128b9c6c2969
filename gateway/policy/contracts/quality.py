"""Rules of quality as contracts declare them, in one line for people."""

from __future__ import annotations

from gateway.model.contract import DisclosureSpec, QualityRule


def stated(rule: QualityRule) -> str:
    """Say what must be, such as "duplicateValues(bill_id) mustBe 0"; "" where no metric says it.

    The text of a query or of a custom rule is not told: it may name what nobody else should see.
    """
    if not rule.metric:
        return ""
    named = ", ".join(_named(rule))
    operands = " and ".join(map(str, rule.operands))
    parts = (f"{rule.metric}({named})" if named else rule.metric, rule.operator, operands, rule.unit)
    return " ".join(part for part in parts if part)


def rules_for(rules: tuple[QualityRule, ...], spec: DisclosureSpec) -> tuple[QualityRule, ...]:
    """Return the rules that name no field but those that the disclosure names itself."""
    statistics, synthesis = spec.statistics, spec.synthesis
    named = {*spec.fields, *spec.lookup_keys, *spec.filters}
    if statistics is not None:
        named |= {*statistics.group_by, *statistics.values}
    if synthesis is not None:
        named |= {*synthesis.fields}
    return tuple(rule for rule in rules if {*_named(rule), *([rule.field] if rule.field else [])} <= named)


def _named(rule: QualityRule) -> tuple[str, ...]:
    named = rule.arguments.get("properties")
    return tuple(map(str, named)) if isinstance(named, tuple) else ()
