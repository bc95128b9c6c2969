"""Shapes of documents: strict pydantic models, whose complaints become problems with a line and a remedy."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from gateway.policy.documents import Document
from gateway.policy.problems import Problems, did_you_mean, shown

_LONG_NUMBER = re.compile(r"[0-9]{6}")

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
"""An id: of a purpose, a region among its siblings, an institution, a role, a grant, a disclosure."""


def _no_number(name: str) -> str:
    # names that callers write are recorded as they are, if fields can be called so
    if _LONG_NUMBER.search(name):
        raise ValueError(
            f"{shown(name)} holds six digits in a row, as the numbers of people do. Write fewer, or divide them with _."
        )
    return name


FieldName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64), AfterValidator(_no_number)
]
"""A field's name: so short of digits that nobody's number is one."""

DatasetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Text = Annotated[str, StringConstraints(pattern=r"\S", max_length=2000)]


class Shape(BaseModel):
    """The base of every document's shape: nothing unknown, nothing converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Names(Shape):
    """What people read, in both languages."""

    en: Text
    zh: Text


S = TypeVar("S", bound=Shape)


def shaped(shape: type[S], document: Document, problems: Problems) -> S | None:
    """Return the document in its shape, or None after noting everything that does not fit."""
    try:
        return shape.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            message, remedy = _told(shape, detail)
            problems.add(document.file, document.line(*detail["loc"]), message, remedy)
        return None


def _told(shape: type[Shape], detail: ErrorDetails) -> tuple[str, str]:
    loc = detail["loc"]
    name = shown(loc[-1]) if loc else "the file"
    if loc and isinstance(loc[-1], int):
        name = f"item {loc[-1] + 1} of {shown(loc[-2])}"
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown key {name}", did_you_mean(str(loc[-1]), _keys(shape, loc[:-1]))
        case "missing":
            return f"{name} is missing", f"Add '{loc[-1]}: …'."
        case "enum" | "literal_error":
            known = _quoted(str(context.get("expected", "")))
            return f"{shown(detail['input'])} is not a value of {name}", did_you_mean(str(detail["input"]), known)
        case "string_pattern_mismatch" if context.get("pattern") == r"\S":
            return f"{name} is empty", "Say something."
        case "string_pattern_mismatch":
            written = name if loc and loc[-1] == "[key]" else f"{shown(detail['input'])}"
            if loc and loc[-1] == "[key]":
                written = shown(loc[-2])
            return f"{written} is not well-formed", f"It must match {context.get('pattern')}."
        case "value_error":
            return split_remedy(str(context.get("error", detail["msg"])))
        case "string_type":
            return f"{name} must be text", "Put it in quotes."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{name} must be a mapping (key: value)", ""
        case _:
            said = detail["msg"]
            return f"{name}: {said[:1].lower()}{said[1:]}", ""


def split_remedy(text: str) -> tuple[str, str]:
    """Split a complaint into what is wrong (its first sentence, without the full stop) and what to do."""
    message, _, remedy = text.partition(". ")
    return message.removesuffix("."), remedy


def _quoted(expected: str) -> list[str]:
    return expected.split("'")[1::2]


def _keys(shape: Any, path: Iterable[str | int]) -> list[str]:
    """The keys that the part of a shape at `path` knows."""
    for step in path:
        shape = _inner(shape, step)
    shape = _model(shape)
    return [] if shape is None else [field.alias or name for name, field in shape.model_fields.items()]


def _inner(annotation: Any, step: str | int) -> Any:
    model = _model(annotation)
    if model is not None:
        for name, field in model.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
        return None
    for option in _options(annotation):
        arguments = get_args(option)
        if arguments:
            return arguments[-1]  # the items of a list, the values of a dict
    return None


def _model(annotation: Any) -> type[BaseModel] | None:
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _options(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _options(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [inner for option in get_args(annotation) for inner in _options(option)]
    return [annotation]
