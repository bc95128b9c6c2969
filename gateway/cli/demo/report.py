"""What each side saw, printed for people: every line of raw data is marked INSIDE, every line of an answer LEFT."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markup import escape
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

import gateway.client as gw

WIDTH = 100
_LABEL = 8


class Misbehaved(Exception):
    """The gateway did not do what the demo says it does. The text says what was expected."""


class Report:
    """Prints the play. `marks` are pieces of text that may stand inside alone; an answer with one in it fails."""

    def __init__(self, console: Console, marks: Sequence[str]) -> None:
        self._console = console
        self._marks = tuple(marks)
        self._scene = 0
        self._last = ""
        self.scenes: list[str] = []
        self.proofs = 0

    def title(self, text: str, below: str) -> None:
        """Print the heading of the whole."""
        self._console.print()
        self._console.print(Text(text, "bold"))
        self._console.print(Text(below, "dim"))

    def step(self, text: str, seconds: float) -> None:
        """Print a step of the preparation with the time it took."""
        self._console.print(Text.assemble(("  · ", "dim"), text, (f"  {seconds:.1f} s", "dim")))

    def scene(self, title: str, story: str) -> None:
        """Begin a scene."""
        self._scene += 1
        self._last = ""
        self.scenes.append(title)
        self._console.print()
        self._console.rule(Text(f"{self._scene}  {title}", "bold cyan"), align="left", style="cyan")
        self._console.print(Padding(Text(story), (0, 2)))

    def asks(self, who: str, purpose: str, what: str, more: str = "") -> None:
        """Print a request: who, for which purpose, what, and what else is to be known of it."""
        if self._last not in ("", "ASKED"):
            self._console.print()
        self._gutter("ASKED", "blue", Text.assemble((who, "bold"), " for ", (purpose, "magenta"), ": ", what))
        if more:
            self._gutter("ASKED", "blue", Text(more, "dim"))

    def inside(self, content: RenderableType) -> None:
        """Print what only the gateway sees."""
        self._gutter("INSIDE", "bold red", content)

    def inside_row(self, row: Mapping[str, Any]) -> None:
        """Print a raw row, with its fields."""
        self.inside(Text("the raw row — never leaves", "red"))
        self.inside(_grid([(name, shown(value)) for name, value in row.items()], abreast=2))

    def left(self, content: RenderableType) -> None:
        """Print a line about what left."""
        self._gutter("LEFT", "bold green", content)

    def left_rows(self, answer: pa.Table, *, whose: str = "", empty: str = "nothing: no rows", cut: int = 0) -> None:
        """Print the rows of an answer. `cut` shortens long texts to so many characters."""
        self.clean(answer)
        if whose:
            self.left(Text(f"to {whose}", "green"))
        self.left(_rows(answer, cut) if answer.num_rows else Text(empty, "italic"))

    def left_fields(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Print an answer that is not rows."""
        listed = list(pairs)
        self.clean_text(" ".join(f"{name} {value}" for name, value in listed))
        self.left(_grid(listed))

    def refused(self, error: gw.GatewayError) -> None:
        """Print a refusal: the reason, the remedy, and what would pass or whom to ask."""
        self.clean_text(str(error))
        self._gutter("REFUSED", "bold yellow", Text.assemble((error.reason, "bold yellow"), f"  {error.remedy}"))
        near = error.nearest
        if near is None:
            return
        if near.steward:
            self._gutter("", "yellow", Text.assemble("whom to ask: ", (near.steward, "bold")))
            return
        what = f"{near.dataset}/{near.disclosure}" + (f" [{', '.join(near.fields)}]" if near.fields else "")
        where = f" in {near.region}" if near.region else ""
        self._gutter("", "yellow", Text.assemble("this would pass: ", (what, "bold"), f"{where} for {near.purpose}"))

    def prove(self, holds: bool, claim: str) -> None:
        """Print a claim that holds.

        Raises:
            Misbehaved: it does not.
        """
        if not holds:
            raise Misbehaved(claim)
        self.proofs += 1
        self._gutter("", "green", Text.assemble(("✓ ", "bold green"), claim))

    def note(self, text: str) -> None:
        """Print a remark."""
        self._gutter("", "dim", Text(text, "dim"))

    def commands(self, heading: str, lines: str) -> None:
        """Print what the user may copy, as it is: unwrapped."""
        self._console.print()
        self._console.print(Text(heading, "bold"))
        self._console.print(escape(lines), highlight=False, soft_wrap=True)

    def plain(self, text: str) -> None:
        """Print a line."""
        self._console.print(Text(text))

    def clean(self, answer: pa.Table) -> None:
        """See that an answer holds no canary.

        Raises:
            Misbehaved: it does.
        """
        self.clean_text(repr(answer.to_pydict()))

    def clean_text(self, text: str) -> None:
        """See that a text holds no canary.

        Raises:
            Misbehaved: it does.
        """
        if any(mark in text for mark in self._marks):
            raise Misbehaved("nothing of a canary leaves the gateway")

    def _gutter(self, label: str, style: str, content: RenderableType) -> None:
        self._last = label or "more"
        self._console.print(_Gutter(label, style, content))


class _Gutter:
    """A renderable with a label before each of its lines."""

    def __init__(self, label: str, style: str, content: RenderableType) -> None:
        self._label, self._style, self._content = label, Style.parse(style), content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        margin = Segment(f"{self._label:>{_LABEL}} │ ", self._style)
        inner = options.update(width=options.max_width - _LABEL - 3)
        for line in console.render_lines(self._content, inner, pad=False):
            yield margin
            yield from line
            yield Segment.line()


def shown(value: object) -> str:
    """Return a value as people read it."""
    match value:
        case None:
            return "—"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S" if value.second else "%Y-%m-%d %H:%M")
        case date():
            return value.isoformat()
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case _:
            return str(value)


def shortened(text: str, characters: int) -> str:
    """Return the text, cut in its middle if it is longer."""
    if characters <= 0 or len(text) <= characters:
        return text
    head = (characters - 1) * 2 // 3
    return f"{text[:head]}…{text[-(characters - 1 - head) :]}"


def _rows(answer: pa.Table, cut: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="green")
    for field in answer.schema:
        table.add_column(field.name, justify="right" if _is_number(field.type) else "left", overflow="fold")
    for row in answer.to_pylist():
        table.add_row(*(escape(shortened(shown(value), cut)) for value in row.values()))
    return table


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _grid(pairs: Sequence[tuple[str, str]], abreast: int = 1) -> Table:
    """Names and values, so many pairs side by side, read down and then across."""
    table = Table.grid(padding=(0, 2))
    for _ in range(abreast):
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
    depth = -(-len(pairs) // abreast)
    for line in range(depth):
        cells = [text for name, value in pairs[line::depth] for text in (name, escape(value))]
        table.add_row(*cells)
    return table
