"""`gateway contract init`: drafts a data contract from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway.cli.as_json import print_json
from gateway.cli.contract.copy import write_copy
from gateway.cli.contract.draft import CONFIRM, file_server, write_draft
from gateway.cli.contract.files import check_draft, is_dataset_name, write_text
from gateway.cli.contract.plan import DraftPlan, label, plan_draft
from gateway.cli.contract.reading import open_input
from gateway.cli.contract.survey import Survey, survey
from gateway.cli.mistake import Mistake
from gateway.model.storage import SourceKind, SourceSpec


def init(
    file: Path,
    /,
    *,
    dataset: str,
    policies: Path = Path("policies"),
    data_root: Path = Path("data"),
    convert: bool = False,
    force: bool = False,
    json_: bool = False,
) -> None:
    """Draft a contract from a Parquet or CSV file. Nothing is disclosed until an officer confirms it.

    The file is read once, whole, in bounded memory. Neither the draft nor what is printed holds a value of it.

    Parameters
    ----------
    file
        The Parquet or CSV file.
    dataset
        What to call the dataset: a-z, 0-9 and _, starting with a letter.
    policies
        The policy folder; the draft becomes contracts/DATASET.yaml in it.
    data_root
        The folder that the gateway reads data from.
    convert
        Serve the file from a copy, DATA_ROOT/DATASET.parquet. The copy has well-formed names, the gateway's types,
        numbers of persons as text, and the city's local time; words such as NA in columns of numbers or times
        become missing values. Without this the file must be in the data folder, and is served as it is.
    force
        Replace a draft, and a copy, that exist.
    json_
        Print what was found as JSON.
    """
    if not is_dataset_name(dataset):
        raise Mistake(
            "the dataset's name is not well-formed", "Use a-z, 0-9 and _, starting with a letter, at most 64."
        )
    if not policies.is_dir():
        raise Mistake(f"there is no policy folder {policies}", "Name it with --policies.")
    if not data_root.is_dir():
        raise Mistake(f"there is no data folder {data_root}", "Make it, or name it with --data-root.")
    target = policies / "contracts" / f"{dataset}.yaml"
    copy = data_root / f"{dataset}.parquet" if convert else None
    for existing in filter(None, (target, copy)):
        if existing.exists() and not force:
            raise Mistake(f"{existing} exists", "Choose another --dataset, or replace it with --force.")
    opened = open_input(file)
    if copy is not None and copy.exists() and copy.samefile(file):
        raise Mistake(f"{file} would be replaced by its own copy", "Choose another --dataset.")
    source = _source(file, opened.kind, data_root, copy)
    found = survey(opened)
    plan = plan_draft(found, convert)
    text = write_draft(dataset, file_server(source), plan)
    check_draft(dataset, text, "Rename the file.")  # only its path can be wrong: all else is made here
    if copy is not None:
        write_copy(opened, plan, copy)
    write_text(target, text)
    if json_:
        print_json(_report(found, plan, target, source))
    else:
        _tell(found, plan, target, policies, copy)


def _source(file: Path, kind: SourceKind, data_root: Path, copy: Path | None) -> SourceSpec:
    if copy is not None:
        return SourceSpec(SourceKind.PARQUET, copy.name)
    root, path = data_root.resolve(), file.resolve()
    if not path.is_relative_to(root):
        raise Mistake(
            f"{file} is not in the data folder {data_root}",
            "Move it there, name the folder with --data-root, or add --convert to write a copy there.",
        )
    return SourceSpec(kind, path.relative_to(root).as_posix())


def _report(found: Survey, plan: DraftPlan, target: Path, source: SourceSpec) -> dict[str, object]:
    return {
        "contract": str(target),
        "source": {"kind": source.kind, "path": source.path},
        "rows": found.rows,
        "privacy_unit": {"field": plan.unit.name, "recognised": plan.sure},
        "fields": [
            {
                "name": field.name,
                "column": label(field.column.name),
                "type": field.type,
                "classification": field.clue.classification,
                "canonical": field.canonical,
                "nullable": field.nullable,
                "why": field.clue.why,
                "note": field.note,
            }
            for field in plan.fields
        ],
        "left_out": [{"column": column.label, "why": column.why} for column in plan.left_out],
    }


def _tell(found: Survey, plan: DraftPlan, target: Path, policies: Path, copy: Path | None) -> None:
    if copy is not None:
        print(f"Wrote {copy}: {found.rows} rows, as the gateway reads them.")
    print(f"Wrote {target}: a draft with {len(plan.fields)} fields. It discloses nothing.\n")
    _table([(field.name, str(field.type), str(field.clue.classification), field.clue.why) for field in plan.fields])
    notes = [f"{field.name}: {field.note}" for field in plan.fields if field.note]
    notes += [f"left out {column.label}: {column.why}" for column in plan.left_out]
    if not found.rows:
        notes.append("the file has no rows, so that only its names and types could be looked at")
    for note in notes:
        print(f"note: {note}")
    print(
        f"\nNext, in {target}:\n"
        f"  1. Settle every line marked '{CONFIRM}' and remove the mark; set status: active.\n"
        f"  2. Write the disclosures that a purpose needs; the file ends with an example of each kind.\n"
        f"Then in {policies}:\n"
        f"  3. Declare the purpose in purposes.yaml, and a lifetime cap in budgets.yaml for statistics.\n"
        f"  4. Add a grant to grants.csv: who gets which disclosure, for which purpose.\n"
        f"  5. gateway policy check {policies}"
    )


def _table(rows: Sequence[tuple[str, str, str, str]]) -> None:
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True))
        print("  " + "  ".join([*cells, row[3]]).rstrip())
