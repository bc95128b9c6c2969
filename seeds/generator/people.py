"""The people of one chunk: who they are, where they live, whom they work for."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seeds.generator import addresses, identity, names, phones
from seeds.generator.columns import Ints
from seeds.generator.skew import TODAY_NUMBER, draw, seasonal_days
from seeds.generator.town import Town

# Share of each five-year age band from 0-4 up to 95-99, men and women: an ageing city that draws workers.
# fmt: off
_MEN = (2.3, 2.6, 2.3, 2.1, 3.3, 4.9, 5.3, 4.6, 4.0, 4.0, 4.0, 3.5, 2.4, 2.3, 1.7, 1.0, 0.6, 0.3, 0.1, 0.02)
_WOMEN = (2.1, 2.3, 2.0, 1.8, 2.9, 4.4, 4.9, 4.3, 3.7, 3.7, 3.8, 3.4, 2.4, 2.4, 1.9, 1.2, 0.8, 0.4, 0.1, 0.03)
# fmt: on
_BAND_DAYS = identity.OLDEST_DAYS // 20
_EMPLOYED = 0.74  # of those of working age, by a firm of this city
_CASES = 0.02
_WORKING = (18 * 365, 62 * 365)
_AREA_WEIGHTS = tuple(identity.AREAS.values())


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """One chunk of residents, one entry per person in every column."""

    chunk: int
    first: int
    """The ordinal of the first of them in the whole city."""
    resident_id: pa.StringArray
    name: pa.StringArray
    male: npt.NDArray[np.bool_]
    birth_day: Ints
    """Days since 1970-01-01, negative before."""
    phone: pa.StringArray
    address: pa.StringArray
    home: Ints
    """Index of the community."""
    firm: Ints
    """Number of the employer, or -1."""
    diagnosed: Ints
    """Day of the diagnosis, or -1 for those who were not a case in the past year."""

    def __len__(self) -> int:
        return len(self.home)


def settle(town: Town, registrar: identity.Registrar, chunk: int, first: int, count: int) -> People:
    """Let `count` people move in, numbered from `first`; the registrar never issues an id twice."""
    rng = town.chance("people", chunk)
    band = draw(rng, _MEN + _WOMEN, count)
    male = band < len(_MEN)
    age = (band % len(_MEN)) * _BAND_DAYS + rng.integers(0, _BAND_DAYS, count)
    birth_day = TODAY_NUMBER - 1 - age
    home = draw(rng, town.community_weights, count)
    works = (age >= _WORKING[0]) & (age < _WORKING[1]) & (rng.random(count) < _EMPLOYED)
    return People(
        chunk=chunk,
        first=first,
        resident_id=registrar.issue(draw(rng, _AREA_WEIGHTS, count), birth_day, male),
        name=names.names(rng, male),
        male=male,
        birth_day=birth_day,
        phone=phones.mobile_numbers(rng, first + np.arange(count), town.seed),
        address=addresses.addresses(rng, home, town.regions),
        home=home,
        firm=np.where(works, town.hire(rng, count), -1),
        diagnosed=np.where(rng.random(count) < _CASES, seasonal_days(rng, count), -1),
    )
