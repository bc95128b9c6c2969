"""What stands under the id of a release, asked for again: in memory where nothing can change it, else in the file.

What is asked of the file is counted in statements, and by no clock.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.state.database import StateDatabase, open_state
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.requests import SqlRequestRegister
from gateway.adapters.state.upgrade import upgrade
from gateway.model.budget import Charge
from gateway.model.loss import PrivacyLoss
from tests.conformance.ports.samples import a_release, an_account

LOSS = PrivacyLoss(Fraction(1, 200))
MINE, OTHERS = an_account(id="person/a"), an_account(id="person/b")


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[list[StateDatabase]]:
    """Two openings of one file, as two processes have them."""
    databases = [open_state(tmp_path / "state.db") for _ in range(2)]
    upgrade(databases[0])
    yield databases
    for database in databases:
        database.close()


@pytest.fixture
def ledgers(databases: list[StateDatabase]) -> tuple[SqlBudgetLedger, SqlBudgetLedger]:
    first, second = (SqlBudgetLedger(database, SystemClock()) for database in databases)
    return first, second


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that any engine runs, from here on."""
    seen: list[str] = []

    def see(_: Any, __: Any, statement: str, *___: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", see)
    yield seen
    event.remove(Engine, "before_cursor_execute", see)


def test_a_release_that_was_asked_for_again_is_out_of_memory(
    ledgers: tuple[SqlBudgetLedger, SqlBudgetLedger], statements: list[str]
) -> None:
    ledger, _ = ledgers
    ledger.charge("r", [MINE], LOSS)
    stored = ledger.store(a_release("r"))
    assert ledger.stored("r") == stored
    statements.clear()
    for _ in range(3):
        assert ledger.charge("r", [MINE], LOSS) == Charge("r", LOSS.rho, fresh=False)
        assert ledger.stored("r") == stored
    # that somebody else was charged is remembered as well, and makes it nobody's who was not
    assert ledger.charge("r", [MINE, OTHERS], LOSS) == Charge("r", LOSS.rho, fresh=False, own=False)
    assert statements == []


def test_what_is_charged_and_not_yet_stored_is_looked_up_each_time(
    ledgers: tuple[SqlBudgetLedger, SqlBudgetLedger],
) -> None:
    ledger, other_process = ledgers
    ledger.charge("r", [MINE], LOSS)
    assert ledger.charge("r", [MINE], LOSS) == Charge("r", LOSS.rho, fresh=False)
    assert ledger.stored("r") is None
    stored = other_process.store(a_release("r"))
    assert ledger.stored("r") == stored


def test_what_was_never_charged_is_looked_up_each_time(ledgers: tuple[SqlBudgetLedger, SqlBudgetLedger]) -> None:
    ledger, other_process = ledgers
    assert ledger.stored("r") is None
    other_process.charge("r", [OTHERS], LOSS)
    other_process.store(a_release("r"))
    assert ledger.charge("r", [MINE], LOSS) == Charge("r", LOSS.rho, fresh=False, own=False)


def test_few_releases_are_remembered_and_none_that_is_long(
    ledgers: tuple[SqlBudgetLedger, SqlBudgetLedger], statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, _ = ledgers
    account = an_account(10)
    names = [f"r{number}" for number in range(129)]
    for name in names:
        ledger.charge(name, [account], LOSS)
        ledger.store(a_release(name))
        ledger.stored(name)
    statements.clear()
    ledger.stored(names[-1])
    assert statements == []
    ledger.stored(names[0])
    assert len(statements) > 0
    monkeypatch.setattr("gateway.adapters.state.ledger._LONGEST", 10)
    for _ in range(2):
        statements.clear()
        assert ledger.stored(names[1]) is not None
        assert len(statements) > 0


def test_a_new_request_id_is_bound_by_one_statement(databases: list[StateDatabase], statements: list[str]) -> None:
    register = SqlRequestRegister(databases[0], SystemClock())
    assert register.bind("u", "p", "id", b"1" * 32)
    begun, bound = statements
    assert begun == "BEGIN IMMEDIATE" and bound.startswith("INSERT")
