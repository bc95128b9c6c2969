"""Every benchmark runs, on a few rows: real processes, TLS, policy, record. No figure of time is judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.__main__ import BENCHMARKS, RESULTS, main
from bench.benchmark import Benchmark, Say
from bench.measure import Json, spread

_KEYS = {
    "extract": (
        "rows_per_s",
        "vs_unprotected_stream",
        "vs_obvious_gateway",
        "first_batch_ms",
        "spread",
        "rows",
        "unprotected",
    ),
    "day": ("seconds", "rows_per_s", "dearest_over_cheapest", "at_5000", "load"),
    "lookup": ("vs_empty_unary", "p50_ms", "p99_ms", "at_1", "at_32"),
    "pair": ("two_over_one", "server_cpu_us_per_call", "share_of_the_second", "load"),
    "decide": ("cached_p50_us", "uncached_p50_us", "uncached_p99_us", "load_and_swap_s", "vs_plain", "at_100"),
    "demo": ("seconds_to_first_answer", "seconds", "first_answer_vs_imports", "spread"),
    "start": (
        "seconds_to_serving",
        "cpu_seconds_to_serving",
        "imports_seconds",
        "keys_seconds",
        "import_ms_of_its_own",
    ),
    "pseudonyms": ("token_per_s", "token_vs_hmac", "siv_vs_aessiv", "ff1_per_s", "records_per_s", "load"),
    "anonymity": ("rows_per_s", "vs_arrow", "classes", "share_withheld", "peak_mib", "load"),
    "scale": ("record", "census", "record_mib_of_a_batch", "process_mib", "batch_rows", "load"),
    "releases": (
        "bounding_and_noise_ms",
        "release_ms",
        "repeat_ms",
        "repeat_held_ms",
        "repeat_to_others_ms",
        "researchers",
    ),
    "releases-scale": ("seconds", "process_mib", "process_mib_before", "cpu_ns_per_row", "persons", "load"),
    "synthesis": ("fit_and_draw_cpu_s", "job_s", "peak_mib", "at_epsilon_4.7", "load"),
    "ingest": ("rows_per_s", "vs_unchecked", "vs_unchecked_by_cpu", "cpu_us_per_row", "gateway_peak_rss_mib", "load"),
    "watch": ("vs_bare_count_by_cpu", "change_to_last_watcher_s", "idle_cpu_ms_per_watcher_s", "watchers", "load"),
}

ROWS = 5_000


def test_what_is_listed_is_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(_KEYS) == list(BENCHMARKS)


@pytest.mark.timeout(300)  # some start several gateways, on a machine that may be busy
@pytest.mark.parametrize("name", _KEYS)
def test_a_benchmark_runs_and_ends_with_one_json_object(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.lookup.SECONDS", 0.5)
    monkeypatch.setattr("bench.pair.SECONDS", 0.5)
    monkeypatch.setattr("bench.synthesis.EPSILONS", (4.7,))
    monkeypatch.setattr("bench.releases.crowd.RESEARCHERS", 8)
    monkeypatch.setattr("bench.releases.speed.REPEATS", 2)
    monkeypatch.setattr("bench.watch.IDLE_SECONDS", 1.0)
    assert main([name, "--rows", str(ROWS), "--runs", "1", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    figures = json.loads(lines[0])
    assert figures["benchmark"] == name
    # rules are measured in powers of ten
    assert figures["rules"] == 1_000 if name == "decide" else figures["rows"] == ROWS
    assert all(key in figures for key in _KEYS[name])
    assert all(number > 0 for number in _numbers(figures))
    if name == "extract":
        # both streams had everybody
        assert figures["batches"] == figures["unprotected"]["batches"] == 1


def test_what_is_run_together_is_printed_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
        say("counting")
        return {"rows": rows, "nested": {"seconds": spread([2.0] * runs).json(), "note": "x"}}

    counted = {name: Benchmark(name, "counts", 20, 3, run) for name in ("one", "two")}
    monkeypatch.setattr("bench.__main__.RESULTS", tmp_path / "results")
    monkeypatch.setattr("bench.__main__.BENCHMARKS", counted)
    assert main(["all", "--rows", "300"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split() for line in out if "nested.seconds" in line] == [
        ["nested.seconds", "2", "2", "…", "2", "3"]
    ] * 2
    kept = {name: json.loads((tmp_path / "results" / f"{name}.json").read_text(encoding="utf-8")) for name in counted}
    assert json.loads(out[-1]) == kept
    assert [figures["rows"] for figures in kept.values()] == [300, 300]


def test_results_are_not_for_git() -> None:
    ignored = (RESULTS.parent / ".gitignore").read_text(encoding="utf-8").split()
    assert f"/{RESULTS.name}/" in ignored


@pytest.mark.parametrize("arguments", [["nothing"], ["extract", "--rows", "0"], ["extract", "--runs", "-1"], []])
def test_what_is_asked_wrongly_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def _numbers(figures: object) -> list[float]:
    if isinstance(figures, dict):
        return [number for value in figures.values() for number in _numbers(value)]
    return [figures] if isinstance(figures, int | float) else []
