"""What judge says is ready is read, learnt and published, once."""

import asyncio
import json
from collections.abc import Callable

import msgspec
import pytest
from tests.runtime.installation import CONTRACT, Installation, until

from anchorwatch.config import load
from anchorwatch.contract import parse, to_json
from anchorwatch.errors import ConfigError
from anchorwatch.events import Applied
from anchorwatch.runtime import learner
from anchorwatch.runtime.learner import Learner, publish, wanted
from anchorwatch.stages.ready import Ready

SETTINGS = load(None, {}, {"kafka.bootstrap.servers": "b:9092"})
READY = Ready(0, 10, 20, 30)
FRESH = CONTRACT.replace("late: 5s", "late: 2s") + "reference: {learn: 3s}\n"


def applied(**reference: object) -> Applied:
    return Applied(to_json(parse(CONTRACT, "fraud.yaml")), "ann", 0, 0, reference=reference or None)


def test_only_a_model_without_a_reference_or_without_its_labels_is_learnt() -> None:
    assert wanted(applied(), READY)
    assert not wanted(applied(id="x"), READY)
    assert wanted(applied(id="x", labels_due_ms=20), READY)
    assert not wanted(applied(id="x", labels_due_ms=21), READY), "of another learning"
    assert not wanted(applied(id="x"), READY._replace(known_ms=-1))


def test_a_file_that_was_changed_since_it_learnt_learns_anew() -> None:
    file, learnt_by_it, changed = applied(), applied(id="x"), applied()
    learnt_by_it.learnt = True
    changed.contract = to_json(parse(CONTRACT + "timezone: Europe/Berlin\n", "fraud.yaml"))
    by_a_person = applied(id="y")

    assert learner.current(learnt_by_it, file) is learnt_by_it
    assert learner.current(learnt_by_it, changed) is changed
    assert learner.current(by_a_person, changed) is by_a_person
    assert learner.current(None, file) is file
    assert learner.current(learnt_by_it, None) is learnt_by_it


def test_what_fails_is_told_and_tried_again_later_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def fails(_: object, key: str, *__: object) -> None:
        tried.append(key)
        if key == "prod/a":
            raise ConfigError("nothing stands there any more")

    monkeypatch.setattr(learner, "publish", fails)

    async def looked() -> Learner:
        found = Learner(SETTINGS, [])
        for _ in range(200):
            found.look({"prod/a": list(READY), "prod/b": list(READY)})
            await asyncio.sleep(0)
            if found._under_way is not None:
                await found._under_way
        return found

    found = asyncio.run(looked())

    assert tried == ["prod/a", "prod/b"]
    assert found.failed == {"prod/a": "nothing stands there any more"}


@pytest.mark.kafka
def test_a_fresh_installation_learns_by_itself_and_once(installation: Callable[..., Installation]) -> None:
    """From the contract's file alone: nobody applied anything. That it is then in force: test_ahead.py, test_roster.py."""
    there = installation(FRESH)
    there.create()
    with there.run() as running:
        running.wait_ready()
        until(lambda: feeds(there, bool(learnt(there))), 90, lambda: running.words)
        [published] = learnt(there)

    settings = load(there.folder / "anchorwatch.yaml", {})
    assert (published.actor, published.learnt) == ("anchorwatch", True)
    assert states(there)[0] == "learning"
    assert published.reference is not None
    assert published.reference["labelled"] >= 0.9 * published.reference["rows"] > 400
    assert publish(settings, "prod/fraud", Ready(0, 10**15, 10**15, 10**15), None) is None, "a second supervisor finds it done"
    assert len(learnt(there)) == 1


FED = [0]


def feeds(there: Installation, done: bool) -> bool:
    """Some more predictions, as long as it is not done."""
    if not done:
        there.feed(FED[0], 100)
        FED[0] += 100
    return done


def learnt(there: Installation) -> list[Applied]:
    return [msgspec.json.decode(told.value, type=Applied) for told in there.told("contracts") if told.value]


def states(there: Installation) -> list[str]:
    values = [json.loads(told.value) for told in there.told("findings") if told.value]
    return [each["state"] for each in values if each["schema"] == "summary.v1"]
