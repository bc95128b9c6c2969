"""What a nursery forks is a process of its own: it ends as one, and shares no chance with its siblings."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import gateway.client as gw
from tests.integration.site import ROOT, Site


def noised(site: Site) -> list[int]:
    """Counts with much noise, of a gateway that starts for this."""
    site.start()
    with site.connect("zju-research") as gateway:
        release = gateway.release(
            "subsidies", "by-sector", [gw.count()], purpose="academic-research", epsilon=0.001, group_by=["tier"]
        )
    return [estimate.value for cell in release.message.cells for estimate in cell.estimates]


def test_siblings_share_no_chance(tmp_path: Path, mould: Site) -> None:
    sites = [mould.copy(tmp_path / name, ROOT / "policies") for name in ("one", "other")]
    try:
        one, other = map(noised, sites)
        assert len(one) == len(other) > 2 and not set(one) & set(other)
        first, second = (site.process for site in sites)
        assert first is not None and second is not None and first.pid != second.pid
        sites[0].kill()
        assert first.poll() == -signal.SIGKILL and second.poll() is None and sites[1].stop() == 0
    finally:
        for site in sites:
            site.kill()


def test_what_does_not_start_says_why(new_site: Site) -> None:
    new_site.config.write_text(new_site.config.read_text("utf-8") + "\n[nonsense]\n", "utf-8")
    with pytest.raises(AssertionError, match="nonsense"):
        new_site.start()
