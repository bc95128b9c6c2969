"""What a draft declares: which columns become fields, under which names and types, and what is left out and why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gateway.cli.contract.clues import Clue, english_name
from gateway.cli.contract.survey import Column, Survey
from gateway.cli.mistake import Mistake
from gateway.model.contract import CanonicalForm, Classification
from gateway.model.storage import SourceKind
from gateway.model.values import FieldType
from gateway.policy.validation import FieldName

_FIELD_NAME: TypeAdapter[str] = TypeAdapter(FieldName)
_CONVERT = "--convert serves it from a copy"
_MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field of the draft and the column that it comes from. `note` is for the officer, "" for none.

    `path` is where in a record of a service the field is; "" of a file.
    """

    name: str
    column: Column
    type: FieldType
    clue: Clue
    nullable: bool
    note: str
    path: str = ""

    @property
    def canonical(self) -> CanonicalForm:
        """The canonical form; only strings have another than text."""
        return self.clue.canonical if self.type is FieldType.STRING else CanonicalForm.TEXT


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that the draft does not declare."""

    label: str
    why: str


@dataclass(frozen=True, slots=True)
class DraftPlan:
    """The fields in the order of the file. `unit` is the field to protect; `sure` says that something spoke for it."""

    fields: tuple[PlannedField, ...]
    left_out: tuple[LeftOut, ...]
    unit: PlannedField
    sure: bool


def plan_draft(survey: Survey, convert: bool) -> DraftPlan:
    """Choose the fields; with `convert` those of a copy, else those that the source can read as they are.

    Raises:
        Mistake: the file cannot be served as it is, or nothing in it can.
    """
    if not convert:
        _check_as_is(survey)
    fields: list[PlannedField] = []
    left_out: list[LeftOut] = []
    folded = [name.casefold() for name in survey.file.columns]
    taken: set[str] = set()
    for column in survey.columns:
        if convert:
            outcome = _converted(column, taken)
        elif folded.count(column.name.casefold()) > 1:
            outcome = LeftOut(label(column.name), f"another name differs from it by capitals alone; {_CONVERT}")
        else:
            outcome = _as_is(column, survey.file.kind)
        if isinstance(outcome, LeftOut):
            left_out.append(outcome)
        else:
            taken.add(outcome.name.casefold())
            fields.append(outcome)
    return draft_plan(fields, left_out, survey.file.path)


def draft_plan(fields: Sequence[PlannedField], left_out: Sequence[LeftOut], path: Path) -> DraftPlan:
    """Return the plan with the field that most likely names whom the rows are about.

    Raises:
        Mistake: no field can name anybody.
    """
    units = [field for field in fields if field.type in (FieldType.STRING, FieldType.INT64)]
    if not units:
        raise Mistake(
            f"{path}: no column that can be served names whom its rows are about",
            "Give it a column of text or whole numbers that says which rows are about the same person or thing.",
        )
    unit = next((field for field in units if field.clue.unit), None)
    return DraftPlan(tuple(fields), tuple(left_out), unit or units[0], unit is not None)


def label(name: str) -> str:
    """Return a column's name for people: on one line, printable, short."""
    text = " ".join(unicodedata.normalize("NFKC", name).split())
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= _MAX_NAME else shown[: _MAX_NAME - 1] + "…"


def _check_as_is(survey: Survey) -> None:
    file = survey.file
    if file.kind is not SourceKind.CSV:
        return
    folded = [name.casefold() for name in file.columns]
    reasons = {
        f"it is text in {file.encoding}, not UTF-8": file.encoding != "utf-8",
        "its cells are not divided by commas": file.delimiter != "," and len(file.columns) > 1,
        "two of its columns have the same name": len(set(folded)) != len(folded),
        "a column's name has more than one line": any("\n" in name or "\r" in name for name in file.columns),
    }
    for reason, holds in reasons.items():
        if holds:
            raise Mistake(f"{file.path} cannot be served as it is: {reason}", "Add --convert to serve it from a copy.")


def _as_is(column: Column, kind: SourceKind) -> PlannedField | LeftOut:
    shown = label(column.name)
    typing = column.typing
    if typing.type is None:
        return LeftOut(shown, typing.why)
    if not is_field_name(column.name):
        return LeftOut(shown, f"a field's name has a-z, A-Z, 0-9 and _, no digit first and no six in a row; {_CONVERT}")
    type_, note = typing.type, ""
    if typing.obstacle is not None and kind is SourceKind.PARQUET:
        return LeftOut(shown, f"{typing.obstacle}; {_CONVERT}")
    if typing.obstacle is not None:
        type_, note = FieldType.STRING, f"a string because {typing.obstacle}; with --convert it is {typing.type}"
    elif _is_identifier(column) and type_ is not FieldType.STRING:
        if kind is SourceKind.CSV:
            type_ = FieldType.STRING
        else:
            note = "only a string can be pseudonymised; --convert makes it one"
    return PlannedField(column.name, column, type_, column.clue, column.nulls, _noted(column, type_, note))


def _converted(column: Column, taken: set[str]) -> PlannedField | LeftOut:
    typing = column.typing
    if typing.type is None:
        return LeftOut(label(column.name), typing.why)
    identifier = _is_identifier(column) and typing.type is FieldType.INT64
    type_ = FieldType.STRING if identifier else typing.type
    nullable = column.nulls or (typing.words and typing.type is not FieldType.STRING)
    return PlannedField(
        field_name(column.name, column.index, taken), column, type_, column.clue, nullable, _noted(column, type_)
    )


def _noted(column: Column, type_: FieldType, note: str = "") -> str:
    words = column.typing.words and column.typing.type is type_ is FieldType.STRING
    notes = (
        note,
        "it is empty in every row" if column.empty else "",
        "it holds words that may stand for a missing value, such as NA; they are kept as text" if words else "",
    )
    return "; ".join(filter(None, notes))


def _is_identifier(column: Column) -> bool:
    return column.clue.classification is Classification.DIRECT_IDENTIFIER or column.clue.unit


def is_field_name(name: str) -> bool:
    """Tell whether a field can be called so."""
    try:
        _FIELD_NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def field_name(written: str, index: int, taken: set[str]) -> str:
    """Return a well-formed name near to the one that a column has, and other than those taken (case folded)."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", unicodedata.normalize("NFKC", written)).strip("_")
    stem = written if is_field_name(written) else plain or english_name(written)
    if not stem:
        stem = f"column_{index + 1}"
    elif stem[0].isdigit():
        stem = f"c_{stem}"
    stem = re.sub(r"([0-9]{5})(?=[0-9])", r"\1_", stem)[:50]
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}_{number}"
    return name
