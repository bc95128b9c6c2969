"""A seeded synthetic city: :func:`generate` writes its tables as Parquet; see `seeds/README.md`."""

from seeds.generator.canaries import CANARIES, CANARY_FIRM_CODE, CANARY_FIRM_NAME, MARKS, Canary
from seeds.generator.categories import (
    COLOURS,
    DIAGNOSES,
    FIRM_STATUSES,
    GARAGES,
    HOSPITALS,
    LINES,
    PLACE_KINDS,
    PLACES,
    SECTORS,
    SEXES,
    TIERS,
)
from seeds.generator.city import CHUNK, City, generate
from seeds.generator.schemas import SCHEMAS
from seeds.generator.skew import TODAY

__all__ = [
    "CANARIES",
    "CANARY_FIRM_CODE",
    "CANARY_FIRM_NAME",
    "CHUNK",
    "COLOURS",
    "DIAGNOSES",
    "FIRM_STATUSES",
    "GARAGES",
    "HOSPITALS",
    "LINES",
    "MARKS",
    "PLACES",
    "PLACE_KINDS",
    "SCHEMAS",
    "SECTORS",
    "SEXES",
    "TIERS",
    "TODAY",
    "Canary",
    "City",
    "generate",
]
