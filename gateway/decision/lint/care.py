"""What is past its day, and what leaves with too little said for it: purposes, memberships, trials, contracts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from gateway.decision.lint.findings import Finding, Severity, of_grant
from gateway.decision.lint.identifiers import kept_identifiers
from gateway.model.contract import ContractStatus, DataContract, DisclosureKind
from gateway.model.terms import NO_TERMS
from gateway.policy import dpv
from gateway.policy.contracts.reader import block_place
from gateway.policy.documents import Document, Path, read_yaml
from gateway.policy.folder import CONTRACTS, GRANTS, PURPOSES
from gateway.policy.grants import Effect
from gateway.policy.problems import Problems
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.writing import grant_line

_SHORTEST = 16
_EMPTY_WORDS = """
a ahead all and approved as ask asked audit because business by case confirm contract data department do field fields
for go have identifier if in is it justified keep law legal n na necessary need needed needs no none of on ok office one
operational our policy purpose purposes reason reasons request requested required requirement requirements see service
tbd that the them there they this to todo use used we work yes
"""
_SAY_NOTHING = frozenset(re.findall(r"[a-z]+", _EMPTY_WORDS))


def purposes(policy: PolicySnapshot, today: date) -> Iterator[Finding]:
    """Yield the purposes that should have been looked at again, and those that rest on consent."""
    lines = _purpose_lines(policy)
    granted = {rule.purpose for rule in policy.grants if rule.effect is Effect.ALLOW}
    for id_ in policy.purposes.ids():
        purpose = policy.purposes.get(id_)
        if purpose is None or purpose.ended_on(today):
            continue
        if purpose.review_on < today:
            yield Finding(
                "review-overdue", Severity.WARNING, PURPOSES, lines.get(id_, 0),
                f"the purpose '{id_}' was to be looked at again by {purpose.review_on}",
                f"Let {purpose.owner} look at it, and write the next day.",
            )  # fmt: skip
        if purpose.legal_basis.dpv == dpv.CONSENT and granted & {id_, *policy.purposes.ancestors(id_)}:
            yield Finding(
                "rests-on-consent", Severity.NOTE, PURPOSES, lines.get(id_, 0),
                f"the purpose '{id_}' rests on consent: it ends for each person who withdraws it",
                "See that a register or a field of the contract tells who agreed, and that withdrawals reach it.",
            )  # fmt: skip


def memberships(policy: PolicySnapshot, today: date) -> Iterator[Finding]:
    """Yield the memberships that have lapsed."""
    for link in policy.links:
        if link.valid_until is not None and link.valid_until < today:
            yield Finding(
                "membership-lapsed", Severity.WARNING, GRANTS, link.line,
                f"'{link.member}' left '{link.role}' on {link.valid_until}", "Delete the line, or write the next day.",
            )  # fmt: skip


def trials(policy: PolicySnapshot, today: date) -> Iterator[Finding]:
    """Yield the denies whose trial is over: they refuse."""
    for rule in policy.grants:
        if rule.effect is Effect.DENY and rule.terms.trial is not None and rule.refuses_on(today):
            plain = grant_line(replace(rule, terms=NO_TERMS))
            yield of_grant(
                rule, "trial-over", Severity.WARNING, f"was on trial until {rule.terms.trial}, and refuses since",
                "Take the trial out if it is to stay, or delete the line.", (plain,),
            )  # fmt: skip


def contracts(policy: PolicySnapshot) -> Iterator[Finding]:
    """Yield identifiers that leave as they are, and exact figures, with nothing said for it that could be held against
    anybody.
    """
    for dataset, contract in policy.contracts.items():
        yield from _exact(policy, contract)
        kept = _kept(contract) if contract.status is ContractStatus.ACTIVE else []
        if not kept:
            continue
        name = f"{CONTRACTS}{dataset}.yaml"
        document = read_yaml(name, policy.files.get(name, b""), Problems())
        block = None if document is None else block_place(document)
        for disclosure, field in kept:
            at = (*(block or ()), "disclosures", disclosure, "fields", field)
            said = "" if document is None else _at(document, (*at, "keep", "justification"))
            if _says_nothing(said, field):
                yield Finding(
                    "identifier-without-reason", Severity.SERIOUS, name, 0 if document is None else document.line(*at),
                    f"'{field}' leaves as it is in '{disclosure}', and "
                    + ("what is said for it says nothing" if said else "nothing is said for it"),
                    "Say what the purpose would fail at without it, or pseudonymize.",
                )  # fmt: skip


def _exact(policy: PolicySnapshot, contract: DataContract) -> Iterator[Finding]:
    """Yield indicators whose reason for doing without noise says nothing."""
    if contract.status is not ContractStatus.ACTIVE:
        return
    name = f"{CONTRACTS}{contract.dataset}.yaml"
    for disclosure, spec in contract.disclosures.items():
        if spec.kind is DisclosureKind.INDICATOR and _says_nothing(spec.waive_noise, contract.dataset):
            document = read_yaml(name, policy.files.get(name, b""), Problems())
            block = None if document is None else block_place(document)
            at = (*(block or ()), "disclosures", disclosure, "waive_noise")
            yield Finding(
                "exact-without-reason", Severity.SERIOUS, name, 0 if document is None else document.line(*at),
                f"'{disclosure}' shows exact figures, and what is said for it says nothing",
                "Say what the purpose would fail at with noise, or make it a release.",
            )  # fmt: skip


def _kept(contract: DataContract) -> list[tuple[str, str]]:
    return [
        (spec.name, field)
        for spec in contract.disclosures.values()
        if spec.kind is not DisclosureKind.RELEASE
        for field in kept_identifiers(contract, spec)
    ]


def _says_nothing(text: str, field: str) -> bool:
    """Whether a text is short, or made of words that would fit any field."""
    # a Chinese character says about as much as three letters
    length = sum(3 if "\u4e00" <= character <= "\u9fff" else 1 for character in text)
    words = set(re.findall(r"[a-z]+", text.casefold())) - set(re.findall(r"[a-z]+", field.casefold()))
    other = re.sub(r"[\sA-Za-z0-9_.,;:!?()'\"-]+", "", text)
    return length < _SHORTEST or (not other and words <= _SAY_NOTHING)


def _at(document: Document, place: Path) -> str:
    value: Any = document.data
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return value if isinstance(value, str) else ""


def _purpose_lines(policy: PolicySnapshot) -> Mapping[str, int]:
    """The line in which each purpose begins."""
    document = read_yaml(PURPOSES, policy.files.get(PURPOSES, b""), Problems())
    found: dict[str, int] = {}

    def visit(items: Any, place: Path) -> None:
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if document is not None and isinstance(item, dict):
                found[str(item.get("id"))] = document.line(*place, index, "id")
                visit(item.get("children"), (*place, index, "children"))

    if document is not None and isinstance(document.data, dict):
        visit(document.data.get("purposes"), ("purposes",))
    return found
