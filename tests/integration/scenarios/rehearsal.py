"""What outside developers do in stories: make rows up from a contract, which takes no call and no grant."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from gateway.cli.app import run
from gateway.model.contract import Classification
from gateway.policy.snapshot import load
from tests.integration.site import Site


def rehearsed(site: Site, data: Path, dataset: str, rows: int) -> None:
    """Make so many rows up: of the schema of the city's own table, and with nobody of the city in them."""
    made = site.folder / f"{dataset}.parquet"
    words = ["contract", "rehearse", dataset, "--policies", str(site.policies), "--rows", str(rows)]
    assert run([*words, "--out", str(made), "--force"]) == 0
    real, invented = pq.read_table(data / made.name), pq.read_table(made)
    assert invented.num_rows == rows
    contract = load(site.policies).contracts[dataset]
    assert invented.schema.names == list(contract.fields)
    for name, spec in contract.fields.items():
        assert invented.schema.field(name).type == real.schema.field(name).type
        if spec.classification is Classification.DIRECT_IDENTIFIER:
            assert not set(invented.column(name).to_pylist()) & set(real.column(name).to_pylist())
