"""The largest of the declared keys, and which of them surely are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import ALPHA, Floats, IntegerNoise, Integers

_LARGEST_SCALE = 64.0
"""Beyond this scale the law of the lead is taken from this one."""


@dataclass(frozen=True, slots=True)
class Top:
    """The keys with the largest noised counts, the largest first; ties stand in the order of the declaration.

    `places` are places among the declared keys. `certain` says of each whether it truly belongs to the largest k: with
    probability 0.95 or more, no key is wrongly called certain. The intervals in `counts` hold for all keys at once, so
    that they also cover the selected ones.
    """

    places: Integers = field(repr=False)
    certain: tuple[bool, ...] = field(repr=False)
    counts: Estimates


def top(counts: Integers, k: int, noise: IntegerNoise) -> Top:
    """Return the top k of noised counts, one for each declared key, which had the same independent noise.

    A key is called certain if fewer than k others come within a lead d of it. Where that is wrong, one of the true top
    k, with a larger true count, is more than d behind it: then the largest noise among the rest and the largest negated
    noise among the true top k exceed d together. The law of that sum gives d.

    Raises:
        ValueError: k is not between 1 and the number of keys.
    """
    keys = len(counts)
    if not 1 <= k <= keys:
        raise ValueError("k is between 1 and the number of keys")
    places = np.argsort(-counts, kind="stable")[:k]
    lead = _lead(noise, k, keys)
    # how many others could be as large or larger, for each of the k
    rivals = np.sort(counts)
    threats = keys - np.searchsorted(rivals, counts[places] - lead, side="left") - 1
    half = noise.half_width(1 - (1 - ALPHA) ** (1 / keys))
    values = counts[places].astype(np.float64)
    shown = Estimates(values, values - half, values + half, (PostProcessing.TOP,))
    return Top(places, tuple(bool(threat < k) for threat in threats), shown)


@lru_cache(maxsize=256)
def _lead(noise: IntegerNoise, k: int, keys: int) -> float:
    """Return d with P(largest of keys - k noises + largest of k noises > d) <= ALPHA."""
    if noise.scale == 0 or k == keys:
        return 0.0
    # the laws are scale families but for their lattice, for which one step is added
    scale = min(noise.scale, _LARGEST_SCALE)
    below = np.cumsum(IntegerNoise(noise.kind, scale).masses())
    rest, best = (np.diff(np.minimum(below, 1.0) ** count, prepend=0.0) for count in (keys - k, k))
    beyond = np.cumsum(_convolved(rest, best)[::-1])[::-1]
    # P(sum >= place); the sum of both is at least d + 1 with no more than ALPHA
    lead = int(np.argmax(beyond <= ALPHA)) - 1 - (len(below) - 1)
    return float(lead) if scale == noise.scale else (lead + 1) * noise.scale / scale


def _convolved(first: Floats, second: Floats) -> Floats:
    size = 1 << (len(first) + len(second) - 1).bit_length()
    both = np.fft.irfft(np.fft.rfft(first, size) * np.fft.rfft(second, size), size)
    return np.maximum(both[: len(first) + len(second) - 1], 0.0)
