"""A seeded synthetic city: :func:`generate` writes its tables as Parquet; see `seeds/README.md`."""

from seeds.generator.canaries import CANARIES, CANARY_FIRM_CODE, CANARY_FIRM_NAME, MARKS, Canary
from seeds.generator.categories import (
    COLOURS,
    CONDITIONS,
    DIAGNOSES,
    FIRM_STATUSES,
    GARAGES,
    HOSPITALS,
    INSURANCE_CLASSES,
    LAND_USES,
    LINES,
    PLACE_KINDS,
    PLACES,
    PROVINCES,
    SECTORS,
    SEXES,
    SKILLS,
    TASKS,
    TIERS,
    TREATED,
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
    "CONDITIONS",
    "DIAGNOSES",
    "FIRM_STATUSES",
    "GARAGES",
    "HOSPITALS",
    "INSURANCE_CLASSES",
    "LAND_USES",
    "LINES",
    "MARKS",
    "PLACES",
    "PLACE_KINDS",
    "PROVINCES",
    "SCHEMAS",
    "SECTORS",
    "SEXES",
    "SKILLS",
    "TASKS",
    "TIERS",
    "TODAY",
    "TREATED",
    "Canary",
    "City",
    "generate",
]
