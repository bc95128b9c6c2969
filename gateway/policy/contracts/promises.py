"""What a contract says in the standard's words besides its fields: who answers, where it is, what it promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from gateway.model.contract import Description, FieldSpec, QualityRule
from gateway.model.storage import FILES, SourceKind, SourceSpec, TableSpec
from gateway.policy.contracts.checking import Place, Wrong
from gateway.policy.contracts.odcs_parts import DescriptionShape, MemberShape, QualityShape, ServerShape, SlaShape
from gateway.policy.contracts.shape import ContractShape
from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import is_slug

OWNER, STEWARD = "owner", "steward"
LOCAL, API, LAKE = "local", "api", "custom"
POSTGRES = ("postgres", "postgresql")
_LONGEST_IDENTIFIER = 63
_SERVICE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){1,31}", re.ASCII)
_UNSAFE_IN_PATHS = set('\\:*?[]{}"<>|%$~')
_RETENTION = ("retention", "re")
_LATENCY = ("latency", "ly", "freshness")
_HOURS = {"h": 1, "hour": 1, "hours": 1}
_DAYS = {"d": 1, "day": 1, "days": 1}
_YEARS = {"y": 365, "yr": 365, "year": 365, "years": 365}
_MOST_DAYS = 365_000
"""A thousand years: so far back the calendar can be counted from any day of today."""
_UNITS_OF_DAYS = {**_DAYS, **_YEARS}
_UNITS_OF_HOURS = {**_HOURS, **{unit: 24 * days for unit, days in _DAYS.items()}}


def owner_and_steward(shape: ContractShape, wrong: Wrong) -> tuple[str, str]:
    """Return the institution that decides about the data, and whom to ask: a name and an address."""
    owner = _member(shape, OWNER, "the institution that decides about the data", wrong)
    steward = _member(shape, STEWARD, "whom to ask about the data, with an address", wrong)
    institution = "" if owner is None else owner[1].username
    if owner is not None and not is_slug(institution):
        wrong(
            ("team", "members", owner[0], "username"),
            f"{shown(institution)} is not a well-formed institution",
            "Write its id, such as health-commission; 'name' takes its name.",
        )
    if steward is None:
        return institution, ""
    index, member = steward
    if not member.username.strip():
        wrong(("team", "members", index, "username"), "the steward has no address", "Write one as 'username'.")
    name = (member.name or "").strip()
    return institution, f"{name}, {member.username}" if name else member.username


def _member(shape: ContractShape, role: str, what: str, wrong: Wrong) -> tuple[int, MemberShape] | None:
    members = list(enumerate(shape.team.members or ()))
    found = [(index, member) for index, member in members if member.role == role and member.date_out is None]
    if len(found) > 1:
        wrong(("team", "members", found[1][0]), f"there is more than one {role}", "Give the former one a dateOut.")
        return None
    if found:
        return found[0]
    for index, member in members:
        if member.role is not None and did_you_mean(member.role, [role], "-") != "-":
            wrong(("team", "members", index, "role"), f"there is no {role} in the team", f"Did you mean '{role}'?")
            return None
    wrong(("team",), f"there is no {role} in the team", f"Add a member with 'role: {role}': {what}.")
    return None


def source(shape: ContractShape, wrong: Wrong) -> SourceSpec:
    """Return where the gateway reads the rows: the one server of type local or, if there is none, postgres or api, or
    custom, which is a lake.
    """
    servers = list(enumerate(shape.servers))
    read = [one for one in servers if one[1].type == LOCAL]
    read = read or [one for one in servers if one[1].type in (*POSTGRES, API)]
    read = read or [one for one in servers if one[1].type == LAKE]
    if len(read) != 1:
        place: Place = ("servers", read[1][0]) if read else ("servers",)
        remedy = "Write one; servers of other types may stand by it."
        wrong(place, "the gateway reads one server of type local, postgres, api or custom", remedy)
        return SourceSpec(SourceKind.PARQUET, "")
    index, server = read[0]
    if server.type == API:
        return _service(index, server, wrong)
    if server.type == LAKE:
        return _in_lake(index, server, wrong)
    return _file(index, server, wrong) if server.type == LOCAL else _table(index, server, shape, wrong)


def _table(index: int, server: ServerShape, shape: ContractShape, wrong: Wrong) -> SourceSpec:
    """The table: named as the schema is, or by its physicalName."""
    place: Place = ("servers", index)
    if not is_slug(server.server):
        remedy = "Write the connection's name as in the gateway's settings, such as registers."
        wrong((*place, "server"), f"{shown(server.server)} is not a well-formed name", remedy)
    (described,) = shape.schema_
    names = {"database": server.database or "", "schema": server.schema_ or ""}
    table = described.physical_name or described.name
    said = [((*place, key), name) for key, name in names.items()]
    said.append((("schema", 0, "physicalName" if described.physical_name else "name"), table))
    for where, name in said:
        if not name.isprintable() or not 1 <= len(name.encode()) <= _LONGEST_IDENTIFIER:
            remedy = "Write the plain name, of 63 bytes at most."
            wrong(where, f"{shown(name)} is not the name of anything in a database", remedy)
    spec = TableSpec(server.server, server.host or "", server.port or 0, names["database"], names["schema"], table)
    return SourceSpec(SourceKind.POSTGRES, "", spec)


def _file(index: int, server: ServerShape, wrong: Wrong) -> SourceSpec:
    path, format_ = server.path or "", server.format or ""
    if not is_plain_path(path):
        where = "lake" if server.type == LAKE else "data folder"
        remedy = f"Write it from the {where} on, without '..', '*' and the like."
        wrong(("servers", index, "path"), f"{shown(path)} is not a plain path inside the {where}", remedy)
    elif len(path) > 255:
        wrong(("servers", index, "path"), "the path is longer than 255 characters", "Shorten it.")
    if format_ not in FILES:
        remedy = did_you_mean(format_, list(FILES))
        wrong(("servers", index, "format"), f"{shown(format_)} is not a format that the gateway reads", remedy)
        return SourceSpec(SourceKind.PARQUET, path)
    return SourceSpec(SourceKind(format_), path)


def _in_lake(index: int, server: ServerShape, wrong: Wrong) -> SourceSpec:
    """A path in a lake, which is the deployment's to say, under the server's name."""
    place: Place = ("servers", index)
    if not is_slug(server.server):
        remedy = "Write the lake's name as in the gateway's settings, such as city-lake."
        wrong((*place, "server"), f"{shown(server.server)} is not a well-formed name", remedy)
    found = _file(index, server, wrong)
    if found.kind is not SourceKind.PARQUET:
        wrong((*place, "format"), "a lake is read as Parquet", "Write format: parquet.")
    return SourceSpec(SourceKind.SPARK, found.path, lake=server.server)


def _service(index: int, server: ServerShape, wrong: Wrong) -> SourceSpec:
    """A department's own gRPC service: where it listens is the deployment's to say, under the server's name."""
    place: Place = ("servers", index)
    service = server.location or ""
    if not is_slug(server.server):
        remedy = "Write the connection's name as in the gateway's settings, such as registers."
        wrong((*place, "server"), f"{shown(server.server)} is not a well-formed name", remedy)
    if _SERVICE.fullmatch(service) is None:
        message = f"{shown(service)} is not the full name of a gRPC service"
        wrong((*place, "location"), message, "Write package.v1.Service.")
    return SourceSpec(SourceKind.GRPC, service)


