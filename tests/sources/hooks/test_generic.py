from tests.sources.hooks.posts import EVENTS
from tests.sources.hooks.saying import passed, read, told
from tests.traffic import T0

from anchorwatch.sources.hooks import Refused


def test_all_that_a_flag_change_may_say_is_kept() -> None:
    deploy = {**EVENTS["generic"], "kind": "deploy", "state": "v7", "before": "v6", "models": ["loan"], "environment": "Production"}
    found = read("generic", deploy)

    assert not isinstance(found, Refused)
    [change] = found.changes
    assert (change.kind, change.state, change.before, change.models, change.environment) == ("deploy", "v7", "v6", ["loan"], "Production")


def test_without_a_time_it_is_that_of_arrival() -> None:
    assert told("generic", {"key": "loan-on", "state": "off"}) == [("prod", "loan-on", "off", 700)]


def test_what_a_stage_would_refuse_is_refused_here() -> None:
    found = read("generic", {"state": "off", "changed_at_ms": T0})

    assert isinstance(found, Refused)
    assert found.reason == "$.key: is missing or null"


def test_a_heartbeat_changes_nothing() -> None:
    assert passed("generic", {"heartbeat_at_ms": T0})
