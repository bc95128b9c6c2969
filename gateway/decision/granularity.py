"""How narrow a region a caller may name. Asking region by region tells of each row in which one it lies."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.model.contract import DataContract
from gateway.model.region import RegionLevel, is_within
from gateway.model.treatment import GeneralizeRegion, Keep, Treatment
from gateway.policy.grants import Grant
from gateway.policy.regions import RegionTree

_LEVELS = tuple(RegionLevel)


def finest_level(contract: DataContract, fields: Mapping[str, Treatment]) -> RegionLevel | None:
    """Return the finest level at which rows of these fields tell where they lie; None if they do not tell.

    What is masked or a token tells no region, and a dataset without a region field has none to tell.
    """
    if contract.region_field is None:
        return None
    match fields.get(contract.region_field):
        case Keep():
            return _LEVELS[-1]
        case GeneralizeRegion(to):
            return RegionLevel(to.value)
        case _:
            return None


def region_fits(
    region: str, grant: Grant, contract: DataContract, fields: Mapping[str, Treatment], regions: RegionTree
) -> bool:
    """Tell whether rows of these fields may be asked for in `region` under a grant.

    The grant's own region always may. A part of it is a filter on where the rows lie, and may be named only where,
    and as finely as, the fields leave with that. What lies outside the grant, and an unknown region, never fits.
    `fields` are those that leave, with the treatment of each. Statistics are not rows: noise covers them anywhere.
    """
    own = grant.subtree(regions.root.path)
    found = regions.get(region)
    if found is None or not is_within(region, own):
        return False
    if region == own:
        return True
    finest = finest_level(contract, fields)
    return finest is not None and _LEVELS.index(found.level) <= _LEVELS.index(finest)
