"""No construct of OpenDP that is known to be wrong is used anywhere, and of the others only those that were tested."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway.model.errors import ErrorReason, Fault
from gateway.privacy import opendp_faults
from gateway.privacy.opendp_faults import KNOWN_FAULTS, TESTED, USED, denied, refuse_untested

CODE = Path(opendp_faults.__file__).parents[1]
LIST = Path(opendp_faults.__file__)
# what a construct is called by the class or the module that has it, too generic to be looked for everywhere
GENERIC = frozenset(("Context", "Margin", "Queryable", "Odometer", "compositor"))


def names(tree: ast.AST) -> Iterator[str]:
    """Yield every name that code uses: of attributes, variables, imports, and in texts that could name one."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from (part for alias in aliases for part in alias.name.split("."))
            case ast.Constant(value=str(text)):
                yield text


def of_opendp(tree: ast.AST) -> set[str]:
    """Return what code takes from OpenDP: the attributes, however deep, of what it imports from there."""
    roots: set[str] = set()
    taken: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "opendp":
                    roots.add(alias.asname or "opendp")
                    taken |= {*alias.name.split(".")[1:]} - {"prelude"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "opendp":
            taken |= {alias.name for alias in node.names}
    for node in ast.walk(tree):
        inner: ast.AST = node
        path = []
        while isinstance(inner, ast.Attribute):
            path.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in roots:
            taken |= {*path}
    return taken


def breaches(source: str, installed: str) -> set[str]:
    """Return what code uses and must not."""
    tree = ast.parse(source)
    everywhere = denied(installed).keys() - GENERIC
    return ({*names(tree)} & everywhere) | (of_opendp(tree) - USED)


def test_no_module_uses_what_is_known_to_be_wrong_or_was_not_tested() -> None:
    installed = version("opendp")
    found = {
        path.relative_to(CODE).as_posix(): breach
        for path in sorted(CODE.rglob("*.py"))
        if path != LIST and (breach := breaches(path.read_text(encoding="utf-8"), installed))
    }
    assert found == {}
    mechanisms = (CODE / "privacy" / "mechanisms.py").read_text(encoding="utf-8")
    assert of_opendp(ast.parse(mechanisms)) | {"map"} == USED  # nothing is listed that is not used


PLANTED = {
    "import opendp.prelude as dp\nspace >> dp.m.then_laplace_threshold(scale=1.0)": "then_laplace_threshold",
    "import opendp.prelude as dp\ndp.m.make_private_lazyframe(domain)": "make_private_lazyframe",
    "import opendp.prelude as dp\ndp.Context.compositor(data)": "Context",
    "import opendp.prelude as noise\nnoise.t.make_sum(domain)": "make_sum",
    "from opendp.combinators import make_population_amplification": "make_population_amplification",
    "import opendp.extras.polars": "polars",
    "import opendp.prelude as dp\ndp.enable_features('contrib', 'honest-but-curious')": "honest-but-curious",
    "getattr(mechanisms, 'then_gaussian_threshold')(scale=1.0)": "then_gaussian_threshold",
    "from gateway.privacy.mechanisms import dp\ndp.m.make_noisy_max(domain)": "make_noisy_max",
}


@pytest.mark.parametrize("source", PLANTED, ids=PLANTED.values())
def test_a_planted_one_is_found(source: str) -> None:
    assert PLANTED[source] in breaches(source, "0.16.0")


def test_the_gateway_starts_with_a_tested_version_alone() -> None:
    refuse_untested()
    for installed in ("0.15.1", "0.16.1", "0.17.0", ""):
        with pytest.raises(Fault) as caught:
            refuse_untested(installed)
        assert caught.value.reason is ErrorReason.INTERNAL
        assert f"OpenDP {installed} was not tested with this gateway: install 0.16.0" in caught.value.__notes__


def test_a_tested_version_in_which_something_used_turns_out_wrong_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = opendp_faults.KnownFault(frozenset(("then_laplace",)), (1,), "noise that is none")
    monkeypatch.setattr(opendp_faults, "KNOWN_FAULTS", (*KNOWN_FAULTS, fault))
    for installed in TESTED:
        with pytest.raises(Fault) as caught:
            refuse_untested(installed)
        assert caught.value.__notes__ == [f"in OpenDP {installed}, then_laplace is known to be wrong"]
