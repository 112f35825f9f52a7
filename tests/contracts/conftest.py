"""The stage of the channels' contract suite, and a fifth channel registered as third parties register theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint

import pytest

from core import registry
from publisher.channels import GROUP, channels
from tests.contracts.grounds import GROUNDS, Ground
from tests.contracts.stage import Item, Stage, open_stage


@pytest.fixture(scope="module")
def fifth_channel() -> Iterator[None]:
    """The notice board, under the entry-point group."""
    point = EntryPoint("notice", "tests.contracts.notice:NoticeBoard", GROUP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", lambda group: [point] if group == GROUP else [])
        channels.cache_clear()
        yield
    channels.cache_clear()


@pytest.fixture(scope="module")
def stage(fifth_channel: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One house and one sandbox for the tests of a module; each test has an account and articles of its own."""
    with open_stage(tmp_path_factory.mktemp("stage") / "home") as opened:
        yield opened


@pytest.fixture
def open_ground(stage: Stage) -> Iterator[Callable[[str], Ground]]:
    """`open_ground(kind)` gives a fresh account of the kind; faults end with the test."""
    stage.pass_(3_600)  # away from what other tests did, quotas of the hour included

    def open_(kind: str) -> Ground:
        return GROUNDS[kind](stage)

    yield open_
    stage.ask("DELETE", "/control/faults")
    stage.board.faults.clear()
    stage.door.canned.clear()


@pytest.fixture
def ground(kind: str, open_ground: Callable[[str], Ground]) -> Ground:
    """The ground of the test's `kind`."""
    return open_ground(kind)


@pytest.fixture
def item(ground: Ground) -> Item:
    """An article that is to go out on it."""
    return ground.item()
