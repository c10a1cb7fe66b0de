from collections.abc import Callable

from tests.runtime.installation import Installation
from tests.runtime.test_roster import FRAUD, applied

from anchorwatch.config import Settings, load
from anchorwatch.runtime import layout


def settings(**names: str) -> Settings:
    flags = {f"topics.names.{name}": value for name, value in names.items()}
    return load(None, {}, {"kafka.bootstrap.servers": "b:9092", "topics.prefix": "p.", "topics.partitions": "5", **flags})


def test_topics_have_their_names_in_force_and_each_feed_its_changelog() -> None:
    wanted, notes = layout.wanted(settings(outcomes="labels"), [applied(FRAUD)], {}, 1)
    sizes = {topic.name: topic.partitions for topic in wanted.topics}

    assert notes == []
    assert (sizes["p.predictions"], sizes["labels"], sizes["p.ingest.default-changelog"], sizes["p.flags"]) == (5, 5, 5, 1)
    assert "p.outcomes" not in sizes


def test_what_was_applied_decides_which_feeds_there_are() -> None:
    """A file on the standard topics, of a model that was applied with those topics the other way round."""
    elsewhere = applied(FRAUD + "source: {predictions: {topic: p.outcomes}, outcomes: {topic: p.predictions}}\n")
    wanted, notes = layout.wanted(settings(), [applied(FRAUD)], {"prod/fraud": elsewhere}, 1)

    assert notes == []
    assert {topic.partitions for topic in wanted.topics if topic.name.startswith("p.ingest.")} == {5}
    assert "p.ingest.default-changelog" not in {topic.name for topic in wanted.topics}


def test_a_feed_of_foreign_topics_has_their_partitions(installation: Callable[..., Installation]) -> None:
    there = installation()
    there.topic("scored", 3)
    there.topic("settled", 3)
    own = f"source: {{predictions: {{topic: {there.prefix}scored}}, outcomes: {{topic: {there.prefix}settled}}}}\n"
    odd = f"source: {{predictions: {{topic: {there.prefix}scored}}}}\n"
    found = load(there.folder / "anchorwatch.yaml", {})
    wanted, notes = layout.wanted(found, [applied(FRAUD + own), applied(FRAUD.replace("fraud", "odd") + odd)], {}, 1)
    changelogs = {topic.name: topic.partitions for topic in wanted.topics if topic.name.startswith(f"{there.prefix}ingest.")}

    assert layout.brokers(found) >= 1
    assert list(changelogs.values()) == [3]
    assert [note.partition(":")[0] for note in notes] == [f"feed {there.prefix}scored"]
    assert f"{there.prefix}outcomes has 2 partitions" in notes[0]


def test_topics_without_keys_may_have_any_number_of_partitions(installation: Callable[..., Installation]) -> None:
    there = installation()
    there.topic("scored", 3)
    there.topic("settled", 1)
    own = f"source: {{predictions: {{topic: {there.prefix}scored, keyed: false}}, outcomes: {{topic: {there.prefix}settled, keyed: false}}}}\n"
    mixed = f"source: {{predictions: {{topic: {there.prefix}scored}}, outcomes: {{topic: {there.prefix}settled, keyed: false}}}}\n"
    found = load(there.folder / "anchorwatch.yaml", {})

    def sizes(source: str) -> list[int]:
        """Of the topics written anew, of their changelogs, of ingest's changelog."""
        wanted, notes = layout.wanted(found, [applied(FRAUD + source)], {}, 1)
        assert notes == []
        named = {topic.name.removeprefix(there.prefix): topic.partitions for topic in wanted.topics}
        return [n for kind in ("rekeyed.", "rekey.", "ingest.") for name, n in sorted(named.items()) if name.startswith(kind)]

    assert sizes(own) == [2, 2, 1, 3, 2]  # 2: as the standard sources of this installation
    assert sizes(mixed) == [3, 1, 3]


def test_a_topic_of_siblings_has_its_own_number_of_partitions_and_one_that_is_not_there_is_told(
    installation: Callable[..., Installation],
) -> None:
    there = installation()
    there.topic("paid", 5)
    named = f"promises: {{alive: {{siblings: [{there.prefix}paid, {there.prefix}gone, {there.prefix}outcomes]}}}}\n"
    found = load(there.folder / "anchorwatch.yaml", {})
    wanted, notes = layout.wanted(found, [applied(FRAUD + named)], {}, 1)
    sizes = {topic.name.removeprefix(there.prefix): topic.partitions for topic in wanted.topics}

    assert sizes[f"siblings.{there.prefix}paid-changelog"] == 5
    assert [name for name in sizes if name.startswith("siblings.")] == [f"siblings.{there.prefix}paid-changelog"]
    assert [note.partition(": ")[0] for note in notes] == ["promises.alive.siblings"]
    assert f"{there.prefix}gone" in notes[0]