def is_plain_path(path: str) -> bool:
    """Tell whether a path names one place inside the data folder."""
    parts = PurePosixPath(path).parts
    unsafe = path.startswith("/") or ".." in parts or not path.isprintable() or _UNSAFE_IN_PATHS & set(path)
    return bool(parts) and not unsafe


def description(shape: DescriptionShape | None) -> Description:
    """Return what is said in words."""
    if shape is None:
        return Description()
    return Description(shape.purpose or "", shape.usage or "", shape.limitations or "")


def retention_days(shape: ContractShape, wrong: Wrong) -> int | None:
    """Return how long the data may be kept; a year counts as 365 days."""
    return _promised(shape, _RETENTION, _UNITS_OF_DAYS, "days (unit: d) or years (unit: y)", wrong)


def retention_field(shape: ContractShape, fields: Mapping[str, FieldSpec], wrong: Wrong) -> str | None:
    """Return the date or timestamp from which retention counts: the promise's `element`; None where it names none."""
    for index, sla in enumerate(shape.sla_properties or ()):
        if sla.property.casefold() in _RETENTION and sla.element is not None:
            name = sla.element.removeprefix(f"{shape.schema_[0].name}.")
            field = fields.get(name)
            if field is not None and field.type.is_dated:
                return name
            wrong(
                ("slaProperties", index, "element"),
                f"{shown(sla.element)} is no date or timestamp from which retention could count",
                "Name such a field, or leave 'element' out: then old rows are the controller's to delete.",
            )
    return None


