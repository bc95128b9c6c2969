"""What a contract says of how its data is published: licence, publisher, citation, persistent identifier."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.model.attribution import SPDX, Attribution
from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import Shape, formed

# a prefix of the DOI handbook's form, and a suffix of characters that need no escape in an address
_DOI = re.compile(r"10\.[0-9]{4,9}/[A-Za-z0-9._;()/:-]{1,200}", re.ASCII)
_ADDRESS = re.compile(
    r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*)?", re.ASCII
)
_LONG_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)(10\..+)", re.ASCII | re.IGNORECASE)

Line = Annotated[str, formed(r"^\S(.*\S)?$", "Write it on one line, without space around it.", 1000)]
"""A text on one line, without white space around it."""


def _licence(written: str) -> str:
    if written in SPDX or _ADDRESS.fullmatch(written):
        return written
    if "://" in written:
        raise ValueError(f"{shown(written)} is no address of a licence. Write one that begins with https://.")
    remedy = did_you_mean(written, SPDX, "Write the https:// address at which it can be read.")
    raise ValueError(f"{shown(written)} is no SPDX identifier of a data licence. {remedy}")


def _identifier(written: str) -> str:
    if long := _LONG_DOI.fullmatch(written):
        raise ValueError(f"a DOI is written alone. Write {shown(long[1])}.")
    if _DOI.fullmatch(written) or _ADDRESS.fullmatch(written):
        return written
    raise ValueError(
        f"{shown(written)} is no persistent identifier. Write a DOI, as 10.5072/bays, or an https:// address."
    )


class AttributionShape(Shape):
    """How the data is published and cited."""

    licence: Annotated[
        str,
        AfterValidator(_licence),
        Field(description="an SPDX identifier, such as CC-BY-4.0, or an https:// address"),
    ]
    publisher: Line
    citation: Annotated[Line, Field(description="how the dataset is cited; releases add their own name to it")]
    identifier: Annotated[
        str | None,
        AfterValidator(lambda written: None if written is None else _identifier(written)),
        Field(description="a DOI, as 10.5072/bays, or another persistent https:// address"),
    ] = None


def attribution(shape: AttributionShape | None, title: str) -> Attribution | None:
    """Return how a dataset of this title is published; None where its contract does not say."""
    if shape is None:
        return None
    return Attribution(title, shape.publisher, shape.licence, shape.citation, shape.identifier or "")
