"""The how-to for researchers: its programs, run as they stand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.integration.site import ROOT, Site

_PROGRAM = re.compile(
    r"<!-- tested: tests/integration/grpc/test_ask_for_statistics.py -->\n```python\n(.*?)```", re.DOTALL
)
_TRIED = re.compile(r"^tried\(.*#.*?([A-Z]+_[A-Z_]+|the same)", re.MULTILINE)


def test_ask_for_statistics(new_site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    new_site.start()
    names: dict[str, Any] = {"connect": new_site.connect}
    printed = []
    programs = _PROGRAM.findall((ROOT / "docs/howto/ask-for-statistics.md").read_text(encoding="utf-8"))
    for program in programs:
        exec(compile(program, "documentation", "exec"), names)
        printed.append(capsys.readouterr().out)
    (rehearsed,) = _PROGRAM.findall((ROOT / "docs/howto/rehearse.md").read_text(encoding="utf-8"))
    exec(compile(rehearsed, "documentation", "exec"), names)
    assert re.match(r"True rehearsal-[0-9a-f]{16} \{b'rehearsal': b'made up rows'\}", capsys.readouterr().out)
    names["research"].close()
    offered, priced, compared, asked, wide, free, timed, flows, joined, certified, refused = printed

    assert "subsidies by-sector protects a resident" in offered
    assert "group by paid_on ['dates']" in offered and "group by amount_yuan [] bins" in offered
    # what the page says of the two prices: at the charge of ε = 0.5, Gaussian noise is less than half as wide
    margins = {words[0]: float(words[3]) for line in priced.splitlines() if (words := line.split())[1] == "buys"}
    assert margins.popitem() == ("0.05", 18.0) and margins["0.5"] == 24.0
    assert priced.count("can be paid: True") == 4 and "lifetime/resident has rho" in priced

    assert "count ± " in compared and "mean(amount_yuan) ± " in compared and "in a cell of 1000\n" in compared
    assert compared.count("loses:") >= 4 and "weights for rho" in compared
    first, again = (line for line in asked.splitlines() if line.startswith(("True", "False")))
    assert re.fullmatch(r"True 1/100 [0-9a-f]{64}", first) and again == "False True"
    assert "offsets(amount_yuan) for statistic 3 gets rho 1/90" in wide and "mean(amount_yuan) from" in wide
    assert free.startswith("False ['quantile(amount_yuan; 0.5)'") and free.count("surely among the three:") == 3
    assert "2026-01-01" in timed and timed.endswith("\n540\n")
    assert "hangzhou/xihu/beishan" in flows and "2026-10-12 23:00" in flows
    assert 'from_community: [["hangzhou","hangzhou/xiacheng"' in flows

    assert "subsidies.sector: " in joined and joined.endswith("subsidies/by-sector under g-research-sector\n")
    assert "\nempty_cells_shown  Every cell" in certified and "\nundeclared_key sector Rows whose sector" in certified
    assert "Differentially private release" in certified and "'rightsIdentifier': 'CC-BY-4.0'" in certified
    assert certified.startswith("recomputed from what was signed: ('count',)\n{'rho': '1/100'} integer Gaussian [")

    wanted: list[str] = []
    for reason in _TRIED.findall(programs[-1]):
        wanted.append(wanted[-1] if reason == "the same" else reason)
    reasons, named = refused.splitlines()[::2], refused.splitlines()[1::2]
    assert [line.split()[1] for line in reasons] == wanted
    # a purpose that is not granted is no matter of plans
    assert [line.endswith("None") for line in named] == [False] * 4 + [True]
