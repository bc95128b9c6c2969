"""JSON Schemas of the policy documents, for editors: `python -m gateway.policy.schema FOLDER` writes them.

They know keys, types and spellings; what names what is checked when the folder is read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway.policy.budgets import BudgetsShape
from gateway.policy.contract_shape import ContractShape
from gateway.policy.purposes import PurposesShape
from gateway.policy.regions import RegionsShape
from gateway.policy.validation import Shape

SHAPES: dict[str, type[Shape]] = {
    "budgets.json": BudgetsShape,
    "contract.json": ContractShape,
    "purposes.json": PurposesShape,
    "regions.json": RegionsShape,
}


def schemas() -> dict[str, str]:
    """Return the text of each schema by its file name."""
    texts = {}
    for name, shape in SHAPES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **shape.model_json_schema()}
        texts[name] = json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    return texts


def main(folder: Path) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
