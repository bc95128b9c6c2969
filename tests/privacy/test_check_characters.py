"""Check characters of format-preserving tokens are right in all of them, or in none: as the contract says.

The tokens are asked for over TLS. The checker is also fed what a broken gateway gives: the person's own check character
in its place, one drawn by chance, and a single wrong one among thousands.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gateway.kernels.tokens.format_preserving import preserve
from gateway.stages import pseudonymize as stage
from tests.privacy.detectors import is_id, rightly_checked
from tests.privacy.told import ASKING, CLEANING, HOTELS, OTHER, RENEWED, Told, texts

DOMAINS = ((ASKING, CLEANING), (OTHER, CLEANING), (ASKING, HOTELS), (OTHER, HOTELS))


@pytest.mark.parametrize(("recipient", "purpose"), DOMAINS)
def test_check_characters_are_always_right_or_never(told: Told, recipient: str, purpose: str) -> None:
    assert rightly_checked(told.ids.values()) == 1, "the people's own are right"
    assert rightly_checked(told.ask("never-valid", recipient, purpose).values()) == 0
    assert rightly_checked(told.ask("lookalikes", recipient, purpose).values()) == 1


@pytest.mark.parametrize("name", [name for name in RENEWED if name.endswith("lookalikes")])
def test_so_are_those_that_are_renewed(told: Told, name: str) -> None:
    assert rightly_checked(told.ask(name).values()) == 1


def by_chance(tokens: list[str], _: list[str]) -> list[str]:
    """Check characters that are drawn."""
    chance = random.Random(11643)
    return [token[:17] + chance.choice("0123456789X") for token in tokens]


def left_in_place(tokens: list[str], ids: list[str]) -> list[str]:
    """Check characters that stay those of the person."""
    return [token[:17] + one[17] for token, one in zip(tokens, ids, strict=True)]


def once_otherwise(tokens: list[str], _: list[str]) -> list[str]:
    """A single check character that is right where the others are wrong, or wrong where they are right."""
    first, *others = tokens
    wanted = not is_id(first)
    return [next(first[:17] + last for last in "0123456789X" if is_id(first[:17] + last) == wanted), *others]


@pytest.mark.parametrize("breaking", [by_chance, left_in_place, once_otherwise])
@pytest.mark.parametrize("name", ["lookalikes", "never-valid"])
def test_others_are_found(
    heard: Told, monkeypatch: pytest.MonkeyPatch, name: str, breaking: Callable[[list[str], list[str]], list[str]]
) -> None:
    def broken(column: pa.StringArray, *more: Any) -> tuple[pa.StringArray, np.ndarray[Any, Any]]:
        tokens, untaken = preserve(column, *more)
        taken = np.flatnonzero(~untaken)
        spoilt = breaking(texts(tokens.take(taken)), texts(column.take(taken)))
        held: list[Any] = tokens.to_pylist()
        for place, token in zip(taken.tolist(), spoilt, strict=True):
            held[place] = token
        return pa.array(held, pa.string()), untaken

    monkeypatch.setattr(stage, "preserve", broken)
    rate = rightly_checked(heard.ask_anew(name).values())
    assert 0 < rate < 1
    if breaking is not once_otherwise:
        assert 0.05 < rate < 0.15
