"""Keys that nobody declared: from how many noised privacy units on a cell is shown, and what showing it may lose.

A cell that is there for one unit's records alone would tell, by being shown at all, that the unit is in the data. Of
such cells a unit has at most `max_groups`, each with a true count of 1. The noise lifts one of them to the threshold
with a probability that a tail of the noise bounds; together those are at most delta. But for that, the release loses
what its noise says, because every other cell is there without the unit as well. (Stability-based histograms: Korolova
et al. 2009, section 4; Wilson et al. 2020, section 3.4; in rho, as approximate zCDP: Bun and Steinke 2016, section 8.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from gateway.model.measure import Mechanism, NoisePlan, Threshold
from gateway.model.statistics import NoisedMeasure
from gateway.privacy.answers.noise import Integers

_ROUNDING = 1 + 1e-9
"""More than floats lose in a tail."""


def tail(mechanism: Mechanism, scale: float, at_least: int) -> float:
    """Return an upper bound of P(noise >= at_least), for an `at_least` of 1 or more.

    Integer Laplace: a^m/(1 + a) with a = exp(-1/scale), exactly. Integer Gaussian: no more than the Gaussian of the
    same scale has from m - 1 on (Canonne, Kamath and Steinke 2020, proposition 25).
    """
    if mechanism is Mechanism.LAPLACE:
        return _ROUNDING * math.exp(-at_least / scale) / (1 + math.exp(-1 / scale))
    return _ROUNDING * math.erfc((at_least - 1) / (scale * math.sqrt(2))) / 2


def threshold_for(place: int, units: NoisePlan, max_groups: int, delta: Fraction) -> Threshold:
    """Return the lowest threshold found for noised numbers of units, the measure at `place`, that loses at most delta.

    Raises:
        ValueError: delta is not between 0 and 1.
    """
    if not 0 < delta < 1:
        raise ValueError("delta is a probability, and not 0")
    own = float(delta / max_groups)
    if units.mechanism is Mechanism.LAPLACE:
        above = -units.scale * (math.log(own) + math.log1p(math.exp(-1 / units.scale)))
    else:
        above = -units.scale * NormalDist().inv_cdf(own)
    beyond = max(1, math.floor(above) - 1)
    while tail(units.mechanism, units.scale, beyond) > own:
        # of a wide noise one step is too little to show in floats
        beyond += max(1, math.floor(units.scale / 2**20))
    least = beyond + 1
    derivation = f"{max_groups} cells per unit × P(1 + noise ≥ {least}), which is at most {float(delta):g} in all"
    return Threshold(place, least, delta, derivation)


def shown_places(threshold: Threshold, measures: Sequence[NoisedMeasure], most: int) -> Integers:
    """Return the places of the cells that reach the threshold, in order; of more than `most`, those with most units.

    Of noised counts alone, so that it loses nothing more.
    """
    units = np.array(measures[threshold.measure].values, np.int64)
    places: Integers = np.flatnonzero(units >= threshold.least)
    if len(places) > most:
        places = np.sort(places[np.argsort(-units[places], kind="stable")[:most]])
    return places
