"""The stories of seeds/scenarios, played against a real gateway over TLS."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.scenarios.player import Player
from tests.integration.scenarios.story import Story, read_stories

STORIES = read_stories()
ROWS = {
    "C01", "C03", "C04", "C05", "C06", "C07", "C08", "C09", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17",
    "C18", "C19", "C20", "C21", "C23", "C24", "C25", "C26", "C28", "C30",
}  # fmt: skip


@pytest.fixture
def player(request: pytest.FixtureRequest) -> Callable[[Story], Player]:
    """Makes the player of a story: at the shared gateway, or at one of its own that it may spend and edit at will."""

    def make(story: Story) -> Player:
        if story.deployment == "shared":
            city = request.getfixturevalue("city")
            return Player(city.site, city.data, city.seeded.canaries)
        site = request.getfixturevalue("new_site")
        _, seeded = request.getfixturevalue("seeded")
        if story.pushes:
            # nobody writes to the data that all share
            site.data = shutil.copytree(site.data, request.getfixturevalue("tmp_path") / "data")
            site.prepare()
        site.start()
        return Player(site, site.data, seeded.canaries)

    return make


@pytest.mark.parametrize("story", STORIES, ids=[story.row for story in STORIES])
def test_story_goes_as_it_is_told(story: Story, player: Callable[[Story], Player]) -> None:
    playing = player(story)
    for number, step in enumerate(story.steps, start=1):
        try:
            playing.play(step)
        except Exception as error:
            error.add_note(f"{story.row}, step {number}: {step.step}")
            raise


def test_each_story_has_an_allow_and_a_refusal() -> None:
    allowed = Counter(story.row for story in STORIES for step in story.steps if step.gets is not None)
    refused = Counter(story.row for story in STORIES for step in story.steps if step.refused is not None)
    assert set(allowed) == set(refused) == ROWS
