"""Format-preserving tokens: one for each value, of its form, with check characters right in all or in none."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.canonical import canonicalize
from gateway.kernels.ciphers import AesCipher, BlockCipher, cipher
from gateway.kernels.ff1 import FF1
from gateway.kernels.tokens.format_preserving import CHECKED, preserve
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite
from gateway.model.spelling import FIRM_ALPHABET, PLATE_ALPHABET, PLATE_LETTERS, PLATE_PROVINCES, SPELLINGS
from gateway.model.treatment import CheckDigit
from tests.unit.kernels.ff1_reference import ff1

KEY = bytes(range(32))
AES: BlockCipher = AesCipher(KEY)
SM4 = cipher(CipherSuite.SM4, KEY[:16])
CHECKS = "0123456789X"


def _resident_check(body: str) -> str:
    """In the words of GB 11643-1999."""
    total = sum(int(digit) * (2 ** (18 - place) % 11) for place, digit in enumerate(body, 1))
    return next(CHECKS[check] for check in range(11) if (total + check) % 11 == 1)


def _firm_check(body: str) -> str:
    """In the words of GB 32100-2015."""
    total = sum(FIRM_ALPHABET.index(letter) * 3**place for place, letter in enumerate(body))
    return FIRM_ALPHABET[(31 - total % 31) % 31]


CHECK_OF = {CanonicalForm.RESIDENT_ID: _resident_check, CanonicalForm.FIRM_CODE: _firm_check}


def _of(alphabet: str, length: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=length, max_size=length)


residents = _of("0123456789", 17).map(lambda body: body + _resident_check(body))
firms = _of(FIRM_ALPHABET, 17).map(lambda body: body + _firm_check(body))
phones = _of("0123456789", 10).map(lambda rest: "1" + rest)
plates = st.tuples(
    st.sampled_from(PLATE_PROVINCES),
    st.sampled_from(PLATE_LETTERS),
    st.one_of(_of(PLATE_ALPHABET, 5), _of(PLATE_ALPHABET, 6)),
).map("".join)
OF_FORM = {
    CanonicalForm.RESIDENT_ID: residents,
    CanonicalForm.PHONE: phones,
    CanonicalForm.PLATE: plates,
    CanonicalForm.FIRM_CODE: firms,
}
BODIES = {
    CanonicalForm.RESIDENT_ID: ("0123456789", 0),
    CanonicalForm.PHONE: ("0123456789", 1),
    CanonicalForm.PLATE: (PLATE_ALPHABET, 2),
    CanonicalForm.FIRM_CODE: (FIRM_ALPHABET, 0),
}
"""The alphabet of what is enciphered, and how many characters before it stay."""
MODES: list[tuple[CanonicalForm, CheckDigit | None]] = [
    (CanonicalForm.RESIDENT_ID, CheckDigit.VALID),
    (CanonicalForm.RESIDENT_ID, CheckDigit.NEVER),
    (CanonicalForm.PHONE, None),
    (CanonicalForm.PLATE, None),
    (CanonicalForm.FIRM_CODE, CheckDigit.VALID),
    (CanonicalForm.FIRM_CODE, CheckDigit.NEVER),
]
others = st.one_of(
    st.none(),
    st.text(max_size=12),
    _of("0123456789X", 18),
    _of("0123456789", 15),
    _of("0123456789", 11),
    _of(FIRM_ALPHABET + "IOSVZ", 18),
    st.builds("{}{}".format, st.sampled_from(PLATE_PROVINCES), _of("0123456789ABIO世", 6)),
    plates.map(lambda plate: plate[:2] + "·" + plate[2:].lower()),
    residents.map(str.lower),
)


@st.composite
def columns(draw: st.DrawFn) -> tuple[CanonicalForm, CheckDigit | None, list[str | None]]:
    form, check = draw(st.sampled_from(MODES))
    return form, check, draw(st.lists(st.one_of(OF_FORM[form], others), max_size=20))


def _tokens(
    column: list[str | None], form: CanonicalForm, check: CheckDigit | None, engine: BlockCipher = AES
) -> tuple[list[str | None], list[bool]]:
    tokens, left = preserve(pa.array(column, pa.string()), form, check, engine)
    return tokens.to_pylist(), left.tolist()


def _is_valid(form: CanonicalForm, text: str) -> bool:
    return CHECK_OF[form](text[:-1]) == text[-1]


def _behind(tokens: list[str | None], form: CanonicalForm, engine: BlockCipher = AES) -> list[str | None]:
    """The values behind tokens, by FF1's own inverse and what is documented of each form."""
    alphabet, head = BODIES[form]
    end = -1 if form in CHECKED else None
    groups: dict[tuple[str, int], list[int]] = {}
    for place, token in enumerate(tokens):
        if token is not None:
            groups.setdefault((token[:head], len(token)), []).append(place)
    values: list[str | None] = [None] * len(tokens)
    for (kept, _), places in groups.items():
        bodies = [[alphabet.index(letter) for letter in str(tokens[place])[head:end]] for place in places]
        tweak = form.value + (kept if form is CanonicalForm.PLATE else "")
        deciphered = FF1(engine, len(alphabet), len(bodies[0]), (tweak.encode(),)).decrypt(np.array(bodies))
        for place, numerals in zip(places, deciphered.tolist(), strict=True):
            value = kept + "".join(alphabet[numeral] for numeral in numerals)
            values[place] = value + CHECK_OF[form](value) if form in CHECKED else value
    return values


