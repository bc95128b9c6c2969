"""The tables of the city, column by column. Every column is required unless it says nullable."""

from typing import Any

import pyarrow as pa

MOMENT = pa.timestamp("us")
"""Local wall-clock time, with no zone."""


def _table(**columns: pa.DataType | tuple[pa.DataType, None]) -> pa.Schema:
    fields = []
    for name, kind in columns.items():
        if isinstance(kind, tuple):
            fields.append(pa.field(name, kind[0], nullable=True))
        else:
            fields.append(pa.field(name, kind, nullable=False))
    return pa.schema(fields)


_TEXT, _INT, _DAY, _FLAG = pa.string(), pa.int64(), pa.date32(), pa.bool_()

SCHEMAS: dict[str, pa.Schema] = {
    "residents": _table(
        resident_id=_TEXT, name=_TEXT, sex=_TEXT, birth_date=_DAY, phone=_TEXT, address=_TEXT,
        community=_TEXT, firm_code=(_TEXT, None),
    ),
    "health_codes": _table(
        resident_id=_TEXT, colour=_TEXT, assessed_on=_DAY, reason=_TEXT, community=_TEXT,
    ),
    "health_cases": _table(
        case_id=_TEXT, resident_id=_TEXT, diagnosis=_TEXT, diagnosed_on=_DAY, hospital=_TEXT, place=_TEXT,
        visited_at=MOMENT, community=_TEXT, consented=_FLAG,
    ),
    "police_sightings": _table(
        sighting_id=_TEXT, resident_id=_TEXT, place=_TEXT, seen_at=MOMENT, community=_TEXT,
    ),
    "transport_trips": _table(
        trip_id=_TEXT, resident_id=_TEXT, line=_TEXT, boarded_at=MOMENT, from_community=_TEXT,
        to_community=_TEXT, community=_TEXT,
    ),
    "parking_stays": _table(
        stay_id=_TEXT, plate=_TEXT, garage=_TEXT, entered_at=MOMENT, left_at=(MOMENT, None), fee_fen=_INT,
        community=_TEXT,
    ),
    "enterprises": _table(
        firm_code=_TEXT, firm_name=_TEXT, sector=_TEXT, status=_TEXT, staff=_INT, community=_TEXT,
        district=_TEXT,
    ),
    "subsidies": _table(
        application_id=_TEXT, resident_id=_TEXT, firm_code=_TEXT, eligible=_FLAG, tier=_TEXT,
        monthly_wage_yuan=_INT, amount_yuan=_INT, paid_on=(_DAY, None), sector=_TEXT, district=_TEXT,
        community=_TEXT,
    ),
    "parcels": _table(
        parcel_id=_TEXT, owner_id=_TEXT, owner_name=_TEXT, land_use=_TEXT, area_m2=_INT, base_price_yuan=_INT,
        district=_TEXT, community=_TEXT,
    ),
    "job_applicants": _table(
        resident_id=_TEXT, name=_TEXT, phone=_TEXT, skill=_TEXT, expected_wage_yuan=_INT, community=_TEXT,
    ),
    "road_passes": _table(plate=_TEXT, home_province=_TEXT, registered_on=_DAY),
    "ambulance_runs": _table(
        run_id=_TEXT, vehicle=_TEXT, route=_TEXT, dispatched_at=MOMENT, patient_id=_TEXT,
        patient_condition=_TEXT, community=_TEXT,
    ),
    "hospital_bills": _table(
        bill_id=_TEXT, resident_id=_TEXT, hospital=_TEXT, billed_on=_DAY, diagnosis=_TEXT, insurance_class=_TEXT,
        amount_fen=_INT, community=_TEXT,
    ),
    "volunteer_tasks": _table(
        task_id=_TEXT, volunteer=_TEXT, resident_id=_TEXT, address=_TEXT, task=_TEXT, due_on=_DAY,
        community=_TEXT,
    ),
}  # fmt: skip
"""Arrow schemas by table name."""


def table_of(name: str, columns: list[Any]) -> pa.Table:
    """The table of that name made of its columns (Arrow arrays), in the schema's order."""
    return pa.Table.from_arrays(columns, schema=SCHEMAS[name])
