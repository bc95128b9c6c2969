"""Two kinds of wall that import-linter does not have: both judge direct imports, and a module that does not
exist yet, or a library that nobody imports, leaves a wall standing rather than failing to check it."""

from __future__ import annotations

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def _inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def _inside_any(module: str, packages: list[str]) -> bool:
    return any(_inside(module, package) for package in packages)


def _direct_imports(graph: ImportGraph) -> list[tuple[str, str]]:
    """Every (importer, imported) pair of the graph, in a stable order."""
    return sorted(
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    )


def _verdict(graph: ImportGraph, broken: list[tuple[str, str]]) -> ContractCheck:
    lines = []
    for importer, imported in broken:
        details = graph.get_import_details(importer=importer, imported=imported)
        places = ", ".join(f"l.{detail['line_number']}" for detail in details)
        lines.append(f"- {importer} -> {imported} ({places})")
    return ContractCheck(kept=not broken, metadata={"lines": lines})


def _render(check: ContractCheck) -> None:
    for line in check.metadata["lines"]:
        output.print_error(line, bold=False)
    output.new_line()


class ExclusiveContract(Contract):
    """Only `importers` (and their submodules, and the target itself) import `target` directly.

    The target is a package of the tree or the import name of a library.
    """

    type_name = "exclusive"

    target = fields.StringField()
    importers = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        target = str(self.target)
        allowed: list[str] = [target, *_strings(self.importers)]
        broken = [
            (importer, imported)
            for importer, imported in _direct_imports(graph)
            if _inside(imported, target) and not _inside_any(importer, allowed)
        ]
        return _verdict(graph, broken)

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


class ConfinedContract(Contract):
    """`package` imports itself, the standard library and what is named here, directly, and nothing else.

    `internal` names packages of the tree, `external` import names of libraries; `*` stands for all of them.
    """

    type_name = "confined"

    package = fields.StringField()
    internal = fields.ListField(subfield=fields.StringField())
    external = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        package = str(self.package)
        root = package.partition(".")[0]
        internal = [package, *_strings(self.internal)]
        external = _strings(self.external)

        def permitted(imported: str) -> bool:
            if _inside(imported, root):
                return "*" in internal or _inside_any(imported, internal)
            top = imported.partition(".")[0]
            return top in sys.stdlib_module_names or "*" in external or _inside_any(imported, external)

        broken = [
            (importer, imported)
            for importer, imported in _direct_imports(graph)
            if _inside(importer, package) and not permitted(imported)
        ]
        return _verdict(graph, broken)

    def render_broken_contract(self, check: ContractCheck) -> None:
        _render(check)


def _strings(value: Any) -> list[str]:
    """A contract's field as it is after parsing: declared as a descriptor, it holds a list by now."""
    return [str(item) for item in value]
