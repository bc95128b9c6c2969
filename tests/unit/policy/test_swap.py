"""Policies swapped while decisions are taken: every answer is right for the snapshot that it was taken from."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from gateway.model.contract import DisclosureKind
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import PolicySnapshot, load
from gateway.policy.store import FolderSource, PolicyStore
from tests.plain_casbin import EVERYTHING, MODEL, Plain

VARIANTS = (
    "p, g-1, police, health_cases/tracing, extract, hangzhou, epidemic-control, , allow",
    "p, g-2, police, health_cases/*, *, hangzhou/xiacheng, contact-tracing, , allow\n"
    "p, d-1, police-xihu, *, *, hangzhou/xiacheng/wulin, epidemic-control, , deny",
    "p, g-3, police-xihu, health_cases/tracing, extract, *, epidemic-control, , allow\n"
    "p, g-4, police, health_cases/tracing, extract, hangzhou/xihu, contact-tracing, , allow",
    "p, d-2, *, *, *, *, contact-tracing, , deny\n"
    "p, g-5, police, health_cases/*, extract, hangzhou, epidemic-control, , allow",
)
QUESTIONS = tuple(
    product(
        ("police", "police-xihu", "police-xiacheng", "zju"),
        ("health_cases/tracing", "health_cases/one-case"),
        (DisclosureKind.EXTRACT, DisclosureKind.LOOKUP),
        ("hangzhou", "hangzhou/xiacheng", "hangzhou/xiacheng/wulin", "hangzhou/xihu"),
        ("epidemic-control", "contact-tracing", "open-data"),
    )
)
READERS = 6
CHECKS = 3000
SWAPS = 25

Answer = tuple[bool, tuple[str, ...]]
Question = tuple[str, str, DisclosureKind, str, str]


def _write(folder: Path, base: str, variant: str) -> None:
    fresh = folder / ".grants.csv"
    fresh.write_text(f"{base}\n{variant}\n", encoding="utf-8")
    fresh.replace(folder / "grants.csv")


def _by_plain_casbin(text: str, snapshot: PolicySnapshot) -> dict[Question, Answer]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    purposes = {id_: next(iter(snapshot.purposes.ancestors(id_)), None) for id_ in snapshot.purposes.ids()}

    def plain(*chosen: str) -> Plain:
        return Plain([*chosen, *roles], snapshot.regions.paths(), purposes, MODEL)

    roles = [line for line in lines if line.startswith("g")]
    denies = plain(*(line for line in lines if line.endswith("deny")), EVERYTHING)
    allows = [(line.split(", ")[1], plain(line)) for line in lines if line.endswith("allow")]
    answers: dict[Question, Answer] = {}
    for question in QUESTIONS:
        denied = not denies.allows(*question)
        held = () if denied else tuple(name for name, one in allows if one.allows(*question))
        answers[question] = (denied, held)
    return answers


def test_swaps_at_full_speed_never_give_a_wrong_answer(folder: Path) -> None:
    roles = "g, police-xiacheng, police\ng, police-xihu, police"
    # budgets name whom they are for: they keep a grant
    kept = [
        line for line in (folder / "grants.csv").read_text(encoding="utf-8").splitlines()
        if line.startswith(("p, g-zju", "p, g-audit,"))
    ]  # fmt: skip
    base = "\n".join([*kept, roles])
    right: dict[str, dict[Question, Answer]] = {}
    for variant in VARIANTS:
        _write(folder, base, variant)
        snapshot = load(folder)
        right[snapshot.digest] = _by_plain_casbin(f"{base}\n{variant}", snapshot)
    assert len(right) == len(VARIANTS)
    assert len({tuple(answers.values()) for answers in right.values()}) == len(VARIANTS), "they must differ to tell"
    store = PolicyStore(FolderSource(folder))
    gate, reading = threading.Barrier(READERS + 1), threading.Semaphore(0)

    def read(offset: int) -> tuple[Counter[str], list[tuple[Question, Answer, Answer]]]:
        gate.wait(30)
        seen, wrong = Counter[str](), []
        for number in range(CHECKS):
            snapshot = store.current()
            question = QUESTIONS[(offset + number * 7) % len(QUESTIONS)]
            ruling = snapshot.ruling(*question)
            answer = (ruling.denied, tuple(grant.id for grant in ruling.grants))
            expected = right[snapshot.digest][question]
            if answer != expected:
                wrong.append((question, answer, expected))
            seen[snapshot.digest] += 1
            if number % (CHECKS // SWAPS) == 0:
                # checks go on while policies change, however fast this machine is at either
                reading.acquire(timeout=30)
        return seen, wrong

    def swap() -> None:
        gate.wait(30)
        for number in range(2 * SWAPS):
            reading.release(READERS)
            _write(folder, base, VARIANTS[number % len(VARIANTS)])
            assert not isinstance(store.reload(), InvalidPolicy)

    with ThreadPoolExecutor(READERS + 1) as pool:
        swapping = pool.submit(swap)
        results = list(pool.map(read, range(0, 11 * READERS, 11), timeout=120))
        swapping.result(120)
    assert [wrong for _, wrong in results] == [[]] * READERS
    seen = sum((counted for counted, _ in results), Counter[str]())
    assert seen.total() == READERS * CHECKS
    assert set(seen) == set(right), "every policy was asked"
