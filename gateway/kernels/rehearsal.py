"""Rows made up from a contract alone, to rehearse on: of the declared schema, and about nobody.

Nothing here reads data. Identifiers have the form of real ones and can be nobody's: a resident id has an area code
that is not assigned and a wrong check character, and so has a firm code; a phone number has a prefix that no network
has, a plate one that no authority gives out. The same seed gives the same rows, and the same subjects under the same
numbers in every dataset, so that rehearsal datasets join.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels import alphabets, digits, layouts
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.batches import declared_schema
from gateway.kernels.text import Bytes, Column, Mask, compute, from_matrix
from gateway.model.contract import CanonicalForm, Classification, DataContract, FieldSpec
from gateway.model.filter import Operator
from gateway.model.spelling import FIRM_ALPHABET, PLATE_ALPHABET
from gateway.model.treatment import GeneralizeRegion
from gateway.model.values import FieldType, Scalar

BATCH_ROWS = 131_072

_Numbers = npt.NDArray[np.uint64]

_NULLS = 0.05
_NAMED = 0.5
_TEXTS = 1_000
_FOUND = 20
_INTEGERS = 1_000_000
_FIRST_DAY, _DAYS = date(2025, 1, 1), 730

_AREA = 990_100  # GB/T 2260 assigns no area code that begins with 99
_AREAS, _SERIALS = 100, 1_000
_BIRTHDAYS = np.array(
    np.strings.replace(np.datetime_as_string(np.arange("1920-01-01", "2020-01-01", dtype="M8[D]")), "-", ""), np.uint64
)
_RESIDENTS = _AREAS * len(_BIRTHDAYS) * _SERIALS
_PHONES = 10**9
_PHONE_PREFIX = b"10"  # mobile numbers begin with 13 to 19
_PLATES = len(PLATE_ALPHABET) ** 5
_PLATE_PREFIX = "琼Z".encode()  # Hainan's authorities have A to F
_FIRMS = 10**9
_FIRM_PREFIX = f"91{_AREA}".encode()
_TEXT_DIGITS = 10


def rehearsal(
    contract: DataContract, regions: Sequence[str], rows: int, seed: int, unit_named: str = ""
) -> Iterator[pa.RecordBatch]:
    """Yield so many rows of a contract's fields, in Arrow types as contracts have them.

    Values are the declared keys, lie within the declared bounds, and are NULL now and then where that may be.
    `regions` are the paths that fields of places take. The values that a predicate names come often, so that checks
    have both answers. What a primary key or a rule of quality wants unique is unique. A made up text says of which
    field it is; of privacy units, `unit_named` where that is given, so that they are the same in datasets that name the
    field otherwise.
    """
    columns = [_Column(contract, spec, regions, rows, seed, unit_named) for spec in contract.fields.values()]
    schema = declared_schema(contract)
    for start in range(0, rows, BATCH_ROWS):
        count = min(BATCH_ROWS, rows - start)
        yield pa.record_batch([column.values(start, count) for column in columns], schema=schema)


class _Column:
    """One field's values, batch by batch, drawn from a stream of its own."""

    def __init__(
        self, contract: DataContract, spec: FieldSpec, regions: Sequence[str], rows: int, seed: int, unit_named: str
    ) -> None:
        self._spec, self._seed, self._type = spec, seed, ARROW_TYPES[spec.type]
        self._random = np.random.default_rng(_stream(seed, contract.dataset, spec.name))
        self._unique = spec.name in _unique_fields(contract)
        is_unit = spec.name == contract.privacy_unit.field
        self._said = unit_named if is_unit and unit_named else spec.name
        names_people = is_unit or spec.classification is Classification.DIRECT_IDENTIFIER
        names_people = names_people or spec.canonical is not CanonicalForm.TEXT
        few = spec.name in _found_keys(contract)
        self._pool = max(1, rows // 2) if names_people else min(rows, _FOUND if few else _TEXTS)
        self._days = _FOUND if few else _DAYS
        self._most = _FOUND if few else None
        self._nulls = _NULLS if spec.nullable and not is_unit and not self._unique else 0.0
        choices = tuple(regions) if spec.name in _places(contract) else spec.keys
        self._choices = None if choices is None else pa.array(list(choices), self._type)
        named = () if choices is not None else _named_values(contract, spec)
        self._named = pa.array(list(named), self._type) if named and not self._unique else None

    def values(self, start: int, count: int) -> Column:
        """Return the values of rows `start` and on."""
        values = self._plain(start, count)
        if self._named is not None:
            chosen = _taken(self._named, self._random.integers(0, len(self._named), count))
            often = self._random.random(count) < _NAMED
            values = _taken(pa.concat_arrays([values, chosen]), np.arange(count) + often * count)
        if self._nulls:
            values = _taken(values, np.arange(count), self._random.random(count) < self._nulls)
        return values

    def _plain(self, start: int, count: int) -> Column:
        random, spec = self._random, self._spec
        if self._choices is not None:
            return _taken(self._choices, random.integers(0, len(self._choices), count))
        match spec.type:
            case FieldType.STRING:
                return _text(spec, self._said, self._numbers(start, count), self._seed)
            case FieldType.INT64:
                if self._unique:
                    return pa.array(np.arange(start, start + count), pa.int64())
                lower, upper = (spec.bounds.lower, spec.bounds.upper) if spec.bounds else (0, _INTEGERS - 1)
                upper = upper if self._most is None else min(upper, lower + self._most - 1)
                return pa.array(random.integers(lower, upper, count, endpoint=True), pa.int64())
            case FieldType.DOUBLE:
                bounds = spec.fixed_bounds
                if bounds is None:
                    return pa.array(random.integers(0, 100_000, count) / 100, pa.float64())
                steps = random.integers(bounds.lower, bounds.upper, count, endpoint=True)
                return pa.array(steps / 10**spec.decimals, pa.float64())
            case FieldType.BOOL:
                return pa.array(random.random(count) < _NAMED)
            case FieldType.DATE:
                first = np.datetime64(_FIRST_DAY, "D")
                return pa.array(first + random.integers(0, self._days, count).astype("timedelta64[D]"))
            case FieldType.TIMESTAMP:
                first = np.datetime64(_FIRST_DAY, "us")
                # whole seconds, as clocks at counters have them
                seconds = random.integers(0, _DAYS * 86_400, count) * 1_000_000
                return pa.array(first + seconds.astype("timedelta64[us]"))

    def _numbers(self, start: int, count: int) -> _Numbers:
        if self._unique:
            return np.arange(start, start + count, dtype=np.uint64)
        return self._random.integers(0, self._pool, count, dtype=np.uint64)


def _taken(values: Column, places: npt.NDArray[np.int64], missing: Mask | None = None) -> Column:
    taken: Column = compute.take(values, pa.array(places, mask=missing))
    return taken


def _stream(seed: int, *names: str) -> list[int]:
    digest = hashlib.sha256("\x00".join(names).encode()).digest()
    return [seed, *np.frombuffer(digest, "<u4").tolist()]


def _unique_fields(contract: DataContract) -> frozenset[str]:
    """One field of the primary key, and of each list that must have no duplicates: with it the whole list has none."""
    lists: list[Sequence[str]] = [[name for name, spec in contract.fields.items() if spec.primary_key]]
    for rule in contract.quality:
        if rule.metric == "duplicateValues" and rule.operator == "mustBe" and rule.operands == (0,):
            properties = rule.arguments.get("properties")
            listed = tuple(map(str, properties)) if isinstance(properties, tuple) else ()
            lists.append([rule.field] if rule.field else listed)
    able = [[name for name in names if _can_be_unique(contract, name)] for names in lists]
    return frozenset(names[0] for names in able if names)


def _can_be_unique(contract: DataContract, name: str) -> bool:
    spec = contract.fields.get(name)
    if spec is None or spec.keys is not None or spec.bounds is not None or name in _places(contract):
        return False
    return spec.type in (FieldType.STRING, FieldType.INT64)


def _places(contract: DataContract) -> frozenset[str]:
    """The fields that hold paths of regions: as the contract says, and those that a disclosure generalises as such."""
    generalised = {
        name
        for spec in contract.disclosures.values()
        for name, treatment in spec.fields.items()
        if isinstance(treatment, GeneralizeRegion)
    }
    return frozenset(generalised | {name for name, spec in contract.fields.items() if contract.holds_regions(spec)})


def _found_keys(contract: DataContract) -> frozenset[str]:
    """The fields whose keys releases find in the data: of few values, so that there is something to be found."""
    declared = (spec.statistics for spec in contract.disclosures.values())
    return frozenset(name for one in declared if one is not None for name in one.found_keys)


def _named_values(contract: DataContract, spec: FieldSpec) -> tuple[Scalar, ...]:
    conditions = [one for disclosure in contract.disclosures.values() for one in disclosure.predicate]
    values = [
        value
        for one in conditions
        if one.field == spec.name and one.operator in (Operator.EQUAL, Operator.IN)
        for value in one.values
    ]
    return tuple(dict.fromkeys(values))


def _text(spec: FieldSpec, said: str, numbers: _Numbers, seed: int) -> pa.StringArray:
    match spec.canonical:
        case CanonicalForm.RESIDENT_ID:
            return _resident_ids(_scattered(numbers, _RESIDENTS, seed))
        case CanonicalForm.PHONE:
            scattered = digits.write(_scattered(numbers, _PHONES, seed), 9)
            return from_matrix(_prefixed(_PHONE_PREFIX, scattered))
        case CanonicalForm.PLATE:
            return _plates(_scattered(numbers, _PLATES, seed))
        case CanonicalForm.FIRM_CODE:
            return _firm_codes(_scattered(numbers, _FIRMS, seed))
        case CanonicalForm.TEXT:
            # a made up value says so, and in which field
            return from_matrix(_prefixed(f"R-{said}-".encode(), digits.write(numbers, _TEXT_DIGITS)))


def _scattered(numbers: _Numbers, size: int, seed: int) -> _Numbers:
    """Map 0 … size-1 onto itself, by an affine map that the seed chooses. `size` lies below 2³²."""
    random = np.random.default_rng(_stream(seed, "scattered", str(size)))
    factor = next(one for one in map(int, random.integers(size // 3, size, 1_000)) if math.gcd(one, size) == 1)
    return (numbers % np.uint64(size) * np.uint64(factor) + np.uint64(random.integers(0, size))) % np.uint64(size)


def _resident_ids(numbers: _Numbers) -> pa.StringArray:
    """Numbers of the form of GB 11643-1999 whose check character (ISO 7064 MOD 11-2) is never the right one."""
    rest, serial = np.divmod(numbers, np.uint64(_SERIALS))
    area, day = np.divmod(rest, np.uint64(len(_BIRTHDAYS)))
    birthday = _BIRTHDAYS[day.astype(np.intp)]
    body = (area + np.uint64(_AREA)) * np.uint64(10**11) + birthday * np.uint64(1_000) + serial
    rows = layouts.write(body, layouts.RESIDENT_IDS)
    right, zero = rows[:, 17], ord("0")
    rows[:, 17] = np.where(right == ord("X"), zero, zero + (right - zero + 1) % 10)
    return from_matrix(rows)


def _plates(numbers: _Numbers) -> pa.StringArray:
    """Plates of the usual five characters after a prefix that no authority gives out."""
    places = np.array([len(PLATE_ALPHABET) ** place for place in range(4, -1, -1)], np.uint64)
    numerals = (numbers[:, None] // places % np.uint64(len(PLATE_ALPHABET))).astype(np.uint8)
    return from_matrix(_prefixed(_PLATE_PREFIX, alphabets.PLATE_BODY.characters(numerals)))


def _firm_codes(numbers: _Numbers) -> pa.StringArray:
    """Codes of the form of GB 32100-2015 whose check character is never the right one."""
    body = _prefixed(_FIRM_PREFIX, digits.write(numbers, 9))
    wrong = (alphabets.firm_check(alphabets.FIRM.numerals(body)) + np.uint8(1)) % np.uint8(len(FIRM_ALPHABET))
    return from_matrix(np.column_stack([body, alphabets.FIRM.characters(wrong)]))


def _prefixed(prefix: bytes, rows: Bytes) -> Bytes:
    whole = np.empty((len(rows), len(prefix) + rows.shape[1]), np.uint8)
    whole[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    whole[:, len(prefix) :] = rows
    return whole
