"""A draft made of descriptors classifies all that they hold, and what nobody can classify has no draft."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.adapters.upstream.agreement import agree
from gateway.cli.contract.service import service
from gateway.cli.mistake import Mistake
from gateway.model.contract import ContractStatus, DataContract
from gateway.policy.contracts.reader import read_contract
from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems
from tests.integration.upstream.contracts import LEFT_OUT
from tests.integration.upstream.department import REGISTRY, described, file_with, pool


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "policies").mkdir()
    (tmp_path / "set.binpb").write_bytes(described())
    return tmp_path


def draft(desk: Path, method: str, lookup: str = "", server: str = "to-be-named") -> DataContract:
    """The draft of a method, read as the server would."""
    policies, named = desk / "policies", f"{REGISTRY}.{method}"
    service(
        desk / "set.binpb", dataset="codes", method=named, lookup=lookup, server=server, policies=policies, force=True
    )
    content = (desk / "policies" / "contracts" / "codes.yaml").read_bytes()
    problems = Problems()
    document = read_yaml("contracts/codes.yaml", content, problems)
    contract = None if document is None else read_contract(document, content, problems)
    problems.raise_if_any()
    assert contract is not None
    return contract


@pytest.mark.parametrize("method", ["ListCodes", "PageCodes"])
@pytest.mark.parametrize("lookup", ["", "GetCodes", "GetCode"])
def test_a_draft_agrees_with_what_it_was_made_of_and_discloses_nothing(method: str, lookup: str, desk: Path) -> None:
    made = draft(desk, method, lookup=lookup, server="health")
    agreed = agree(made, pool())
    assert made.status is ContractStatus.DRAFT and not made.disclosures
    assert made.upstream is not None and made.upstream.server == "health"
    assert made.upstream.left_out == LEFT_OUT - {"person.name", "case_number"}  # those two could be fields
    assert (agreed.looks_up is None) == (lookup == "")
    assert (agreed.lists is not None) and agreed.lists.paged == (method == "PageCodes")


def test_every_guess_is_marked(desk: Path) -> None:
    draft(desk, "PageCodes", lookup="GetCodes")
    lines = (desk / "policies" / "contracts" / "codes.yaml").read_text().splitlines()
    paths = [line for line in lines if re.search(r"classification:|^ +[a-z_.]+: (direct|quasi|sens|free|other)", line)]
    assert len(paths) == 13 + 6 + 1
    assert all("# confirm: " in line for line in paths)


@pytest.mark.parametrize(
    ("method", "lookup", "said"),
    [
        ("ListCodez", "", "has no method ListCodez. Did you mean 'ListCodes'?"),
        ("ListCodes", "ListCodes", "the request of ListCodes does not say which field names the subjects"),
    ],
)
def test_what_cannot_be_drafted_is_told(method: str, lookup: str, said: str, desk: Path) -> None:
    with pytest.raises(Mistake, match=re.escape(said)):
        draft(desk, method, lookup=lookup)


def test_what_nobody_can_classify_has_no_draft(desk: Path) -> None:
    (desk / "set.binpb").write_bytes(described(file_with("  string text = 1;", "  string text = 1;\n  Code code = 2;")))
    with pytest.raises(Mistake, match=r"Code\.marks\.value\.code holds its own kind"):
        draft(desk, "ListCodes")
    (desk / "set.binpb").write_bytes(b"nothing")
    with pytest.raises(Mistake, match="is no descriptor set"):
        draft(desk, "ListCodes")
    assert not (desk / "policies" / "contracts").exists()
