"""What the register discloses in the tests of exports, and how they ask for it."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import Any

import pyarrow as pa

from gateway import pipeline
from gateway.adapters.exports.folder import ExportFolders
from gateway.lanes import exports
from gateway.lanes.exports import Making
from gateway.model.export import Export
from gateway.model.permit import Refusal
from gateway.model.request import RowsRequest
from gateway.pipeline import Refused
from tests.integration.house import House, context, delivered, tracing

ASKING, PURPOSE = "cleaning-contractor", "data-cleaning"

DISCLOSURES = """
      disclosures:
        treated:
          kind: extract
          description: Most of what can be done to a row.
          fields:
            resident_id: {pseudonymize: {token: format-preserving, check: never-valid, renewed: daily}}
            name: {mask: {first: 1, last: 0}}
            phone: {pseudonymize: {token: irreversible}}
            birth_date: {generalize: {age: 10, top: 80}}
            address: {generalize: {address: district}}
            community: keep
            firm_code: keep
            sex: keep
          filters: [sex, community, firm_code]
          waive_noise: "For the test."

        standing:
          kind: extract
          description: Tokens that stand, and can be turned back.
          fields: {resident_id: pseudonymize, firm_code: keep}
          waive_noise: "For the test."

        guessable:
          kind: extract
          description: Tokens of a column with two values.
          fields: {sex: pseudonymize}
          waive_noise: "For the test."

        crowd:
          kind: extract
          description: Rows that blend in.
          fields: {sex: keep, birth_date: {generalize: year}, community: {generalize: street}}
          filters: [sex]
          waive_noise: "Nobody stands alone."
          anonymity: {k: 3}

        answers:
          kind: extract
          description: Whether somebody is a woman or a man, deniably.
          fields: {sex: {perturb: {epsilon: 0.5}}, birth_date: {generalize: year}}
          waive_noise: "The answers have noise of their own."
"""
GRANTS = "".join(
    f"p, g-test-{name}, {ASKING}, residents/{name}, extract, hangzhou, {PURPOSE}, until=2036-03-31, allow\n"
    for name in ("treated", "standing", "guessable", "crowd", "answers")
)


def asked(**changed: Any) -> RowsRequest:
    """Ask for all that is treated."""
    return tracing(**{"context": context(PURPOSE), "dataset": "residents", "disclosure": "treated"} | changed)


def streamed(house: House, request: RowsRequest) -> pa.Table:
    """The rows that an extract gives for the same request."""
    with closing(delivered(pipeline.rows(house.ports, house.peer(ASKING), request))) as delivery:
        return pa.Table.from_batches([part.records for part in delivery], schema=delivery.schema)


def making(house: House, request: RowsRequest, person: str = "li.wei") -> Making:
    outcome = exports.request(house.ports, house.peer(ASKING, person), request)
    assert isinstance(outcome, Making), outcome
    return outcome


def exported(house: House, request: RowsRequest) -> Export:
    """Make an export to its end."""
    under_way = making(house, request)
    for _ in under_way:
        pass
    return under_way.published


def refusal(outcome: object) -> Refusal:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal


def given(house: House, request: RowsRequest, export: Export, number: int, offset: int = 0) -> bytes:
    """Fetch a file of an export."""
    again = replace(request, context=replace(request.context, request_id="another"))
    outcome = exports.fetch(house.ports, house.peer(ASKING), again, export.id, number, offset)
    assert isinstance(outcome, exports.Fetched), outcome
    with closing(outcome.delivery) as delivery:
        return b"".join(delivery)


def bag(table: pa.Table) -> Counter[tuple[Any, ...]]:
    """The rows, whatever their order, each value by its type."""
    return Counter(zip(*(column.to_pylist() for column in table.columns), strict=True))


def nothing_is_left(folder: ExportFolders) -> bool:
    return not list(folder.path.iterdir())
