"""Shapes of documents: strict pydantic models, whose complaints become problems with a line and a remedy."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails
from pydantic_core.core_schema import no_info_after_validator_function

from gateway.policy.documents import Document
from gateway.policy.problems import Problems, did_you_mean, shown

_LONG_NUMBER = re.compile(r"[0-9]{6}")

_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_MAX_SLUG = 64
Slug = Annotated[str, StringConstraints(pattern=_SLUG, max_length=_MAX_SLUG)]
"""An id: of a purpose, a region among its siblings, an institution, a role, a grant, a disclosure."""


def is_slug(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return len(text) <= _MAX_SLUG and re.fullmatch(_SLUG[1:-1], text) is not None


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


class Misplaced(ValueError):
    """A complaint of a model about the part of it at `place`. Its text is like those that split_remedy takes."""

    def __init__(self, text: str, *place: str | int) -> None:
        super().__init__(text)
        self.place = place


class OneOf:
    """A mark on a text that must be one of some. `what` says in words what it must be; editors are told the list."""

    def __init__(self, known: Iterable[str], what: str) -> None:
        self._known, self._what = tuple(known), what

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check what is a text already."""
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """List what is known."""
        return {**handler(schema), "enum": list(self._known)}

    def _check(self, text: str) -> str:
        if text not in self._known:
            raise ValueError(f"{shown(text)} is not {self._what}. {did_you_mean(text, self._known)}".strip())
        return text


S = TypeVar("S", bound=Shape)


def shaped(shape: type[S], document: Document, problems: Problems, at: tuple[str | int, ...] = ()) -> S | None:
    """Return the part of the document at `at` in its shape, or None after noting everything that does not fit."""
    data: Any = document.data
    for step in at:
        data = data[step]
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            loc = _place(data, detail)
            message, remedy = _told(shape, detail, loc)
            problems.add(document.file, document.line(*at, *loc), message, remedy)
        return None


def _place(data: Any, detail: ErrorDetails) -> tuple[str | int, ...]:
    """Where in the document the complaint is about: without the branches of a union, which no document names."""
    place: list[str | int] = []
    for number, step in enumerate(detail["loc"], start=1):
        missing = number == len(detail["loc"]) and (detail["type"] == "missing" or step == "[key]")
        if _has(data, step):
            data = data[step]
        elif not missing:
            continue
        place.append(step)
    return (*place, *getattr(detail.get("ctx", {}).get("error"), "place", ()))


def _has(data: Any, step: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def _told(shape: type[Shape], detail: ErrorDetails, loc: tuple[str | int, ...]) -> tuple[str, str]:
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
    model = None if isinstance(step, int) else _model(annotation)
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
