"""Scenes about statistics: a researcher plans, asks, asks again; a contest team spends all it has."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pyarrow as pa

import gateway.client as gw
from gateway.cli.demo.play import Play
from gateway.cli.demo.report import Misbehaved

_RESEARCH = "academic-research"
_CONTEST = "open-data-contest"
_PLAN = ("subsidies", "by-sector")
_WANTED = 30.0
_FAR = 6.0
"""Noise beyond so many margins would come once in more than ten million releases."""


def research(play: Play) -> None:
    """What there is, what it costs, how accurate it will be; then the answer, twice."""
    report = play.report
    report.scene(
        "Statistics: a researcher counts subsidies by sector",
        "Differential privacy: no answer tells whether any one person is in the data. First the price.",
    )
    researcher = play.asks("zju-research", _RESEARCH, "which tables are there?")
    offered = researcher.datasets(purpose=_RESEARCH)
    report.left_rows(
        pa.table(
            {
                "table": [f"{item.dataset}/{item.disclosure}" for item in offered],
                "group by": [", ".join(key.field for key in item.group_by_fields) for item in offered],
                "numbers": [", ".join(value.field for value in item.value_fields) or "—" for item in offered],
                "protects a": [item.privacy_unit for item in offered],
                "max ε": [item.max_epsilon for item in offered],
            }
        )
    )
    before = _spent(play, "zju-research", _RESEARCH, _PLAN, show=True)

    play.asks("zju-research", _RESEARCH, "estimate a count by sector", f"I need it within ± {_WANTED:.0f}")
    price = researcher.estimate(*_PLAN, [gw.count()], purpose=_RESEARCH, margin=_WANTED, group_by=["sector"])
    margin = price.measures[0].margin_95
    report.left_fields(
        [
            ("price", f"ε = {price.epsilon:.3f}"),
            ("margin", f"± {margin:.1f} in 95 of 100 cells, for each of {price.cells} cells"),
            ("one person is in at most", price.measures[0].sensitivity_derivation),
            ("affordable", "yes" if price.affordable else "no"),
        ]
    )
    report.prove(0 < margin <= _WANTED and price.affordable, f"the margin is within ± {_WANTED:.0f}")
    unspent = _spent(play, "zju-research", _RESEARCH, _PLAN)
    report.prove(unspent == before, "to ask for the price costs nothing")

    play.asks("zju-research", _RESEARCH, "release that count", f"ε = {price.epsilon:.3f}")
    first = researcher.release(*_PLAN, [gw.count()], purpose=_RESEARCH, epsilon=price.epsilon, group_by=["sector"])
    play.answered(first)
    report.left_rows(first.to_arrow())
    _compare(play, first.to_arrow(), margin)
    after = _spent(play, "zju-research", _RESEARCH, _PLAN)
    rho = Fraction(price.privacy_loss.rho)
    report.prove(
        first.charged and all(after[name] - spent == rho for name, spent in before.items()),
        f"charged once to each of {len(after)} budgets, exactly as estimated: ρ = {_rho(rho)}",
    )

    play.asks("zju-research", _RESEARCH, "the same count again")
    again = researcher.release(*_PLAN, [gw.count()], purpose=_RESEARCH, epsilon=price.epsilon, group_by=["sector"])
    play.answered(again)
    report.prove(again.message == first.message, "the same release, number for number: asking again teaches nothing")
    unchanged = _spent(play, "zju-research", _RESEARCH, _PLAN)
    report.prove(not again.charged and unchanged == after, "and costs nothing")


def contest(play: Play) -> None:
    """A team asks until its budget is empty."""
    report = play.report
    report.scene(
        "A contest team runs out of budget",
        "Each team has a budget of its own, within the contest's pool. What is spent does not come back.",
    )
    table = ("transport_trips", "rides-by-line")
    questions: Sequence[tuple[str, Any, Sequence[str]]] = (
        ("rides by line", gw.count(), ["line"]),
        ("riders by line", gw.count_units(), ["line"]),
        ("rides in all", gw.count(), []),
        ("riders in all", gw.count_units(), []),
    )
    team = play.of("contest-team-a")
    answered: list[tuple[Any, Sequence[str], gw.Release]] = []
    _spent(play, "contest-team-a", _CONTEST, table, show=True)
    for words, statistic, group_by in questions:
        spent = _spent(play, "contest-team-a", _CONTEST, table)
        play.asks("contest-team-a", _CONTEST, f"release {words}", "ε = 0.5")
        try:
            answer = team.release(*table, [statistic], purpose=_CONTEST, epsilon=0.5, group_by=group_by)
        except gw.BudgetExhausted as error:
            play.refusal("contest-team-a", error, "BUDGET_EXHAUSTED")
            break
        play.answered(answer)
        answered.append((statistic, group_by, answer))
        top = answer.to_arrow().to_pylist()[0]
        report.left(
            f"{answer.to_arrow().num_rows} cells, the first: " + "  ".join(f"{k} {_word(v)}" for k, v in top.items())
        )
    else:
        raise Misbehaved("the team's budget ends")
    report.prove(len(answered) == 2, "two releases at ε = 0.5 were in it, as policies/budgets.yaml says; the third not")
    left = _spent(play, "contest-team-a", _CONTEST, table)
    report.prove(left == spent, "the refused release was charged to no budget")
    statistic, group_by, first = answered[0]
    again = team.release(*table, [statistic], purpose=_CONTEST, epsilon=0.5, group_by=group_by)
    play.answered(again)
    report.prove(
        again.message == first.message and not again.charged, "what the team had asked before, it may still read"
    )


def _spent(
    play: Play, institution: str, purpose: str, table: tuple[str, str], *, show: bool = False
) -> dict[str, Fraction]:
    budgets = play.of(institution).budget(*table, purpose=purpose)
    if show:
        play.asks(institution, purpose, "what is left of my budgets?")
        play.report.left_rows(
            pa.table(
                {
                    "budget": [item.account for item in budgets],
                    "cap, as ε": [item.cap_epsilon_at_delta for item in budgets],
                    "spent, ρ": [_rho(Fraction(item.spent_rho)) for item in budgets],
                    "of ρ": [_rho(Fraction(item.cap_rho)) for item in budgets],
                    "largest release, ε": [f"{item.largest_epsilon:.2f}" for item in budgets],
                }
            )
        )
    return {item.account: Fraction(item.spent_rho) for item in budgets}


def _compare(play: Play, answer: pa.Table, margin: float) -> None:
    """Show the truth, inside, beside what left."""
    truth = play.raw_counts("subsidies", "sector")
    rows = answer.to_pylist()
    distances = [abs(row["count"] - truth.get(row["sector"], 0)) for row in rows]
    exact = "  ".join(f"{row['sector']} {truth.get(row['sector'], 0)}" for row in rows)
    play.report.inside(f"for comparison, the truth — never leaves:  {exact}")
    close = sum(distance <= margin for distance in distances)
    play.report.prove(
        any(distances) and max(distances) <= _FAR * margin,
        f"the answers are off, as they must be, and {close} of {len(rows)} lie within the margin",
    )


def _rho(value: Fraction) -> str:
    return f"{float(value):.4f}"


def _word(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
