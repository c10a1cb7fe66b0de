from tests.complaining import heeding_reference
from tests.deciding import Habit, decided, lending, lending_reference
from tests.traffic import LOAN, contract_of, learnt, loan_reference, rows_of, traffic

from anchorwatch.stages.reference import reference_from_json, reference_to_json
from anchorwatch.stages.reference.habits import habits


def test_delays_and_reasons_are_those_of_decisions_that_can_be_joined() -> None:
    """Delays are even over .1 to 1 s; of 20 % overrides three fifths are `vip`, the others `limit`."""
    events = decided(traffic(3_000), Habit(reasons={"limit": 0.4, "vip": 0.6, "once": 0.001}))
    rows, _ = rows_of(contract_of(LOAN), events)

    (p50, p95), reasons = habits(rows.predictions, rows.at, rows.decisions, rows.decided, "reason")

    assert abs(p50 - 0.55) < 0.03
    assert abs(p95 - 0.955) < 0.03
    assert reasons == ("vip", "limit")
    assert habits(rows.predictions[:0], rows.at[:0], rows.decisions, rows.decided, "reason") == ((0.0, 0.0), ())


def test_a_reference_holds_what_was_decided_and_one_without_is_written_as_before() -> None:
    known, none = lending_reference(), loan_reference()
    kept = reference_from_json(reference_to_json(known))

    assert (kept.decided_s, kept.reasons) == (known.decided_s, ("vip", "limit"))
    assert known.counts[next(key for key in known.counts if key.startswith("decisions.use"))][0].sum() == 8_000
    assert not {"decided_s", "reasons"} & reference_to_json(none).keys()
    assert reference_from_json(reference_to_json(none)).reasons == ()


def test_a_reference_holds_complaints_by_kind_and_how_late_they_come() -> None:
    known = heeding_reference()
    kept = reference_from_json(reference_to_json(known))

    assert (kept.complained_s, kept.kinds) == (known.complained_s, ("ticket", "churn"))
    assert abs(known.complained_s[1] - 0.955) < 0.03
    assert not {"complained_s", "kinds"} & reference_to_json(loan_reference()).keys()


def test_decisions_alone_make_a_reference_of_them() -> None:
    """No outcome has come yet: labels have no reference, decisions have."""
    events = [event for event in decided(traffic(2_000)) if event.role != "outcomes"]

    found = learnt(lending(), events)

    used = next(counts for key, counts in found.counts.items() if key.startswith("decisions.use"))
    assert int(used[0].sum()) == 2_000
