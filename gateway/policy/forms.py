"""Forms: what a desk asks of several departments at once, and not one field more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from gateway.model.contract import DataContract, DisclosureKind, DisclosureSpec
from gateway.policy.documents import Document
from gateway.policy.folder import PURPOSES
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.purposes import PurposeTree
from gateway.policy.validation import FieldName, Names, Shape, Slug, formed, shaped

MAX_PARTS = 16
"""Parts of one form, and of one call."""

_KINDS = (DisclosureKind.LOOKUP, DisclosureKind.CHECK)


class PartShape(Shape):
    """One part of a form: what it asks of one department."""

    part: Annotated[Slug, Field(description="what the part is called in calls and answers")]
    disclosure: Annotated[
        str,
        formed(r"^[a-z][a-z0-9_]*/[a-z0-9]+(-[a-z0-9]+)*$", "Write dataset/disclosure, such as residents/entry.", 130),
        Field(description="dataset/disclosure, of kind lookup or check"),
    ]
    key: Annotated[FieldName, Field(description="the lookup key that names the subject")]
    fields: Annotated[list[FieldName], Field(description="the fields that the form needs, and no others leave")]


class FormShape(Shape):
    """A form: for which purpose, and of which parts."""

    title: Names
    purpose: Annotated[Slug, Field(description="the purpose of the whole form; a call under another gets nothing")]
    parts: Annotated[list[PartShape], Field(min_length=1, max_length=MAX_PARTS)]


class FormsShape(Shape):
    """forms.yaml."""

    forms: Annotated[dict[Slug, FormShape], Field(description="forms by their ids")]


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a form. `fields` are all that leaves for it; `key` is the only field that names its subject."""

    name: str
    dataset: str
    disclosure: str
    kind: DisclosureKind
    key: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A form with its parts by name, in the order of the document."""

    id: str
    title_en: str
    title_zh: str
    purpose: str
    parts: Mapping[str, FormPart]


def read_forms(document: Document, problems: Problems) -> FormsShape | None:
    """Return the forms as they are written, or None after noting what is wrong with their shape."""
    return shaped(FormsShape, document, problems)


def resolve_forms(
    shape: FormsShape,
    document: Document,
    contracts: Mapping[str, DataContract],
    purposes: PurposeTree,
    problems: Problems,
) -> dict[str, Form]:
    """Return the sound forms by id, after noting every name in them that stands for nothing."""
    forms: dict[str, Form] = {}
    for name, form in shape.forms.items():
        place = ("forms", name)
        if purposes.get(form.purpose) is None:
            remedy = did_you_mean(form.purpose, purposes.ids(), f"Declare it in {PURPOSES}.")
            line = document.line(*place, "purpose")
            problems.add(document.file, line, f"{shown(form.purpose)} is not a known purpose", remedy)
        parts: dict[str, FormPart] = {}
        for index, written in enumerate(form.parts):
            part = _part(written, (*place, "parts", index), document, contracts, problems)
            if written.part in parts:
                line = document.line(*place, "parts", index, "part")
                problems.add(document.file, line, f"the part '{written.part}' is there twice", "Name one otherwise.")
            elif part is not None:
                parts[written.part] = part
        forms[name] = Form(name, form.title.en, form.title.zh, form.purpose, parts)
    return forms


def _part(
    written: PartShape,
    place: tuple[str | int, ...],
    document: Document,
    contracts: Mapping[str, DataContract],
    problems: Problems,
) -> FormPart | None:
    def wrong(key: str, message: str, remedy: str, *at: int) -> None:
        problems.add(document.file, document.line(*place, key, *at), message, remedy)

    dataset, _, name = written.disclosure.partition("/")
    contract = contracts.get(dataset)
    if contract is None:
        near = did_you_mean(dataset, contracts, "Name one that has a contract.")
        wrong("disclosure", f"there is no dataset {shown(dataset)}", near)
        return None
    spec = contract.disclosures.get(name)
    if spec is None:
        near = did_you_mean(name, contract.disclosures, f"Declare it in the contract of '{dataset}'.")
        wrong("disclosure", f"'{dataset}' has no disclosure {shown(name)}", near)
        return None
    if spec.kind not in _KINDS:
        wrong("disclosure", f"a form asks for a lookup or a check, and this is of kind '{spec.kind}'", "Name another.")
        return None
    if written.key not in spec.lookup_keys:
        near = did_you_mean(written.key, spec.lookup_keys, "Name a lookup key of the contract.")
        wrong("key", f"{shown(written.key)} is no lookup key of '{written.disclosure}'", near)
    _check_fields(written, spec, wrong)
    return FormPart(written.part, dataset, name, spec.kind, written.key, tuple(written.fields))


def _check_fields(written: PartShape, spec: DisclosureSpec, wrong: Callable[..., None]) -> None:
    if not written.fields and spec.fields:
        # a request that names no field asks for all
        wrong("fields", "a part names the fields that it needs", "Write at least one.")
    for index, field in enumerate(written.fields):
        if field not in spec.fields:
            near = did_you_mean(field, spec.fields, "A form takes no more than the disclosure gives.")
            wrong("fields", f"'{written.disclosure}' does not give {shown(field)}", near, index)
        elif field in written.fields[:index]:
            wrong("fields", f"'{field}' is given twice", "Keep one of them.", index)
