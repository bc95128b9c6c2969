"""`decide`: what Casbin's static answer costs at 100 to 100,000 rules, next to one plain `casbin.Enforcer`.

Both answer the same questions about the same policy folder (`bench/rules.py`) in the same process, in turns. The plain
enforcer has the policy by Casbin's own loader and its roles by Casbin's own role manager (`tests/plain_casbin.py`); it
says whether something is allowed, the snapshot also by which grants. Where they disagree there are no figures.

`rows` is the largest number of rules; the powers of ten from 100 on are measured up to it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from bench.benchmark import Benchmark, Say
from bench.measure import Json, interleave, quantile, ratios, significant, spread
from bench.rules import Question, questions, write_policy
from gateway.decision.judge import judge
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.party import Identity
from gateway.model.permit import Refusal
from gateway.model.request import RequestContext, RowsRequest, Selector
from gateway.policy.enforcer import Ruling
from gateway.policy.snapshot import PolicySnapshot, load
from gateway.policy.store import FolderSource, PolicyStore
from tests.plain_casbin import Plain

SIZES = (100, 1_000, 10_000, 100_000)
ASKED = 2_000
"""Different questions of a run: each is asked once anew, and once again."""
PLAIN_SECONDS = 2.0
"""How long the plain enforcer is asked in a run. At 100,000 rules that is one question or two."""
EVERY = 0.001
"""Seconds between decisions while a policy is loaded, as a server that waits for its calls would have them."""


@dataclass(frozen=True, slots=True)
class Call:
    """A question as a whole request of somebody: an extract, or a lookup of one person."""

    identity: Identity
    request: RowsRequest


Decide = Callable[[PolicySnapshot, Call], object]
"""Decides a whole request: `ruling` and all that comes after it."""

_Asks = TypeVar("_Asks", Question, Call)


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole decisions of one run, seconds: those in favour, and refusals with their reason and advice."""

    permits_new: tuple[float, ...]
    permits_again: tuple[float, ...]
    refusals_new: tuple[float, ...]
    refusals_again: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One run of the snapshot. Seconds; `new` and `again` one a question. What ends in `cpu` is processor time."""

    load: float
    load_cpu: float
    new: tuple[float, ...]
    new_cpu: tuple[float, ...]
    again: tuple[float, ...]
    whole: Whole | None


@dataclass(frozen=True, slots=True)
class AskedPlain:
    """One run of the plain enforcer. Seconds."""

    load: float
    new: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Swapped:
    """A policy that was loaded and put in force while decisions went on. Seconds, from when a decision was due.

    `quiet` are the same decisions while nothing was loaded.
    """

    reload: float
    during: tuple[float, ...]
    quiet: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """All that was measured with one number of rules."""

    rules: int
    shards: tuple[int, ...]
    asked: Sequence[Asked]
    plain: Sequence[AskedPlain]
    swapped: Sequence[Swapped]


def benchmark(sizes: Sequence[int] = SIZES, whole: Decide | None = None) -> Benchmark:
    """Return the benchmark of these numbers of rules; with `whole`, of whole decisions too."""

    def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
        chosen = [size for size in sizes if size <= rows] or [rows]
        return figures([_measure(size, runs, whole, say) for size in chosen])

    return Benchmark(
        name="decide",
        about="Casbin's static answers at 100 to 100,000 rules, next to one plain casbin.Enforcer",
        rows=max(sizes),
        runs=3,
        run=run,
    )


def _measure(rules: int, runs: int, whole: Decide | None, say: Say) -> Size:
    with TemporaryDirectory(prefix="gateway-bench-") as name:
        folder = Path(name) / "policies"
        write_policy(folder, rules)
        policy = load(folder)
        asked = questions(policy, ASKED)
        shards = tuple(len(policy.shard(*question)) for question in asked)
        allowed = {question: bool(policy.ruling(*question).grants) for question in asked}
        say(f"{rules:,} rules: asking the snapshot and a plain enforcer in turns, {runs} times each")
        results = interleave(
            {"ours": lambda: _ask(folder, asked, whole), "plain": lambda: _ask_plain(folder, policy, asked, allowed)},
            runs,
        )
        say(f"{rules:,} rules: deciding while the policy is loaded anew, {runs} times")
        swapped = [_swap(folder, number) for number in range(runs)]
    ours = [one for one in results["ours"] if isinstance(one, Asked)]
    plain = [one for one in results["plain"] if isinstance(one, AskedPlain)]
    return Size(rules, shards, ours, plain, swapped)


def _ask(folder: Path, asked: Sequence[Question], whole: Decide | None) -> Asked | AskedPlain:
    began, cpu = time.perf_counter(), time.process_time()
    policy = PolicyStore(FolderSource(folder)).current()
    loaded, loaded_cpu = time.perf_counter() - began, time.process_time() - cpu
    ruling = policy.ruling
    new, new_cpu = _timed(lambda question: ruling(*question), asked)
    again, _ = _timed(lambda question: ruling(*question), asked)
    if whole is None:
        return Asked(loaded, loaded_cpu, new, new_cpu, again, None)
    calls = [call(question) for question in asked]
    granted = [not isinstance(whole(policy, one), Refusal) for one in calls]
    fresh = PolicyStore(FolderSource(folder)).current()
    whole_new, _ = _timed(lambda one: whole(fresh, one), calls)
    whole_again, _ = _timed(lambda one: whole(fresh, one), calls)
    refused = [not one for one in granted]
    told = Whole(
        tuple(compress(whole_new, granted)),
        tuple(compress(whole_again, granted)),
        tuple(compress(whole_new, refused)),
        tuple(compress(whole_again, refused)),
    )
    return Asked(loaded, loaded_cpu, new, new_cpu, again, told)


def _timed(ask: Callable[[_Asks], object], asked: Sequence[_Asks]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Ask everything once, and return the seconds that each answer took, and those of the processor."""
    taken, processor = [], []
    for question in asked:
        cpu, began = time.thread_time(), time.perf_counter()
        ask(question)
        ended = time.perf_counter()
        processor.append(time.thread_time() - cpu)
        taken.append(ended - began)
    return tuple(taken), tuple(processor)


