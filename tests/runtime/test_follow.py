import asyncio
from collections.abc import Callable

from tests.runtime.installation import Installation

from anchorwatch.config import Settings, load
from anchorwatch.errors import TopicsMismatch
from anchorwatch.runtime.follow import Follower


async def followed(settings: Settings, write: Callable[[], None] = lambda: None) -> list[str]:
    """What a follower tells until the third thing, or its end."""
    heard: list[str] = []
    enough = asyncio.Event()

    def tell(what: str) -> None:
        heard.append(what)
        if what == "end":
            write()
        if len(heard) == 3 or what.startswith("failed"):
            enough.set()

    follower = Follower(
        settings,
        "flags",
        lambda told: tell((told.value or b"").decode()),
        lambda: tell("end"),
        lambda error: tell(f"failed {type(error).__name__}"),
    )
    await asyncio.wait_for(enough.wait(), 60)
    follower.stop()
    return heard


def test_a_topic_is_told_from_its_beginning_then_its_end_then_what_comes(installation: Callable[..., Installation]) -> None:
    there = installation()
    there.create()
    there.write("flags", b"prod/a", b"old")

    heard = asyncio.run(followed(load(there.folder / "anchorwatch.yaml", {}), lambda: there.write("flags", b"prod/a", b"new")))

    assert heard == ["old", "end", "new"]


def test_a_topic_that_is_not_there_is_told_once(installation: Callable[..., Installation]) -> None:
    assert asyncio.run(followed(load(installation().folder / "anchorwatch.yaml", {}))) == [f"failed {TopicsMismatch.__name__}"]
