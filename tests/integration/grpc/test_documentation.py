"""The programs of the how-to that need more of the city than the demo has, run as they stand."""

from __future__ import annotations

import re

import pytest

import gateway.client as gw
from tests.integration.fixtures import City
from tests.integration.site import ROOT, values_of

_PROGRAM = re.compile(r"<!-- tested: tests/integration/grpc -->\n```python\n(.*?)```", re.DOTALL)


def test_how_to_consume_compose_and_break_glass_from_python(city: City, capsys: pytest.CaptureFixture[str]) -> None:
    consume, compose, emergency = _PROGRAM.findall(
        (ROOT / "docs/howto/call-from-python.md").read_text(encoding="utf-8")
    )
    runs = values_of(city.data, "ambulance_runs", "run_id")
    names: dict[str, object] = {"connect": city.connect, "run_id": runs[0]}
    exec(compile(consume, "documentation", "exec"), names)
    assert capsys.readouterr().out == "no pass\n"
    canary = next(one for one in city.seeded.canaries if one.number == 4)
    names |= {"gw": gw, "parent": canary.resident_id, "firm": canary.firm_code}
    exec(compile(compose, "documentation", "exec"), names)
    assert capsys.readouterr().out == "True ['firm_name']\n"
    exec(compile(emergency, "documentation", "exec"), names)
    assert re.fullmatch(r"[0-9a-f]{16}\n", capsys.readouterr().out)
