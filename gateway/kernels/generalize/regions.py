"""Region paths brought to an ancestor."""

from __future__ import annotations

import pyarrow as pa

from gateway.kernels.text import Column, as_text, compute
from gateway.model.treatment import Precision

_SEGMENTS = {Precision.CITY: 1, Precision.DISTRICT: 2, Precision.STREET: 3}
_SEGMENT = "[a-z0-9][a-z0-9_-]*"


def generalize_region(array: Column, to: Precision) -> pa.StringArray:
    """Bring region paths to their ancestor of a level: the first 1, 2 or 3 segments for city, district, street.

    A path that is shorter stays. What is not a region path (lower-case segments between slashes) leaves as NULL:
    an address in the wrong column must not pass for a region.

    The column may be dictionary-encoded already.

    Raises:
        TypeError: if the column is not utf8. ValueError: for a precision that is none of regions.
    """
    if to not in _SEGMENTS:
        raise ValueError("regions generalise to street, district or city")
    # few paths and many rows: work on the distinct paths
    encoded = array if isinstance(array, pa.DictionaryArray) else as_text(array).dictionary_encode()
    beyond = _SEGMENTS[to] - 1
    path = rf"^(?P<kept>{_SEGMENT}(?:/{_SEGMENT}){{0,{beyond}}})(?:/{_SEGMENT})*$"
    kept = compute.extract_regex(as_text(encoded.dictionary), path)
    ancestors = compute.if_else(kept.is_valid(), kept.field("kept"), pa.scalar(None, pa.string()))
    return as_text(ancestors.take(encoded.indices))
