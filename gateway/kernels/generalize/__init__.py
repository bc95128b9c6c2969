"""Generalisation: a value leaves as the coarser one that holds it: a period, a band, a cell of a grid, a region."""

from gateway.kernels.generalize.addresses import generalize_address
from gateway.kernels.generalize.dates import generalize_age, generalize_date
from gateway.kernels.generalize.geohash import generalize_geohash
from gateway.kernels.generalize.numbers import generalize_number, generalize_step
from gateway.kernels.generalize.regions import generalize_region

__all__ = [
    "generalize_address",
    "generalize_age",
    "generalize_date",
    "generalize_geohash",
    "generalize_number",
    "generalize_region",
    "generalize_step",
]