def _ask_plain(
    folder: Path, policy: PolicySnapshot, asked: Sequence[Question], allowed: Mapping[Question, bool]
) -> Asked | AskedPlain:
    lines = [
        line for line in (folder / "grants.csv").read_text(encoding="utf-8").splitlines() if line.startswith(("p", "g"))
    ]
    purposes = {id_: next(iter(policy.purposes.ancestors(id_)), None) for id_ in policy.purposes.ids()}
    began = time.perf_counter()
    plain = Plain(lines, policy.regions.paths(), purposes)
    loaded = time.perf_counter() - began
    taken: list[float] = []
    for question in asked:
        began = time.perf_counter()
        answer = plain.allows(*question)
        taken.append(time.perf_counter() - began)
        if answer != allowed[question]:
            raise RuntimeError("the snapshot and plain Casbin disagree")
        if sum(taken) > PLAIN_SECONDS:
            break
    return AskedPlain(loaded, tuple(taken))


def _swap(folder: Path, number: int) -> Swapped:
    """Decide, each question anew, while the store loads a folder that differs by a comment."""
    store = PolicyStore(FolderSource(folder))
    before = store.current()
    asked = questions(before, ASKED, seed=number)
    other = load(folder)
    right = {question: other.ruling(*question) for question in asked}
    half = ASKED // 2
    quiet = _paced(before, asked[:half], right, None)
    with (folder / "grants.csv").open("a", encoding="utf-8") as grants:
        grants.write(f"# {number}\n")
    done, seconds = threading.Event(), []

    def reload() -> None:
        began = time.perf_counter()
        store.reload()
        seconds.append(time.perf_counter() - began)
        done.set()

    loader = threading.Thread(target=reload)
    loader.start()
    # whoever began a decision with the old policy ends it with the old policy
    during = _paced(before, asked[half:], right, done)
    loader.join()
    if store.current().digest == before.digest:
        raise RuntimeError("the policy was not swapped")
    return Swapped(seconds[0], during, quiet)


def _paced(
    policy: PolicySnapshot, asked: Sequence[Question], right: Mapping[Question, Ruling], until: threading.Event | None
) -> tuple[float, ...]:
    taken = []
    due = time.perf_counter()
    for question in asked:
        if until is not None and until.is_set():
            break
        due = max(due + EVERY, time.perf_counter())
        time.sleep(max(0.0, due - time.perf_counter()))
        answer = policy.ruling(*question)
        taken.append(time.perf_counter() - due)
        if answer != right[question]:
            raise RuntimeError("a decision changed while a policy was loaded")
    return tuple(taken)


