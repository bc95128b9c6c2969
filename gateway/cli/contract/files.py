"""Drafts as files: read as the server will read them before they are written, and written whole."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from gateway.cli.contract.copy import replacing
from gateway.cli.mistake import Mistake
from gateway.policy.contracts.reader import read_contract
from gateway.policy.documents import read_yaml
from gateway.policy.problems import InvalidPolicy, Problems
from gateway.policy.validation import DatasetName

_DATASET_NAME: TypeAdapter[str] = TypeAdapter(DatasetName)


def is_dataset_name(name: str) -> bool:
    """Tell whether a dataset can be called so."""
    try:
        _DATASET_NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def see_replaceable(target: Path, force: bool) -> None:
    """See that a file may be written.

    Raises:
        Mistake: it exists, and is not to be replaced.
    """
    if target.exists() and not force:
        raise Mistake(f"{target} exists", "Choose another --out, or replace it with --force.")


def check_draft(dataset: str, text: str, remedy: str) -> None:
    """Read the draft as the server will.

    Raises:
        Mistake: it could not be read; the first problem is told with the remedy.
    """
    problems = Problems()
    content = text.encode()
    document = read_yaml(f"contracts/{dataset}.yaml", content, problems)
    if document is not None:
        read_contract(document, content, problems)
    try:
        problems.raise_if_any()
    except InvalidPolicy as invalid:
        raise Mistake(f"no contract can be drafted: {invalid.problems[0].message}", remedy) from None


def write_text(target: Path, text: str) -> None:
    """Write the file, and the folder it is in if that is missing.

    Raises:
        Mistake: it cannot be written.
    """
    try:
        target.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise Mistake(f"{target.parent} cannot be made: {error.strerror}") from None
    with replacing(target) as fresh:
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o644)  # policy is no secret, and the server's user reads it
