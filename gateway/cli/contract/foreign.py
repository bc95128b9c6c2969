"""A document of the standard that was written elsewhere, made into a draft: its words kept, the gateway's proposed.

What a contract of the gateway cannot say in the standard's own place is kept beside it, in custom properties whose
names begin with `imported`. Every such move is told. Examples of values are left out: they may be somebody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.contract.clues import Clue, Detective
from gateway.cli.contract.column_types import Typing
from gateway.cli.contract.draft import CONFIRM, LOGICAL, PLACE_HOLDER, write_block
from gateway.cli.contract.plan import DraftPlan, LeftOut, PlannedField, draft_plan, field_name, label
from gateway.cli.contract.survey import Column
from gateway.cli.contract.yaml_text import Noted, undated, written
from gateway.model.contract import Classification
from gateway.model.storage import FILES, SourceKind
from gateway.model.values import FieldType
from gateway.policy.contracts.odcs import VERSION
from gateway.policy.contracts.odcs_parts import SlaShape
from gateway.policy.contracts.promises import LOCAL, OWNER, STEWARD, is_plain_path, is_read
from gateway.policy.contracts.shape import BLOCK, TYPES
from gateway.policy.validation import is_slug

_HEAD = (
    "# A draft, made from a contract that was written elsewhere. Nothing of it is disclosed until an officer has",
    f"# settled every line marked '{CONFIRM}', removed the mark, and set the status to active.",
)
_PHYSICAL = (
    ("bool", FieldType.BOOL),
    ("timestamp|datetime", FieldType.TIMESTAMP),
    ("date", FieldType.DATE),
    ("(big|small|tiny|medium)?int|integer|long", FieldType.INT64),
    ("double|float|real", FieldType.DOUBLE),
)
_IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Foreign:
    """The text of the draft, the fields it declares, and what the officer is told besides."""

    text: str
    plan: DraftPlan
    notes: tuple[str, ...]


def adopt(data: dict[str, Any], table: dict[str, Any], dataset: str, path: Path) -> Foreign:
    """Return the draft of one table of a document that has the standard's form.

    Raises:
        Mistake: nothing in the table can name whom its rows are about.
    """
    return _Adoption(data, table, dataset, path).draft()


class _Adoption:
    def __init__(self, data: dict[str, Any], table: dict[str, Any], dataset: str, path: Path) -> None:
        self._custom = data.get("customProperties") or []
        self._data, self._table, self._dataset, self._path = undated(data), undated(table), dataset, path
        self._notes: list[str] = []
        self._kept: dict[str, Any] = {}

    def draft(self) -> Foreign:
        data = self._data
        schema, plan = self._schema()
        if data["status"] != "draft":
            self._notes.append(f"its status was {label(data['status'])}, and is draft until you settle it")
        said = {
            "apiVersion": VERSION,
            "kind": "DataContract",
            "id": data["id"],
            "name": Noted(data.get("name") or self._dataset, f"{CONFIRM} what these data are, in words"),
            "version": data["version"],
            "status": "draft",
            **{key: value for key, value in data.items() if key not in _REWRITTEN},
            "team": self._team(),
            "servers": self._servers(),
            "schema": [schema],
            "slaProperties": self._promises(),
        }
        custom = self._custom
        own = [one for one in custom if one["property"] == BLOCK]
        if own:
            self._notes.append("it has a block of the gateway's already, which is kept: read it as if it were new")
        names = {one["property"] for one in custom}
        kept = [{"property": name, "value": value} for name, value in self._kept.items() if name not in names]
        others = undated([one for one in custom if one["property"] != BLOCK] + kept)
        lines = [*_HEAD, *written({key: value for key, value in said.items() if value is not None}), ""]
        lines += written({"customProperties": others + own}) if others + own else ["customProperties:"]
        lines += [] if own else write_block(plan)
        return Foreign("\n".join([*lines, ""]), plan, tuple(self._notes))

    def _schema(self) -> tuple[dict[str, Any], DraftPlan]:
        properties: list[Any] = []
        fields: list[PlannedField] = []
        left_out: list[LeftOut] = []
        unserved: list[Any] = []
        taken: set[str] = set()
        for index, one in enumerate(self._table.get("properties") or ()):
            adopted = self._property(index, one, taken)
            if isinstance(adopted, LeftOut):
                left_out.append(adopted)
                unserved.append(one)
            else:
                field, said = adopted
                fields.append(field)
                taken.add(field.name.casefold())
                properties.append(Noted(said, f"{CONFIRM} {field.clue.why}"))
        if unserved:
            self._kept[f"{_IMPORTED}Properties"] = unserved
        tables = [one["name"] for one in self._data["schema"] if one != self._table]
        if tables:
            self._notes.append(f"a contract has one table; left out: {', '.join(map(label, tables))} (see --table)")
        said = {key: value for key, value in self._table.items() if key != "properties"} | {"name": self._dataset}
        if self._table["name"] != self._dataset:
            said.setdefault("physicalName", self._table["name"])
        renamed = {field.column.name: field.name for field in fields}
        if said.get("quality"):
            said["quality"] = [_with_names(rule, renamed) for rule in said["quality"]]
        return said | {"properties": properties}, draft_plan(fields, left_out, self._path)

    def _property(
        self, index: int, one: dict[str, Any], taken: set[str]
    ) -> LeftOut | tuple[PlannedField, dict[str, Any]]:
        original = one["name"]
        type_ = _type(one)
        if type_ is None:
            return LeftOut(label(original), f"the gateway has no type for {one.get('logicalType')}")
        name = field_name(original, index, taken)
        clue = Detective(original).found(type_)
        said: dict[str, Any] = {"name": name, "logicalType": LOGICAL[type_], "classification": str(clue.classification)}
        own = [{"property": f"{_IMPORTED}Name", "value": original}] if name != original else []
        if (given := one.get("classification")) is not None:
            if given in list(Classification) and (given != Classification.FREE_TEXT or type_ is FieldType.STRING):
                said["classification"] = given
                clue = Clue(Classification(given), "as the document says", clue.canonical, clue.unit)
            else:
                own.append({"property": f"{_IMPORTED}Classification", "value": given})
        if (physical := one.get("physicalName")) not in (None, name):
            own.append({"property": f"{_IMPORTED}PhysicalName", "value": physical})
        required = bool(one.get("required") or one.get("primaryKey"))
        notes = []
        if own and own[-1]["property"].endswith("Name"):
            notes.append(f"the gateway reads the column under the name {name}")
        if one.get("examples"):
            notes.append("its examples were left out: they may be somebody's")
        said |= {key: value for key, value in one.items() if key not in {*said, "physicalName", "examples"}}
        if required:
            said["required"] = True
        if own:
            said["customProperties"] = [*(said.get("customProperties") or []), *own]
        column = Column(index, original, Typing(type_), clue, not required, False)
        return PlannedField(name, column, type_, clue, not required, "; ".join(notes)), said

    def _team(self) -> dict[str, Any]:
        team = self._data.get("team") or {}
        team = {"members": team} if isinstance(team, list) else dict(team)
        members = [dict(one) for one in team.get("members") or ()]
        place_holders = []
        for role, why in (
            (OWNER, "the institution that decides about these data"),
            (STEWARD, "who answers questions, with an address; refusals name them"),
        ):
            found = [one for one in members if one.get("role") == role and one.get("dateOut") is None]
            if len(found) == 1 and (role != OWNER or is_slug(found[0]["username"])) and found[0]["username"].strip():
                continue
            for one in found:
                one["role"] = f"{role} ({_IMPORTED})"
            place_holders.append(Noted({"role": role, "username": PLACE_HOLDER}, f"{CONFIRM} {why}"))
        return {**team, "members": place_holders + members}

    def _servers(self) -> list[Any]:
        servers = [dict(one) for one in self._data.get("servers") or ()]
        local = [one for one in servers if one["type"] == LOCAL]
        if len(local) == 1 and local[0]["format"] in FILES and is_plain_path(local[0]["path"]):
            note = f"{CONFIRM} that the file is there, in the data folder"
            return [Noted(one, note) if one is local[0] else one for one in servers]
        for one in local:
            one["type"] = "custom"
        path = {"server": "hub", "type": LOCAL, "path": f"{self._dataset}.parquet", "format": str(SourceKind.PARQUET)}
        return [Noted(path, f"{CONFIRM} which file of the data folder has the rows"), *servers]

    def _promises(self) -> list[Any] | None:
        kept, unread, seen = [], [], set()
        for one in self._data.get("slaProperties") or ():
            try:
                name = is_read(SlaShape.model_validate(one))
            except ValueError:
                name = None
            if name is None or name in seen:
                unread.append(one)
                self._notes.append(
                    f"the promise '{label(one['property'])}' is kept aside: say it in days or hours, once"
                )
            else:
                kept.append(one)
                seen |= {name} - {""}
        if unread:
            self._kept[f"{_IMPORTED}SlaProperties"] = unread
        return kept or None


_REWRITTEN = frozenset((
    "apiVersion", "kind", "id", "name", "version", "status", "team", "servers", "schema", "slaProperties",
    "customProperties",
))  # fmt: skip


def _type(one: dict[str, Any]) -> FieldType | None:
    logical = one.get("logicalType")
    if logical is not None:
        return TYPES.get(logical)
    physical = str(one.get("physicalType") or "").casefold()
    for pattern, type_ in _PHYSICAL:
        if re.match(pattern, physical):
            return type_
    return FieldType.STRING


def _with_names(rule: dict[str, Any], renamed: dict[str, str]) -> dict[str, Any]:
    arguments = rule.get("arguments")
    names = arguments.get("properties") if isinstance(arguments, dict) else None
    if not isinstance(arguments, dict) or not isinstance(names, list):
        return rule
    return {**rule, "arguments": {**arguments, "properties": [renamed.get(str(name), name) for name in names]}}
