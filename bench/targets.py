"""What is aimed at, and whether a run of all benchmarks met it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.measure import Json


@dataclass(frozen=True, slots=True)
class Target:
    """A figure of a benchmark, by its path, and the least or the most that it should be."""

    benchmark: str
    figure: str
    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool:
        """Tell whether a value is as good as aimed at."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def aim(self) -> str:
        """What is aimed at, in words."""
        return f"≥ {self.least:,.4g}" if self.least is not None else f"≤ {self.most:,.4g}"


TARGETS = (
    Target("extract", "rows_per_s", least=3_000_000),
    Target("extract", "vs_unprotected_stream", least=0.8),
    Target("extract", "vs_unprotected_stream_by_cpu", least=0.8),
    Target("day", "at_120000000.seconds", most=50),
    Target("day", "at_120000000.peak_rss_mib.gateway", most=1024),
    Target("day", "at_120000000.peak_rss_mib.client", most=1024),
    Target("day", "dearest_over_cheapest", most=1.1),
    Target("lookup", "vs_empty_unary", least=0.6),
    Target("pair", "two_over_one", most=1.1),
    Target("start", "seconds_to_serving", most=2),
    Target("pseudonyms", "token_per_s", least=15_000_000),
    Target("pseudonyms", "token_vs_hmac", least=50),
    Target("decide", "cached_p50_us", most=10),
)


def summary(results: Mapping[str, Mapping[str, Json]]) -> list[dict[str, Json]]:
    """Return a line for each target whose figure was measured: what it is, what is aimed at, and whether it was met."""
    lines: list[dict[str, Json]] = []
    for target in TARGETS:
        found: Json | None = results.get(target.benchmark)
        for step in target.figure.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        if isinstance(found, int | float):
            name, met = f"{target.benchmark}.{target.figure}", "met" if target.met(found) else "missed"
            lines.append({"figure": name, "value": found, "aim": target.aim, "result": met})
    return lines
