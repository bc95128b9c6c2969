"""Shapes of documents: strict pydantic models, whose complaints become problems with a line and a remedy."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Sequence
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

from gateway.model.pseudonym import AUDIT_DOMAIN
from gateway.policy.documents import Document
from gateway.policy.problems import Problems, did_you_mean, shown

_LONG_NUMBER = re.compile(r"[0-9]{6}")

_FORMS: dict[str, str] = {}
"""What is told to those who miss a pattern, in words."""


def formed(pattern: str, remedy: str, max_length: int | None = None) -> StringConstraints:
    """Return what a text must be like. `remedy` is told, in place of the pattern, to whoever wrote another."""
    _FORMS[pattern] = remedy
    return StringConstraints(pattern=pattern, max_length=max_length)


_SLUG = r"^[a-z0-9]+(-[a-z0-9]+)*$"
MAX_SLUG = 64
"""Characters of an id."""

_SLUG_FORM = re.compile(_SLUG[1:-1])
Slug = Annotated[str, formed(_SLUG, "Use a-z, 0-9 and single '-' between them.", MAX_SLUG)]
"""An id: of a purpose, a region among its siblings, an institution, a role, a grant, a disclosure."""


def is_slug(text: str) -> bool:
    """Tell whether a text has the form of an id."""
    return len(text) <= MAX_SLUG and _SLUG_FORM.fullmatch(text) is not None


GATEWAY_ITSELF = (
    f"'{AUDIT_DOMAIN.recipient}' is the gateway itself, and no institution or role",
    "Choose another name.",
)
"""What is wrong with an institution or a role of the gateway's own name, and the remedy."""


def is_gateway(institution: str) -> bool:
    """Tell whether an institution has the name under which the gateway keeps its own keys."""
    return institution == AUDIT_DOMAIN.recipient


def _no_gateway(institution: str) -> str:
    if is_gateway(institution):
        raise ValueError(". ".join(GATEWAY_ITSELF))
    return institution


Institution = Annotated[Slug, AfterValidator(_no_gateway)]
"""The id of an institution."""


def _no_number(name: str) -> str:
    # names that callers write are recorded as they are, if fields can be called so
    if _LONG_NUMBER.search(name):
        raise ValueError(
            f"{shown(name)} holds six digits in a row, as the numbers of people do. Write fewer, or divide them with _."
        )
    return name


FieldName = Annotated[
    str,
    formed(r"^[A-Za-z_][A-Za-z0-9_]*$", "Use letters, digits and _, and begin with no digit.", 64),
    AfterValidator(_no_number),
]
"""A field's name: so short of digits that nobody's number is one."""

DatasetName = Annotated[str, formed(r"^[a-z][a-z0-9_]*$", "Use a-z, 0-9 and _, and begin with a letter.", 64)]
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
        complaints: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
        for detail in error.errors(include_url=False):
            complaints.setdefault(_place(data, detail), []).append(detail)
        for loc, details in complaints.items():
            for message, remedy in _told(shape, details, loc):
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


_TYPES = {
    "string_type": ("text", "Put it in quotes."),
    "int_type": ("a whole number", "Write digits alone, without quotes."),
    "float_type": ("a number", "Write digits, with or without a point, and no quotes."),
    "bool_type": ("true or false", "Write true or false."),
    "date_type": ("a date", "Write YYYY-MM-DD."),
    "list_type": ("a list", "Write [one, another], or begin each item with '- '."),
}
"""What a part must be, by what pydantic calls that it is not, and how to write it."""

_TYPES |= {"int_from_float": _TYPES["int_type"], "finite_number": _TYPES["float_type"]}
_MANY = 24
_HINTS = "See the editor's hints for this place."
_MAPPINGS = ("model_type", "model_attributes_type", "dict_type")


def _told(shape: type[Shape], details: Iterable[ErrorDetails], loc: tuple[str | int, ...]) -> Iterator[tuple[str, str]]:
    """Say what is wrong at one place, and what to do. What may be of several types complains once for each of them."""
    name = shown(loc[-1]) if loc else "the file"
    if loc and isinstance(loc[-1], int):
        name = f"item {loc[-1] + 1} of {shown(loc[-2])}"
    mistyped = [detail for detail in details if detail["type"] in _TYPES]
    if len(mistyped) > 1:
        words = dict.fromkeys(_TYPES[detail["type"]][0] for detail in mistyped)
        yield f"{name} must be {', or '.join(words)}", "Write it out."
    elif mistyped:
        what, remedy = _TYPES[mistyped[0]["type"]]
        yield f"{name} must be {what}", "Write it out." if mistyped[0]["input"] is None else remedy
    for detail in details:
        if detail["type"] not in _TYPES:
            yield _one(shape, detail, loc, name)


def _one(shape: type[Shape], detail: ErrorDetails, loc: tuple[str | int, ...], name: str) -> tuple[str, str]:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            known = _keys(shape, loc[:-1])
            return f"unknown key {name}", did_you_mean(str(loc[-1]), known, _known(known, "Remove it."))
        case "missing":
            return f"{name} is missing", f"Add '{loc[-1]}: …'."
        case "enum" | "literal_error":
            known = _quoted(str(context.get("expected", "")))
            hint = did_you_mean(str(detail["input"]), known, _known(known, "Remove it."))
            return f"{shown(detail['input'])} is not a value of {name}", hint
        case "string_pattern_mismatch" if context.get("pattern") == r"\S":
            return f"{name} is empty", "Say something."
        case "string_pattern_mismatch":
            pattern = str(context.get("pattern"))
            written = shown(loc[-2] if loc and loc[-1] == "[key]" else detail["input"])
            return f"{written} is not well-formed", _FORMS.get(pattern, f"It must match {pattern}.")
        case "value_error":
            return split_remedy(str(context.get("error", detail["msg"])))
        case "greater_than":
            return f"{name} must be above {context['gt']:g}", "Write a greater number."
        case "greater_than_equal":
            return f"{name} must be at least {_plain(context['ge'])}", "Write a greater number."
        case "less_than":
            return f"{name} must be below {context['lt']:g}", "Write a smaller number."
        case "less_than_equal":
            return f"{name} must be at most {_plain(context['le'])}", "Write a smaller number."
        case "too_short" if not context["actual_length"]:
            return f"{name} is empty", "Write at least one item."
        case "too_short":
            return f"{name} is too short", f"Write at least {context['min_length']} items."
        case "too_long":
            return f"{name} is too long", f"Write at most {_items(context['max_length'])}."
        case "string_too_short":
            return f"{name} is empty", "Say something."
        case "string_too_long":
            return f"{name} is longer than {context['max_length']} characters", "Shorten it."
        case kind if kind in _MAPPINGS:
            keys = ", ".join(f"{key}: …" for key in _keys(shape, loc)) or "name: …"
            return f"{name} must be a mapping (key: value)", f"Write {{{keys}}}, or one key a line."
        case _:
            said = detail["msg"]
            return f"{name}: {said[:1].lower()}{said[1:]}", _HINTS


def _known(words: Sequence[str], otherwise: str) -> str:
    if len(words) > _MANY:
        return _HINTS
    return f"Known: {', '.join(sorted(words))}." if words else otherwise


def _plain(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _items(number: int) -> str:
    return "one item" if number == 1 else f"{number} items"


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