def figures(sizes: Sequence[Size]) -> dict[str, Json]:
    """Return the figures of every number of rules; the headline is that of the largest."""
    by_size = {f"at_{size.rules}": _figures(size) for size in sizes}
    largest = by_size[f"at_{max(size.rules for size in sizes)}"]
    named = ("cached_p50_us", "uncached_p50_us", "uncached_p99_us", "largest_shard", "load_and_swap_s", "vs_plain")
    return {**{name: largest[name] for name in named}, "rules": max(size.rules for size in sizes), **by_size}


def _figures(size: Size) -> dict[str, Json]:
    ours, plain, swapped = size.asked, size.plain, size.swapped
    # the plain enforcer was asked as many of the questions as time allowed, from the first on
    compared = spread(ratios([_median(one.new) for one in plain], [_median(one.new) for one in ours]))
    told = [one.whole for one in ours if one.whole is not None]
    whole: dict[str, Json] = {}
    if len(told) == len(ours):
        whole = {"whole": {**_whole("permits", told), **_whole("refusals", told)}}
    return {
        "cached_p50_us": _us([quantile(one.again, 0.5) for one in ours]),
        "cached_p99_us": _us([quantile(one.again, 0.99) for one in ours]),
        "uncached_p50_us": _us([quantile(one.new, 0.5) for one in ours]),
        "uncached_p99_us": _us([quantile(one.new, 0.99) for one in ours]),
        "uncached_p50_cpu_us": _us([quantile(one.new_cpu, 0.5) for one in ours]),
        "uncached_p99_cpu_us": _us([quantile(one.new_cpu, 0.99) for one in ours]),
        **whole,
        "largest_shard": max(size.shards),
        "shard_p99": round(quantile(size.shards, 0.99)),
        "load_s": significant(spread([one.load for one in ours]).median),
        "load_cpu_s": significant(spread([one.load_cpu for one in ours]).median),
        "load_and_swap_s": significant(spread([one.reload for one in swapped]).median),
        "due_to_answer": {
            "quiet_p50_us": _us([quantile(one.quiet, 0.5) for one in swapped]),
            "quiet_p99_us": _us([quantile(one.quiet, 0.99) for one in swapped]),
            "during_load_p50_us": _us([quantile(one.during, 0.5) for one in swapped]),
            "during_load_p99_us": _us([quantile(one.during, 0.99) for one in swapped]),
            "during_load_worst_us": _us([max(one.during) for one in swapped]),
        },
        "plain_p50_us": _us([_median(one.new) for one in plain]),
        "plain_load_s": significant(spread([one.load for one in plain]).median),
        "plain_asked": min(len(one.new) for one in plain),
        "vs_plain": significant(compared.median, 3),
        "spread": {
            "uncached_p50_us": spread([1e6 * _median(one.new) for one in ours]).json(),
            "uncached_p99_us": spread([1e6 * quantile(one.new, 0.99) for one in ours]).json(),
            "load_s": spread([one.load for one in ours]).json(),
            "plain_p50_us": spread([1e6 * _median(one.new) for one in plain]).json(),
            "vs_plain": compared.json(),
        },
    }


def _whole(what: str, runs: Sequence[Whole]) -> dict[str, Json]:
    """The figures of whole decisions that came to permits, or to refusals; none where no question did."""
    found: dict[str, Json] = {f"{what}_asked": len(getattr(runs[0], f"{what}_new"))}
    for when, name in (("again", "cached"), ("new", "uncached")):
        taken = [getattr(run, f"{what}_{when}") for run in runs]
        if all(taken):
            found[f"{what}_{name}_p50_us"] = _us([quantile(one, 0.5) for one in taken])
            found[f"{what}_{name}_p99_us"] = _us([quantile(one, 0.99) for one in taken])
    return found


def judged(policy: PolicySnapshot, asks: Call) -> object:
    """Decide a whole request, as the pipeline's stage does."""
    return judge(asks.identity, asks.request, policy, _NOW)


def call(question: Question) -> Call:
    """Return the request that asks a question."""
    recipient, obj, kind, region, purpose = question
    dataset, _, disclosure = obj.partition("/")
    context = RequestContext(purpose, region, "", "bench", b"", False)
    person = Selector(SelectBy.KEY, "resident_id", ("330106199003070014",)) if kind is DisclosureKind.LOOKUP else None
    request = RowsRequest(context, kind, dataset, disclosure, (), False, (), person)
    return Call(Identity(recipient, "li.wei", _NOW + timedelta(hours=1)), request)


_NOW = datetime(2026, 11, 22, 3)


def _median(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def _us(seconds: Sequence[float]) -> float:
    """The median of the runs' figures, in microseconds."""
    return significant(spread(seconds).median * 1e6)


DECIDE = benchmark(whole=judged)
