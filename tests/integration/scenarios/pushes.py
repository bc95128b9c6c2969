"""What stories push, and what a superior is shown: checked against the rows that were sent, and the city's tables."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gateway.client as gw
from seeds.generator import Canary
from tests.integration.scenarios.story import Gets, Step
from tests.integration.scenarios.truth import rows_of

_CITY = timedelta(hours=8)


@dataclass
class Pushes:
    """What one story pushed: the ids of its batches by their names, and the rows of each, made once."""

    data: Path
    canary: Callable[[int], Canary]
    ids: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def push(self, gateway: gw.Gateway, step: Step) -> gw.Pushed:
        """Push the rows of a step; a batch that was named before is sent as it was then."""
        name = self.ids.setdefault(step.batch, str(uuid.uuid4()))
        rows = self.rows.setdefault(step.batch, [self._row(row) for row in step.rows])
        if step.rows and [set(row) for row in rows] != [set(row) for row in step.rows]:
            raise AssertionError("a batch of a story has its rows once")
        return gateway.push(
            step.dataset, step.disclosure, rows, purpose=step.why, region=step.where, batch_id=name
        )  # fmt: skip

    def kept(self, answer: gw.Pushed, step: Step, gets: Gets) -> None:
        """See that the answer is as the story says, and that the folder holds what was accepted and nothing else."""
        gw.verify_receipt(answer.receipt)
        assert (answer.receipt.institution, answer.receipt.person) == (step.who, step.person)
        assert (answer.accepted, dict(answer.counts), answer.repeated) == (gets.accepted, gets.rejected, gets.repeated)
        assert answer.receipt.batch == answer.batch_id
        sent, turned_away = self.rows[step.batch], {one.row for one in answer.rejected_rows}
        lying = Counter(row["report_id"] for row in rows_of(self.data, step.dataset, "", None, ()))
        for number, row in enumerate(sent):
            if number not in turned_away:
                assert lying[row["report_id"]] == 1
        assert max(lying.values(), default=1) == 1

    def _row(self, written: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in written.items()}

    def _value(self, name: str, value: Any) -> Any:
        match value:
            case {"canary": int(number)}:
                return getattr(self.canary(number), name)
            case {"hours_ago": hours}:
                now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
                return now + _CITY - timedelta(hours=hours)
            case _:
                return value


def exact_or_withheld(answer: gw.Indicator, data: Path, step: Step, gets: Gets) -> None:
    """See that each figure is what the register says, or is withheld; and that what is withheld does not follow.

    No region that is shown has parts of which just one is withheld, and those that are hold as many as it takes.
    """
    gw.verify_receipt(answer.receipt)
    assert answer.about.least_units == gets.least_units and answer.receipt.noise_waived
    people: Counter[str] = Counter()
    staff: Counter[str] = Counter()
    for row in rows_of(data, step.dataset, step.where, None, ()):
        steps = row["community"].split("/")
        for depth in range(1, len(steps) + 1):
            people["/".join(steps[:depth])] += 1
            staff["/".join(steps[:depth])] += row.get("staff", 0)
    shown: dict[str, Any] = {region: one.values for (region, *_), one in answer.figures.items()}  # type: ignore[misc]
    assert shown and all(f"{region}/".startswith(f"{step.where}/") for region in shown if step.where)
    for region, values in shown.items():
        truth = {"count_units": people[region], "sum(staff)": staff[region]}
        assert values is None or values == {name: truth[name] for name in answer.about.statistics}
        assert values is None or people[region] >= (gets.least_units or 0)
    for region, values in shown.items():
        below = _below(region, shown)
        if below and values is not None:
            hidden = [one for one in below if shown[one] is None]
            assert len(hidden) != 1 and (not hidden or sum(people[one] for one in hidden) >= (gets.least_units or 0))


def _below(region: str, regions: Mapping[str, Any]) -> Sequence[str]:
    return [one for one in regions if one.rpartition("/")[0] == region]
