"""`gateway serve`: what it says where it cannot start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.codes import CANNOT_START
from gateway.cli.serve import serve
from tests.integration.site import ROOT, Site

REASONS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no key file": (lambda folder: (folder / "keys.json").unlink(), "there is no key file"),
    "no list": (
        lambda folder: (folder / "keys.json.destroyed").unlink(),
        "the list of destructions beside the key file is missing: bring it back",
    ),
    "another secret": (
        lambda folder: (folder / "secret").write_text("another secret of the same length\n"),
        "the secret is not the one of this key file, or the file was altered",
    ),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_gateway_without_its_keys_says_what_is_wrong_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    site = Site(tmp_path / "site", ROOT / "policies", tmp_path, ("police",))
    site.prepare()
    spoil, why = REASONS[name]
    spoil(site.folder)
    assert serve(site.config) == CANNOT_START
    assert capsys.readouterr().err.splitlines()[-1] == f"the gateway cannot start: KEYS_UNAVAILABLE: {why}"
