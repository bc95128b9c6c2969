"""`gateway contract import`: a draft made from a contract of the standard that was written elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from gateway.cli.contract.draft import CONFIRM
from gateway.cli.contract.files import check_draft, is_dataset_name, see_replaceable, write_text
from gateway.cli.contract.foreign import Foreign, adopt
from gateway.cli.contract.plan import label
from gateway.cli.mistake import Mistake
from gateway.policy.contracts.odcs import OdcsShape
from gateway.policy.documents import read_yaml
from gateway.policy.folder import MAX_YAML_BYTES
from gateway.policy.problems import InvalidPolicy, Problems, did_you_mean
from gateway.policy.validation import shaped


def import_(file: Path, /, *, out: Path | None = None, table: str = "", force: bool = False) -> None:
    """Draft a contract from a document of the Open Data Contract Standard. Nothing is disclosed by it.

    Its words are kept; the gateway's own block is proposed, and every guess is marked. Read are versions 3.0 and 3.1.

    Parameters
    ----------
    file
        The document, YAML or JSON.
    out
        Where to write the draft, such as policies/contracts/DATASET.yaml; left out, it is printed.
    table
        The table to take, for a document with several.
    force
        Replace a file that exists.
    """
    if out is not None:
        see_replaceable(out, force)
    data = _read(file)
    chosen = _table(file, data, table)
    dataset = out.stem if out is not None else _dataset_name(chosen["name"])
    if not is_dataset_name(dataset):
        raise Mistake("the dataset's name is not well-formed", "Use a-z, 0-9 and _, starting with a letter, in --out.")
    foreign = adopt(data, chosen, dataset, file)
    check_draft(dataset, foreign.text, "Mend the document, or leave that out of it.")
    if out is None:
        print(foreign.text, end="")
    else:
        write_text(out, foreign.text)
    _tell(foreign, out)


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_YAML_BYTES + 1)
    except OSError as error:
        raise Mistake(f"{file} cannot be read: {error.strerror}") from None
    if len(content) > MAX_YAML_BYTES:
        raise Mistake(f"{file} is larger than {MAX_YAML_BYTES >> 20} MiB", "Split it.")
    problems = Problems()
    try:
        document = read_yaml(file.name, content, problems)
    except UnicodeDecodeError:
        raise Mistake(f"{file} is not UTF-8 text", "Save it as UTF-8.") from None
    if document is not None and shaped(OdcsShape, document, problems) is not None and isinstance(document.data, dict):
        return document.data
    try:
        problems.raise_if_any()
    except InvalidPolicy as invalid:
        for problem in invalid.problems:
            print(file.parent / str(problem), file=sys.stderr)
    raise Mistake(f"{file} is not a contract of the Open Data Contract Standard, v3", "Mend what is named above.")


def _table(file: Path, data: dict[str, Any], wanted: str) -> dict[str, Any]:
    tables: list[dict[str, Any]] = data.get("schema") or []
    names = [one["name"] for one in tables]
    if not names:
        raise Mistake(f"{file} has no schema", "A contract of the gateway needs the properties of its table.")
    if not wanted and len(tables) > 1:
        raise Mistake(f"{file} has several tables", f"Choose one with --table: {', '.join(map(label, names))}.")
    if wanted and wanted not in names:
        raise Mistake(f"there is no table {label(wanted)} in {file}", did_you_mean(wanted, names))
    return tables[names.index(wanted) if wanted else 0]


def _dataset_name(written: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", written.casefold()).strip("_")[:64]
    return plain if is_dataset_name(plain) else f"t_{plain}"[:64].rstrip("_")


def _tell(foreign: Foreign, out: Path | None) -> None:
    # the draft itself may be on stdout
    where = sys.stdout if out is not None else sys.stderr
    fields = foreign.plan.fields
    done = f"Wrote {out}" if out is not None else "Printed"
    print(f"{done}: a draft with {len(fields)} fields. It discloses nothing.\n", file=where)
    for field in fields:
        print(f"  {field.name}: {field.type}, {field.clue.classification}: {field.clue.why}", file=where)
    notes = [f"{field.name}: {field.note}" for field in fields if field.note]
    notes += [f"left out {column.label}: {column.why}; kept as importedProperties" for column in foreign.plan.left_out]
    for note in [*notes, *foreign.notes]:
        print(f"note: {note}", file=where)
    marks = sum(f"  {CONFIRM}" in line for line in foreign.text.splitlines())
    print(
        f"\nNext: settle the {marks} lines marked '{CONFIRM}', write the disclosures that a purpose needs, and set\n"
        "status: active. gateway contract check lists what is left.",
        file=where,
    )
