"""Figures for people: a table on the terminal. Programs read the JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from bench.measure import Json


def print_figures(console: Console, name: str, figures: Mapping[str, Json]) -> None:
    """Print one benchmark's figures, nested ones by their path; the runs' spread on the line of its figure."""
    table = Table(title=name, title_style="bold", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("quartiles", justify="right", style="dim")
    table.add_column("runs", justify="right", style="dim")
    for path, value in _leaves(figures, ()):
        if isinstance(value, Mapping):
            quartiles = f"{_shown(value['lower_quartile'])} … {_shown(value['upper_quartile'])}"
            table.add_row(path, _shown(value["median"]), quartiles, _shown(value["runs"]))
        else:
            table.add_row(path, _shown(value), "", "")
    console.print(table)


def print_summary(console: Console, aims: Sequence[Mapping[str, Json]]) -> None:
    """Print what is aimed at beside what was measured."""
    table = Table(title="aims", title_style="bold", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("aimed at", justify="right")
    table.add_column("")
    for aim in aims:
        table.add_row(*(_shown(aim[name]) for name in ("figure", "value", "aim", "result")))
    console.print(table)


def _leaves(figures: Mapping[str, Json], above: tuple[str, ...]) -> Iterator[tuple[str, Json]]:
    """Every figure with its path. A spread is one."""
    for name, value in figures.items():
        path = (*above, name)
        if isinstance(value, Mapping) and "median" not in value:
            yield from _leaves(value, path)
        else:
            yield ".".join(path), value


def _shown(value: Json) -> str:
    match value:
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        case _:
            return str(value)
