"""Chinese postal addresses brought to the part that names a region.

An address goes down: province, city, district, street or town, and then what nobody needs to know. Provinces, cities
and districts are taken from the closed list of China's regions, so that no road, estate, firm or person passes for one.
Streets and towns, some 41,000, are known by their endings, right behind a district and within a few characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pyarrow as pa

from gateway.kernels.generalize.divisions import (
    CITIES,
    COUNTIES,
    DIRECT,
    MUNICIPALITIES,
    PROVINCES,
    SHORT_MUNICIPALITIES,
    SHORT_PROVINCES,
    UNDIVIDED,
)
from gateway.kernels.text import Column, as_text, compute
from gateway.model.treatment import Precision

_LEVELS = {Precision.CITY: 0, Precision.DISTRICT: 1, Precision.STREET: 2}
_LOOKED_AT = 60
"""Characters at the start of an address: the longest names of four levels have fewer."""
_HEAD = rf"^(?P<head>[\p{{Han}}\s\x{{3000}}]{{1,{_LOOKED_AT}}})"
_COUNTRIES = "中华人民共和国", "中国"

_HAN = "[\u3007\u3400-\u4dbf\u4e00-\u9fff]"
_SUBDISTRICT = re.compile(rf"(?P<name>(?:(?![镇乡]){_HAN}){{1,4}}?|{_HAN}{{1,3}}[镇乡])街道(?![口旁边])")
_TOWNS = (
    re.compile(rf"(?P<name>{_HAN}[镇乡])[镇乡]"),  # 东镇镇, 柏乡镇
    re.compile(rf"(?P<name>{_HAN}{{1,4}}?)[镇乡]"),
    re.compile(rf"(?P<name>{_HAN}{{2,14}}?族)(?:[镇乡]|苏木)"),
    re.compile(rf"(?P<name>{_HAN}{{1,8}}?)苏木"),
)
_NO_TOWN = re.compile(".*[路街巷弄号幢栋室寓].*|.*[小老]|[同故]")
_NO_SUBDISTRICT = re.compile(".*[号幢栋室].*")


def generalize_address(array: Column, to: Precision) -> pa.StringArray:
    """Keep of each address the part that names its city, district, or street or town, from the province down and as it
    is written, without white space: 浙江省杭州市西湖区文三路 138 号 leaves as 浙江省杭州市西湖区.

    NULL where an address names no region of that level in its place. Municipalities are of the level of a city;
    regions of county level right under a province are both city and district, and so are cities without districts.
    Only Chinese characters leave, so never a number.

    Raises:
        TypeError: if the column is not utf8. ValueError: for a precision that is none of regions.
    """
    if to not in _LEVELS:
        raise ValueError("addresses generalise to street, district or city")
    # roads repeat where house numbers do not: read each road once
    heads = compute.extract_regex(as_text(array), _HEAD).field("head").dictionary_encode()
    kept = [_region(text, _LEVELS[to]) for text in heads.dictionary.to_pylist()]
    return as_text(pa.array(kept, pa.string()).take(heads.indices))


def _region(head: str, level: int) -> str | None:
    """What names the region of the level: 0 city, 1 district, 2 street or town."""
    text = "".join(head.split())
    for country in _COUNTRIES:
        text = text.removeprefix(country)
    end = _ends(text)[level]
    return None if end is None else text[:end]


def _ends(text: str) -> tuple[int | None, int | None, int | None]:
    """Where the names of the city, the district, and the street or town end."""
    city, place = _city(text)
    if city is not None and text.startswith("市辖区", place):  # of the code, and no district of its own
        place += 3
    county = _longest(_COUNTY_NAMES, text, place)
    if not county:
        whole = city if text[:city].endswith(tuple(UNDIVIDED)) else None
        return city, whole, None if whole is None else _street(text, whole)
    if place == 0 and len(county) == 2 and county.endswith("区"):  # 东区 alone may be anything
        return None, None, None
    district = place + len(county)
    if city is None and (county in DIRECT or text[:place] in SHORT_MUNICIPALITIES):
        city = district if county in DIRECT else place
    return city, district, _street(text, district)


def _city(text: str) -> tuple[int | None, int]:
    """Where the city's name ends, if there is one, and where to read on."""
    province = _longest(_PROVINCE_NAMES, text, 0)
    city = _longest(_CITY_NAMES, text, len(province))
    if not province and not city and not _longest(_COUNTY_NAMES, text, 0):
        province = _longest(_SHORT_NAMES, text, 0)
        city = _longest(_CITY_NAMES, text, len(province))
    place = len(province) + len(city)
    if province in MUNICIPALITIES:
        end = 2 * place if text.startswith(province, place) else place
        return end, end
    return place if city else None, place


def _street(text: str, place: int) -> int | None:
    """Where the name of the street or town ends."""
    if found := _SUBDISTRICT.match(text, place):
        return None if _NO_SUBDISTRICT.fullmatch(found["name"]) else found.end()
    for town in _TOWNS:
        if found := town.match(text, place):
            return None if _NO_TOWN.fullmatch(found["name"]) else found.end()
    return None


def _by_start(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Names by their first two characters, the longest first."""
    starts: dict[str, list[str]] = {}
    for name in sorted(names, key=len, reverse=True):
        starts.setdefault(name[:2], []).append(name)
    return {start: tuple(longest_first) for start, longest_first in starts.items()}


def _longest(names: Mapping[str, tuple[str, ...]], text: str, place: int) -> str:
    """The longest of the names that stands at a place of the text, or ""."""
    for name in names.get(text[place : place + 2], ()):
        if text.startswith(name, place):
            return name
    return ""


_PROVINCE_NAMES = _by_start(PROVINCES | MUNICIPALITIES)
_SHORT_NAMES = _by_start(SHORT_PROVINCES | SHORT_MUNICIPALITIES)
_CITY_NAMES = _by_start(CITIES)
_COUNTY_NAMES = _by_start(COUNTIES)
