"""The client's arithmetic of the largest cells is the gateway's."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gateway.client.leading import leading
from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.ranking import top


@pytest.mark.parametrize("mechanism", list(Mechanism))
@pytest.mark.parametrize("scale", [0.0, 0.3, 1.0, 7.25, 63.9, 300.5, 5000.0])
@pytest.mark.parametrize(("most", "cells"), [(1, 1), (1, 2), (3, 40), (40, 40), (7, 900)])
def test_it_agrees_with_the_gateway(mechanism: Mechanism, scale: float, most: int, cells: int) -> None:
    dice = random.Random(f"{mechanism} {scale} {cells}")
    values = [round(dice.gauss(0, 9 * scale + 2)) for _ in range(cells)]
    here = leading(values, most, mechanism.value, scale)
    there = top(np.array(values, np.int64), most, IntegerNoise(mechanism, scale))
    assert here.places == tuple(there.places.tolist())
    assert here.certain == there.certain
    assert here.margin == there.counts.upper[0] - there.counts.values[0]
