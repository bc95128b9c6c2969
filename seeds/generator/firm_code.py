"""Unified social credit codes after GB 32100-2015: department, category, area (6), organisation (9), check.

The organisation part ends in its own check character (GB 11714-1997, MOD 11); the last of the eighteen is
the MOD 31 check of GB 32100-2015, section 4.2.5, over an alphabet without I, O, S, V and Z.
"""

import re

import numpy as np
import pyarrow as pa

from seeds.generator.columns import Bytes, Ints, ascii_column, digits, radix

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LETTERS = np.frombuffer(ALPHABET.encode("ascii"), dtype=np.uint8)
_POSITION = {letter: index for index, letter in enumerate(ALPHABET)}
_WEIGHTS = np.array([pow(3, index, 31) for index in range(17)], dtype=np.int64)
_ORG_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_ORG_VALUE = np.array([int(letter, 36) for letter in ALPHABET], dtype=np.int64)
_ORG_CHECK = np.array([_POSITION[letter] for letter in "0123456789X"], dtype=np.uint8)
_SHAPE = re.compile(rf"[{ALPHABET}]{{2}}[0-9]{{6}}[{ALPHABET}]{{10}}", re.ASCII)
_MA_SPACE = 31**6
_OLD_SPACE = 10**8


def organisation_check(body: str) -> str:
    """The ninth character of an organisation code for its first eight."""
    total = sum(int(letter, 36) * int(weight) for letter, weight in zip(body, _ORG_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def check_character(first_seventeen: str) -> str:
    """The eighteenth character for the first seventeen, all of `ALPHABET`."""
    total = sum(_POSITION[letter] * int(weight) for letter, weight in zip(first_seventeen, _WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def complete(head: str, body: str) -> str:
    """A whole code from its first eight characters and the eight of the organisation."""
    seventeen = head + body + organisation_check(body)
    return seventeen + check_character(seventeen)


def is_valid(code: str) -> bool:
    """Whether the text is a well-formed code: shape and both check characters."""
    if _SHAPE.fullmatch(code) is None:
        return False
    return code[16] == organisation_check(code[8:16]) and code[17] == check_character(code[:17])


def firm_codes(firms: Ints, seed: int) -> pa.StringArray:
    """The codes of the firms with these numbers (0-based): distinct, and always the same for one seed."""
    shift = (seed * 7_919) % _OLD_SPACE
    old_style = (firms * 2_654_435_761 >> 8) % 10 < 3  # registered before 2015: digits only
    body: Bytes = np.empty((len(firms), 8), dtype=np.uint8)
    body[:, 0], body[:, 1] = _POSITION["M"], _POSITION["A"]
    body[:, 2:] = radix((firms * 548_508_123 + shift) % _MA_SPACE, 31, 6)
    body[old_style] = digits((firms[old_style] * 61_803_399 + shift) % _OLD_SPACE, 8)

    area = np.array([330102, 330103, 330105, 330106, 330108, 330100], dtype=np.int64)
    head: Bytes = np.empty((len(firms), 8), dtype=np.uint8)
    head[:, 0] = 9  # registered with the market regulator, as a company
    head[:, 1] = 1
    head[:, 2:] = digits(area[(firms * 97 + shift) % len(area)], 6)

    total = _ORG_VALUE[body] @ _ORG_WEIGHTS
    org_check = _ORG_CHECK[-total % 11]
    seventeen: Bytes = np.column_stack([head, body, org_check])
    check = (-(seventeen.astype(np.int64) @ _WEIGHTS)) % 31
    return ascii_column(_LETTERS[np.column_stack([seventeen, check])])
