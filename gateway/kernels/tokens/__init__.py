"""Pseudonym tokens: made for one domain and form, and unlinkable across keys.

Three profiles, told apart by the first letter of a token; the same for both cipher suites. A value has exactly one
reversible and one irreversible token under a suite and its keys.

`b` (block): one block of the suite's cipher, for what has an integer of 64 bits: see `block` and `kernels.layouts`.
`s` (SIV): RFC 5297, deterministic, for every value that has no such encoding; the name of the form is its one string of
    associated data.
`c` (code): CMAC of 128 bits, which leads back to nothing.

Tokens that bear no such letter are in `format_preserving`.
"""

from __future__ import annotations

from gateway.kernels.tags import TAG_BYTES
from gateway.kernels.tokens.keys import TokenKeys
from gateway.kernels.tokens.oneway import irreversible, subject_marks, subject_tags
from gateway.kernels.tokens.reversible import detokenize, tokenize

__all__ = [
    "TAG_BYTES",
    "TokenKeys",
    "detokenize",
    "irreversible",
    "subject_marks",
    "subject_tags",
    "tokenize",
]
