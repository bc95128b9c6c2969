"""The documentation keeps up with the code: links, settings, commands, and a map that leaves no page out."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gateway.cli.app import app
from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "policies" / "README.md",
        ROOT / "seeds" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_DECISION = re.compile(r"^- \[(\d{4}\. [^\]]+)\]\((adr/[^)\s]+)\)$", re.MULTILINE)
_SHELL = ("console", "sh", "bash")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_resolve(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if fragment:
            assert fragment in _anchors(target), f"{link}: no such heading"


def test_the_map_names_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    named = {(index.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(index.read_text())}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "adr" and page != index}
    assert pages - named == set()


def test_every_decision_has_a_number_of_its_own() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [record.name[:4] for record in records]
    assert len(numbers) == len(set(numbers))
    for record in records:
        assert _title(record).startswith(f"{record.name[:4]}. "), record.name


def test_the_map_lists_each_decision_once_under_its_subject() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = index.partition("## Decisions taken, by subject\n")[2]
    shown = [(" ".join(title.split()), name) for title, name in _DECISION.findall(listed)]
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert sorted(shown) == [(_title(record), f"adr/{record.name}") for record in records]
    assert len(_DECISION.findall(index)) == len(_LINK.findall(listed)), "a decision is told of elsewhere, or not as one"


def test_the_map_of_the_house_is_its_walls() -> None:
    """Who may import whom is drawn as it is held: line by line from the top, with `│` between siblings."""
    page = (ROOT / "docs" / "explanation" / "how-it-works.md").read_text(encoding="utf-8")
    drawn = page.partition("## Who may import whom")[2].partition("```text\n")[2].partition("\n\n")[0]
    rows = [re.split(r" {3,}", line)[0] for line in drawn.splitlines() if not line.startswith(" ")]
    shown = [set(re.findall(r"\w+", layer)) for row in rows for layer in row.split(",")]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = [set(re.findall(r"\w+", layer)) for one in contracts if one["id"] == "layers" for layer in one["layers"]]
    there = {path.stem for path in (ROOT / "gateway").iterdir()}
    assert shown == [layer & there for layer in held if layer & there]


def test_every_setting_is_documented_as_it_is() -> None:
    rows = re.findall(
        r"^\| `([a-z_.*]+)` \| (.+?) \| (.+?) \|$", (ROOT / "docs/reference/settings.md").read_text(), re.MULTILINE
    )
    documented = {name: (default, meaning) for name, default, meaning in rows}
    assert len(rows) == len(documented), "a setting is documented twice"
    settings = _settings()
    assert documented.keys() == settings.keys()
    for name, (default, description) in settings.items():
        shown, meaning = documented[name]
        assert shown == default, name
        first = description.rstrip(".").split(" Off if")[0].split("; more")[0].rstrip(".")
        assert meaning.startswith(first), f"{name}: {meaning}"


def test_every_section_is_documented() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text()
    assert set(re.findall(r"^## `\[(\w+)\]`", text, re.MULTILINE)) == set(Settings.model_fields)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_exist(page: Path) -> None:
    """`make` targets are in the Makefile; `gateway` commands parse, with every flag that is given."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in _commands(page):
        if command[0] == "make":
            wanted = [word for word in command[1:] if "=" not in word]
            assert set(wanted) <= targets, command
        if command[0].rpartition("/")[2] == "gateway":
            app.parse_args(command[1:], exit_on_error=False, print_error=False)


def test_the_readme_leads_with_two_commands_that_exist() -> None:
    assert [" ".join(command) for command in _commands(ROOT / "README.md")] == ["make demo", "make test"]


def test_a_wrong_command_would_be_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ gateway serve --konfig x  # comment\n$ make coffee\n```\n")
    assert _commands(page) == [["gateway", "serve", "--konfig", "x"], ["make", "coffee"]]
    with pytest.raises(Exception, match="konfig"):
        app.parse_args(["serve", "--konfig", "x"], exit_on_error=False, print_error=False)


def _title(record: Path) -> str:
    return record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def _commands(page: Path) -> list[list[str]]:
    """The simple commands of a page's shell blocks that are make's or the gateway's."""
    found = []
    for language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language not in _SHELL:
            continue
        commands = re.sub(r"<<'(\w+)'\n.*?^\1$", "", block, flags=re.MULTILINE | re.DOTALL)
        for line in commands.replace("\\\n", " ").splitlines():
            if language == "console" and not line.lstrip().startswith("$ "):
                continue
            simple = re.split(r"\|\||&&|[|;&>]|2>", line.lstrip().removeprefix("$ "))[0]
            simple = simple.removeprefix("until ")
            try:
                words = shlex.split(simple, comments=True)
            except ValueError:
                continue
            if words and words[0].rpartition("/")[2] in ("make", "gateway"):
                found.append(words)
    return found


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _settings() -> dict[str, tuple[str, str]]:
    """Every setting with its default as the reference writes it, and its description."""
    found: dict[str, tuple[str, str]] = {}
    for section, field in Settings.model_fields.items():
        models = [kind for kind in (field.annotation, *typing.get_args(field.annotation)) if _is_model(kind)]
        assert len(models) == 1
        found |= _of_section(section, models[0])
    return found


def _of_section(place: str, section: type[BaseModel]) -> dict[str, tuple[str, str]]:
    """The settings of a section; those of each entry of a table by name are written with a star for the name."""
    found: dict[str, tuple[str, str]] = {}
    for name, setting in section.model_fields.items():
        named = [kind for kind in typing.get_args(setting.annotation) if _is_model(kind)]
        if named:
            found |= _of_section(f"{place}.{name}.*", named[0])
        else:
            found[f"{place}.{name}"] = (_default(setting.default), str(setting.description))
    return found


def _is_model(kind: object) -> typing.TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "off"
    return f"`{json.dumps(value, default=str)}`"  # strings, numbers and booleans are written alike in TOML
