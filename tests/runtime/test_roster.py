import msgspec

from anchorwatch.contract import parse, to_json
from anchorwatch.events import Applied
from anchorwatch.runtime.roster import Roster

FRAUD = "contract: 1\nmodel: fraud\ntask: regression\nowner: {team: risk}\n"
CHURN = "contract: 1\nmodel: churn\ntask: regression\nowner: {team: growth}\nsource: {predictions: {topic: scored}}\n"


def applied(text: str, at_ms: int = 0) -> Applied:
    return Applied(contract=to_json(parse(text, "test")), actor="test", at_ms=at_ms, effective_from_ms=at_ms)


def roster(*files: str) -> Roster:
    return Roster(lambda name: f"p.{name}", 10_000, [applied(text) for text in files])


def record(text: str, at_ms: int) -> bytes:
    return msgspec.json.encode(applied(text, at_ms))


def test_models_belong_to_the_feed_of_their_topics() -> None:
    known = roster(FRAUD, CHURN)

    assert [feed.name for feed in known.feeds] == ["default", "scored"]
    assert (known.feed_of("prod/fraud"), known.feed_of("prod/churn"), known.feed_of("prod/other")) == ("default", "scored", "")
    assert known.models_of("scored") == {"prod/churn"}


def test_without_a_contract_the_standard_topics_are_still_read() -> None:
    assert [(feed.name, feed.contracts) for feed in roster().feeds] == [("default", ())]


def test_what_was_applied_wins_over_the_file_for_all_times() -> None:
    known = roster(FRAUD)
    changed = known.record(b"prod/fraud", record(FRAUD + "timezone: Europe/Berlin\n", 50_000))
    first = known.registry.at("prod/fraud", 0)

    assert changed
    assert first is not None
    assert (first.contract.timezone, len(known.registry.versions["prod/fraud"])) == ("Europe/Berlin", 1)


def test_the_second_thing_applied_leaves_the_first_for_the_windows_before() -> None:
    known = roster(FRAUD)
    known.record(b"prod/fraud", record(FRAUD, 50_000))
    known.record(b"prod/fraud", record(FRAUD + "timezone: Europe/Berlin\n", 90_000))

    assert [v.contract.timezone for at in (80_000, 90_000) if (v := known.registry.at("prod/fraud", at))] == ["UTC", "Europe/Berlin"]


def test_what_cannot_be_used_changes_nothing() -> None:
    known = roster(FRAUD)

    assert not known.record(b"prod/fraud", b'{"contract": {"model": "fraud"}, "actor": "x", "at_ms": 0, "effective_from_ms": 0}')
    assert not known.record(b"prod/fraud", b"nonsense")
    assert known.registry.at("prod/fraud", 0) is not None


def test_a_tombstone_ends_a_model_and_its_feed() -> None:
    known = roster(FRAUD, CHURN)

    assert known.record(b"prod/churn", None)
    assert not known.record(b"prod/never", None)
    assert [feed.name for feed in known.feeds] == ["default"]


def test_topics_whose_format_speaks_in_headers_are_known_as_contracts_come_and_go() -> None:
    made = roster(FRAUD)
    before = made.headed
    binary = "contract: 1\nmodel: scoring\ntask: binary\nowner: {team: risk}\nlabels: {classes: [a, b]}\n"

    made.record(b"prod/scoring", record(binary + "source: {predictions: {topic: knative.scoring, format: kserve}}\n", 0))
    there = made.headed
    made.record(b"prod/scoring", None)

    assert (before, there, made.headed) == (frozenset(), frozenset({"knative.scoring"}), frozenset())


def test_a_contract_that_this_version_would_read_wrongly_is_refused() -> None:
    made = roster(FRAUD)

    changed = made.record(b"prod/churn", record(CHURN.replace("scored}", "scored, format: seldon}"), 0))

    assert not changed
    assert "source.predictions.format: not in this version" in made.registry.refused["prod/churn"]


def learnt(text: str, at_ms: int) -> bytes:
    found = applied(text, at_ms)
    found.learnt = True
    return msgspec.json.encode(found)


def test_what_a_file_learnt_by_itself_is_in_force_from_its_time_on_and_the_file_goes_on() -> None:
    known = roster(FRAUD)
    known.record(b"prod/fraud", learnt(FRAUD, 50_000))
    versions = [v.from_ms for v in known.registry.versions["prod/fraud"]]
    known.record(b"prod/fraud", record(FRAUD + "timezone: Europe/Berlin\n", 90_000))

    assert versions == [0, 50_000]
    assert [v.contract.timezone for v in known.registry.versions["prod/fraud"]] == ["Europe/Berlin"]


def test_what_another_text_of_the_file_learnt_is_passed_over() -> None:
    known = roster(FRAUD + "timezone: Europe/Berlin\n")

    assert not known.record(b"prod/fraud", learnt(FRAUD, 50_000))
    assert [v.contract.timezone for v in known.registry.versions["prod/fraud"]] == ["Europe/Berlin"]


def test_topics_of_siblings_are_outside_until_the_feed_reads_them() -> None:
    roster = Roster("p.{}".format, 1_000, [applied(FRAUD + "promises: {alive: {siblings: [p.outcomes, paid]}}\n")])
    [version] = roster.registry.latest()

    assert roster.outside(version.contract) == ["paid"]
    assert [feed.siblings for feed in roster.feeds] == [["paid"]]