def freshness_hours(shape: ContractShape, wrong: Wrong) -> int | None:
    """Return how far the data may lag behind what it describes (latency, which the standard prefers to freshness)."""
    return _promised(shape, _LATENCY, _UNITS_OF_HOURS, "hours (unit: h) or days (unit: d)", wrong)


def is_read(sla: SlaShape) -> str:
    """Tell which promise of the gateway's an entry makes, "" for none, after checking that it is well said.

    Raises:
        ValueError: it is a promise that the gateway reads, in a value or a unit that it does not.
    """
    for name, names, units in (("retention", _RETENTION, _UNITS_OF_DAYS), ("latency", _LATENCY, _UNITS_OF_HOURS)):
        if sla.property.casefold() in names:
            if type(sla.value) is not int or sla.value < 1 or sla.unit not in units:
                raise ValueError(f"'{sla.property}' is not promised in whole numbers of a unit that is known here")
            if sla.value * units[sla.unit] > _MOST_DAYS * units["d"]:
                raise ValueError(f"'{sla.property}' is promised for more than a thousand years")
            return name
    return ""


def _promised(
    shape: ContractShape, names: Iterable[str], units: dict[str, int], words: str, wrong: Wrong
) -> int | None:
    promises = enumerate(shape.sla_properties or ())
    found = [(index, sla) for index, sla in promises if sla.property.casefold() in names]
    if len(found) > 1:
        wrong(("slaProperties", found[1][0]), f"'{found[1][1].property}' is promised twice", "Keep one of them.")
    if not found:
        return None
    index, sla = found[0]
    return _amount(sla, units, words, lambda key, *said: wrong(("slaProperties", index, key), *said))


def _amount(sla: SlaShape, units: dict[str, int], words: str, wrong: Wrong) -> int | None:
    value = sla.value
    if type(value) is not int or value < 1:
        wrong("value", f"'{sla.property}' is promised in whole {words.partition(' ')[0]}", "Write a whole number.")
    elif sla.unit not in units:
        wrong("unit", f"{shown(sla.unit or '')} is not a unit for '{sla.property}'", f"Write {words}.")
    elif value * units[sla.unit] > _MOST_DAYS * units["d"]:
        wrong("value", f"'{sla.property}' is promised for more than a thousand years", "Write less.")
    else:
        return value * units[sla.unit]
    return None


def quality(shape: ContractShape, wrong: Wrong) -> tuple[QualityRule, ...]:
    """Return the rules in the order of the document: those of the table, then those of each field."""
    (table,) = shape.schema_
    known = {field.name for field in table.properties}
    rules = []
    for index, rule in enumerate(table.quality or ()):
        for name in _named(rule):
            if name not in known:
                place = ("schema", 0, "quality", index, "arguments", "properties")
                wrong(place, f"there is no field {shown(name)}", did_you_mean(name, known, "Declare it."))
        rules.append(_rule("", rule))
    for field in table.properties:
        rules += [_rule(field.name, rule) for rule in field.quality or ()]
    return tuple(rules)


def _named(rule: QualityShape) -> list[str]:
    named = (rule.arguments or {}).get("properties")
    return [str(name) for name in named] if isinstance(named, list) else []


def _rule(field: str, shape: QualityShape) -> QualityRule:
    operator, operand = next(iter(shape.operators), ("", ()))
    implementation = shape.implementation
    if isinstance(implementation, dict):
        implementation = json.dumps(implementation, ensure_ascii=False, sort_keys=True, default=str)
    return QualityRule(
        field=field,
        name=shape.name or "",
        type=shape.type or ("library" if shape.metric is not None else "text"),
        dimension=shape.dimension or "",
        description=shape.description or "",
        metric=shape.metric or "",
        arguments=_fixed(shape.arguments or {}),
        operator=operator,
        operands=tuple(operand) if isinstance(operand, list | tuple) else (operand,),
        unit=shape.unit or "",
        severity=shape.severity or "",
        engine=shape.engine or "",
        definition=shape.query or implementation or "",
    )


def _fixed(value: Any) -> Any:
    """The same value, that nobody can change."""
    if isinstance(value, dict):
        return MappingProxyType({key: _fixed(inner) for key, inner in value.items()})
    return tuple(map(_fixed, value)) if isinstance(value, list) else value