@given(columns())
def test_a_token_has_its_form_and_leads_back(drawn: tuple[CanonicalForm, CheckDigit | None, list[str | None]]) -> None:
    form, check, column = drawn
    canonical = canonicalize(pa.array(column, pa.string()), form).to_pylist()
    tokens, left = _tokens(column, form, check)
    for value, token, not_taken, behind in zip(canonical, tokens, left, _behind(tokens, form), strict=True):
        of_form = value is not None and re.fullmatch(SPELLINGS[form], value) is not None
        if of_form and form in CHECKED:
            of_form = _is_valid(form, str(value))
        if of_form and form is CanonicalForm.PHONE:
            of_form = str(value).startswith("1")
        assert (token is not None) == of_form
        assert not_taken == (value is not None and not of_form)
        assert behind == (value if of_form else None)
        if token is not None and value is not None:
            assert re.fullmatch(SPELLINGS[form], token)
            assert len(token) == len(value)
            if form in CHECKED:
                assert _is_valid(form, token) == (check is CheckDigit.VALID)
            if form is CanonicalForm.PHONE:
                assert token[0] == "1"
            if form is CanonicalForm.PLATE:
                assert token[:2] == value[:2]


@given(columns(), st.integers(0, 20), st.integers(0, 20))
def test_neighbours_slices_and_spellings_play_no_part(
    drawn: tuple[CanonicalForm, CheckDigit | None, list[str | None]], a: int, b: int
) -> None:
    form, check, column = drawn
    tokens, left = _tokens(column, form, check)
    assert [_tokens([value], form, check)[0][0] for value in column] == tokens
    part = slice(min(a, b), max(a, b))
    sliced, sliced_left = preserve(
        pa.array(column, pa.string()).slice(part.start, part.stop - part.start), form, check, AES
    )
    assert (sliced.to_pylist(), sliced_left.tolist()) == (tokens[part], left[part])
    canonical = canonicalize(pa.array(column, pa.string()), form).to_pylist()
    assert _tokens(canonical, form, check) == (tokens, left)


def _made(form: CanonicalForm, count: int) -> list[str | None]:
    random = np.random.default_rng(7)
    match form:
        case CanonicalForm.RESIDENT_ID:
            bodies = [f"33010219{number:09d}" for number in random.permutation(10**6)[:count]]
            return [body + _resident_check(body) for body in bodies]
        case CanonicalForm.FIRM_CODE:
            bodies = [f"91330100MA{number:07d}" for number in random.permutation(10**6)[:count]]
            return [body + _firm_check(body) for body in bodies]
        case CanonicalForm.PHONE:
            return [f"138{number:08d}" for number in random.permutation(10**7)[:count]]
        case _:
            return [
                "浙沪"[number % 2] + "AB"[number % 3 % 2] + f"{number:05d}" + "F" * (number % 2)
                for number in random.permutation(10**5)[:count]
            ]


@pytest.mark.parametrize(("form", "check"), MODES)
@pytest.mark.parametrize("engine", [AES, SM4], ids=["aes", "sm4"])
def test_long_columns(form: CanonicalForm, check: CheckDigit | None, engine: BlockCipher) -> None:
    """No two values share a token, check characters are right in all or in none, and chunks leave no seams."""
    column = _made(form, 20_000)
    column[8_191], column[9_000], column[15_000] = None, "not of the form", None
    tokens, left = _tokens(column, form, check, engine)
    assert [place for place, one in enumerate(left) if one] == [9_000]
    there = [token for token in tokens if token is not None]
    assert len(set(there)) == len(there) == 19_997
    assert _behind(tokens, form, engine) == [value if place != 9_000 else None for place, value in enumerate(column)]
    if form in CHECKED:
        assert sum(_is_valid(form, token) for token in there) == (19_997 if check is CheckDigit.VALID else 0)
    if check is CheckDigit.NEVER:
        real = {str(value) for value in column}
        assert not real & set(there), "no token is anybody's"
    other = preserve(pa.array(column), form, check, AesCipher(KEY[::-1]))[0].to_pylist()
    assert sum(one == two for one, two in zip(tokens, other, strict=True) if one is not None) <= 2


