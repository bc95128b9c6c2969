"""YAML and CSV text as plain values that remember their lines. The only reader of either.

YAML is read by the core schema of YAML 1.2 (§10.3.2), plus ISO dates: `no` and `on` are words, `010` is ten, and
`1e-6` a number. Anchors, aliases, tags, merge keys and keys given twice are refused: a policy means what it says.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import yaml

from gateway.model.values import is_unicode
from gateway.policy.problems import Problems, shown
from gateway.policy.turns import in_turns

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    # libyaml's where PyYAML was built with it
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MAX_DEPTH = 24
_MAX_NODES = 200_000
_MAX_LINE = 100_000

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file as plain values (dict, list, str, int, float, bool, date, None), with the line of each part."""

    file: str
    data: object
    lines: Mapping[Path, int]

    def line(self, *path: str | int) -> int:
        """Return the line of the part at `path`, or of the nearest part around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a CSV file, its cells stripped."""

    line: int
    cells: tuple[str, ...]


class _Loader(_Base):
    """Composes nodes; resolves plain scalars by the core schema."""


# its own, and none of those that it would inherit
_Loader.yaml_implicit_resolvers = {}


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(tag, re.compile(pattern), list(first))


_NULL, _BOOL, _INT, _FLOAT, _DATE, _STR = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "timestamp", "str")
)
_resolve(_DATE, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789")
_resolve(_INT, r"^[-+]?[0-9]+$", "-+0123456789")
_resolve(_FLOAT, r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789")
_resolve(_BOOL, r"^(true|false)$", "tf")
_resolve(_NULL, r"^(~|null|)$", "~n\0")
_Loader.yaml_implicit_resolvers.setdefault("", []).append((_NULL, re.compile(r"^$")))


class _Refused(Exception):
    def __init__(self, line: int, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.line, self.message, self.remedy = line, message, remedy


def read_yaml(file: str, content: bytes, problems: Problems) -> Document | None:
    """Parse one YAML document; note what is wrong and return None where it cannot be read."""
    try:
        text = content.decode("utf-8")
        _check_events(text)
        node = yaml.compose(text, Loader=_Loader)
        lines: dict[Path, int] = {}
        return Document(file, None if node is None else _value(node, (), lines), lines)
    except _Refused as refused:
        problems.add(file, refused.line, refused.message, refused.remedy)
    except yaml.MarkedYAMLError as error:
        said = error.problem or error.context or ""
        remedy, where_it_began = next((told for part, told in _REMEDIES.items() if part in said), _LOOK_AROUND)
        mark = error.context_mark if where_it_began else error.problem_mark
        line = _line(mark or error.problem_mark or error.context_mark)
        problems.add(file, line, f"this is not valid YAML: {said}", remedy)
    except yaml.YAMLError:
        found = yaml.reader.Reader.NON_PRINTABLE.search(content.decode("utf-8", "replace"))
        line = 0 if found is None else found.string.count("\n", 0, found.start()) + 1
        problems.add(file, line, "this is not valid YAML: there is a control character", "Remove it.")
    return None


_LOOK_AROUND = ("Look here and one line above for an indent, a bracket or a quotation mark.", False)
_REMEDIES = {
    "Unicode character escape": ("Write the character itself.", False),
    "tab character": ("Indent with spaces.", False),
    "cannot start any token": ("Put the value in quotes, and indent with spaces.", False),
    "mapping values are not allowed": ("Look at the indent, and put a text that holds ': ' in quotes.", False),
    "expected ',' or": ("Close the bracket that is opened here.", True),
    "end of stream": ("Close the quotation mark that is opened here.", True),
    "expected ':'": ("Write 'key: value', with a space after the colon (: and not ：).", True),
    "<block end>": ("Begin in one column what belongs together.", False),
}
"""By what the YAML parser says: what to do, and whether to look where the broken part begins, not where it ends."""


def _check_events(text: str) -> None:
    # before anything is built: nesting and aliases are where small texts become big trees
    depth = nodes = documents = 0
    for event in in_turns(yaml.parse(text, Loader=_Loader)):
        line = _line(event.start_mark)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _Refused(line, "the file holds more than one document", "Remove the '---'.")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused(line, "anchors and aliases (& and *) are not allowed", "Write the value out, or quote it.")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > _MAX_NODES:
                raise _Refused(line, "the file holds too many values", "Split it.")
            if getattr(event, "tag", None) is not None:
                raise _Refused(line, "tags (!) are not allowed", "Write the plain value, or quote it.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise _Refused(line, "values are nested too deeply", "Close the brackets that are opened here.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(mark: Any) -> int:
    return 0 if mark is None else int(mark.line) + 1


def _value(node: yaml.Node, path: Path, lines: dict[Path, int]) -> object:
    lines.setdefault(path, _line(node.start_mark))
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = _line(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Refused(line, "a key must be a word", "Write 'word: …'.")
            key = _text(key_node)
            if key in mapping:
                raise _Refused(line, f"the key {shown(key)} is given twice", "Keep one of them.")
            lines[(*path, key)] = line
            mapping[key] = _value(value_node, (*path, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines) for index, item in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: yaml.Node) -> object:
    text = _text(node)
    match node.tag:
        case tag if tag == _NULL:
            return None
        case tag if tag == _BOOL:
            return text == "true"
        case tag if tag == _INT:
            if len(text) > 20:
                raise _Refused(_line(node.start_mark), "the number is too long", "Shorten it, or put it in quotes.")
            return int(text)
        case tag if tag == _FLOAT:
            if not math.isfinite(float(text)):
                raise _Refused(_line(node.start_mark), "the number is too large", "Write a smaller number.")
            return float(text)
        case tag if tag == _DATE:
            try:
                return date.fromisoformat(text)
            except ValueError:
                raise _Refused(_line(node.start_mark), f"there is no date {shown(text)}", "Write YYYY-MM-DD.") from None
    return text


def _text(node: yaml.Node) -> str:
    text = str(node.value)
    # written as an escape (a bare one was refused before): no engine, file or log could be trusted with it
    if "\x00" in text or not is_unicode(text):
        raise _Refused(_line(node.start_mark), "a text holds NUL, or half of a character", "Leave the escape out.")
    return text


def read_csv(file: str, content: bytes, problems: Problems) -> Iterator[Row]:
    """Yield the lines that hold something and are no comment (#). Each line stands alone: no cell spans two.

    Problems are noted as their lines are reached.
    """
    for number, text in enumerate(in_turns(content.decode("utf-8-sig").split("\n")), start=1):
        line = text.strip()
        if "\r" in line:
            # one long comment, or one long line, for whoever reads it
            problems.add(
                file, number, "lines end here as on old Macs (CR)", "Save it with line ends of Unix or Windows."
            )
            continue
        if not line or line[0] == "#":
            continue
        if len(line) > _MAX_LINE:
            problems.add(file, number, f"the line is longer than {_MAX_LINE} characters", "Shorten it.")
            continue
        if '"' not in line:
            # the same cells as below, and fast
            yield Row(number, tuple(map(str.strip, line.split(","))))
            continue
        try:
            (cells,) = csv.reader([text.rstrip("\r")], strict=True, skipinitialspace=True)
        except (csv.Error, ValueError):
            problems.add(file, number, "this is not a line of comma-separated values", "Look for a stray quote.")
            continue
        yield Row(number, tuple(cell.strip() for cell in cells))