@pytest.mark.parametrize(
    ("form", "value", "radix", "alphabet", "kept", "tweak"),
    [
        (CanonicalForm.RESIDENT_ID, "11010519491231002X", 10, "0123456789", slice(0, 17), "resident-id"),
        (CanonicalForm.PHONE, "13800138000", 10, "0123456789", slice(1, 11), "phone"),
        (CanonicalForm.PLATE, "浙A12345", 34, PLATE_ALPHABET, slice(2, 7), "plate浙A"),
        (CanonicalForm.PLATE, "新ZD1234Z", 34, PLATE_ALPHABET, slice(2, 8), "plate新Z"),
        (CanonicalForm.FIRM_CODE, "91350100M000100Y43", 31, FIRM_ALPHABET, slice(0, 17), "firm-code"),
    ],
)
def test_tokens_are_ff1_as_documented(
    form: CanonicalForm, value: str, radix: int, alphabet: str, kept: slice, tweak: str
) -> None:
    assert radix == len(alphabet)
    body = [alphabet.index(letter) for letter in value[kept]]
    enciphered = ff1(
        lambda block: AES.encrypt(np.frombuffer(block, np.uint8)[None]).tobytes(), radix, tweak.encode(), body
    )
    expected = value[: kept.start] + "".join(alphabet[numeral] for numeral in enciphered)
    if form not in CHECKED:
        assert _tokens([value], form, None)[0] == [expected]
        return
    right = CHECK_OF[form](expected)
    characters = CHECKS if form is CanonicalForm.RESIDENT_ID else FIRM_ALPHABET
    after = characters[(characters.index(right) + 1) % len(characters)]
    assert _tokens([value], form, CheckDigit.VALID)[0] == [expected + right]
    assert _tokens([value], form, CheckDigit.NEVER)[0] == [expected + after]


def test_documented_vectors() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "format-preserving-tokens.md"
    rows = re.findall(r"^\| (aes|sm4) \| `(.+)` \| (.*?) ?\| `(.+)` \| `(.+)` \|$", page.read_text(), re.MULTILINE)
    assert len(rows) == 14
    for suite, form, check, value, token in rows:
        engine = AES if suite == "aes" else SM4
        checked = CheckDigit(check) if check else None
        assert _tokens([value], CanonicalForm(form), checked, engine)[0] == [token]


def test_older_ids_share_the_token_of_the_newer() -> None:
    tokens, left = _tokens(
        ["110105491231002", "11010519491231002X", "110105 491231 002"], CanonicalForm.RESIDENT_ID, CheckDigit.VALID
    )
    assert len(set(tokens)) == 1 and left == [False] * 3


def test_the_head_of_a_plate_is_a_tweak() -> None:
    tokens, _ = _tokens(
        [province + letter + "12345" for province in PLATE_PROVINCES for letter in PLATE_LETTERS],
        CanonicalForm.PLATE,
        None,
    )
    assert len({str(token)[2:] for token in tokens}) == len(tokens) == 31 * 25


def test_what_has_the_bits_of_a_plate_is_none() -> None:
    column: list[str | None] = ["tzlA12345", "浙A12345", "京A12345", "浙Á1234", "ＡA12345", "\U00020000A1234"]
    assert b"tzl"[0] & 0x0F == "京".encode()[0] & 0x0F, "and so on: ASCII that differs in the high bits alone"
    tokens, left = _tokens(column, CanonicalForm.PLATE, None)
    assert left == [True, False, False, True, True, True]
    assert [token is None for token in tokens] == left


def test_numbers_go_by_their_text_and_nothing_gives_nothing() -> None:
    tokens, left = preserve(pa.array([13800138000, None, 5]), CanonicalForm.PHONE, None, AES)
    assert tokens.to_pylist() == [*_tokens(["13800138000"], CanonicalForm.PHONE, None)[0], None, None]
    assert left.tolist() == [False, False, True]
    for form, check in MODES:
        for column in ([], [None, None]):
            assert _tokens(list(column), form, check) == (list(column), [False] * len(column))


def test_what_has_no_format_or_another_check_is_refused() -> None:
    array = pa.array(["11010519491231002X"])
    wrong: list[tuple[CanonicalForm, CheckDigit | None]] = [
        (CanonicalForm.TEXT, None),
        (CanonicalForm.TEXT, CheckDigit.VALID),
        *((form, CheckDigit.NEVER) for form in sorted(OF_FORM.keys() - CHECKED)),
        *((form, None) for form in sorted(CHECKED)),
    ]
    for form, check in wrong:
        with pytest.raises(ValueError, match=r"check|format"):
            preserve(array, form, check, AES)
    for column in (pa.array([1.5]), pa.array([True]), pa.array([None], pa.float64())):
        with pytest.raises(TypeError):
            preserve(column, CanonicalForm.PHONE, None, AES)
