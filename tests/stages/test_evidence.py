import math

import pytest
from tests.traffic import CLOCKWORK, LOAN, Fault, contract_of, loan_drive, quiet_then

from anchorwatch.events import Alert, Exemplar, Finding
from anchorwatch.runtime.drive import Drive, applied_of
from anchorwatch.stages.evidence import parents, six, traces_for
from anchorwatch.watches import catalogue
from anchorwatch.watches.base import Monitor
from anchorwatch.watches.layout import Layout


def faulty(fault: Fault, drive: Drive | None = None) -> tuple[list[Finding], list[Alert]]:
    events, _, end = quiet_then(2_000, fault, quiet=1_500)
    found = (drive or loan_drive()).feed(events).end(end + 4_000)
    return found.findings, found.alerts


@pytest.mark.parametrize(
    ("value", "written"), [(None, None), (math.nan, None), (math.inf, None), (1 / 3, 0.333333), (0.0, 0.0), (123456789.0, 123457000.0)]
)
def test_numbers_are_written_with_six_digits_or_as_null(value: float | None, written: float | None) -> None:
    assert six(value) == written


def test_the_parents_of_a_pair_are_its_sides_and_of_a_side_the_whole() -> None:
    layout = Layout(contract_of(LOAN.replace("by: [region, tier]", "by: [region, [region, tier]], always: [region=eu]")), None, catalogue())

    assert parents(layout, "region=eu,tier=gold") == ["region=eu"], "tier=gold is no segment here"
    assert parents(layout, "region=us,tier=gold") == ["whole"]
    assert (parents(layout, "region=eu"), parents(layout, "other"), parents(layout, "whole")) == (["whole"], ["whole"], [])


def test_one_bad_segment_explains_a_whole_that_suffers_with_it() -> None:
    _, alerts = faulty(Fault(wrong={"eu": 0.45}, traced=0.3))

    first = {a.labels["segment"]: a.evidence["explains_whole"] for a in reversed(alerts) if a.labels["subject"] == "error@late"}
    assert first["region=eu"] is True
    assert first["whole"] is False
    assert next(a for a in alerts if a.loud).labels["segment"] in ("whole", "region=eu")


def test_a_fault_everywhere_is_explained_by_no_segment() -> None:
    _, alerts = faulty(Fault(error=0.45))

    assert not any(a.evidence["explains_whole"] for a in alerts)
    assert next(a for a in alerts if a.loud).labels["segment"] == "whole"


def test_a_fault_everywhere_is_shared_with_the_whole_by_each_segment_that_hears_it_with_it_or_later() -> None:
    _, alerts = faulty(Fault(error=0.45))

    pages = [a for a in alerts if a.labels["subject"] == "error@late" and a.labels["severity"] == "critical"]
    whole = next(a.at_ms for a in pages if a.labels["segment"] == "whole")
    later = [a for a in pages if a.labels["segment"] != "whole" and a.at_ms >= whole and a.state == "firing"]
    assert len(later) >= 3
    assert {a.evidence.get("shared_with") for a in later} == {"whole"}
    assert not any(a.loud for a in later)


def test_a_promise_alone_shows_which_segment_explains_it() -> None:
    """No reference: the share over the promised bound is kept for this."""
    text = LOAN.replace("by: [region, tier]", "by: [region], always: [region=asia, region=eu]")

    _, alerts = faulty(Fault(slow={"asia": 6}), Drive([applied_of(contract_of(text))], CLOCKWORK))

    assert {a.labels["segment"]: a.evidence["explains_whole"] for a in alerts} == {"region=asia": True, "whole": False}


def test_numbers_of_a_finding_and_its_alert_agree() -> None:
    findings, alerts = faulty(Fault(error=0.4))

    finding = next(f for f in findings if f.verdict == "page" and f.segment == "whole")
    alert = next(
        a for a in alerts if (a.labels["segment"], a.labels["subject"], a.labels["severity"]) == ("whole", finding.subject, "critical")
    )
    names = ("line", "reference", "current", "n", "evidence_days", "page_at_days")
    assert {name: getattr(finding, name) for name in names} == {name: alert.evidence[name] for name in names}
    assert finding.interval == tuple(alert.evidence["interval"])
    assert alert.annotations["summary"].startswith(finding.summary)


def test_wrong_predictions_are_the_traces_of_a_drop_in_quality() -> None:
    slow = Exemplar(["whole"], "slow", 9.0, "00-a", 1)
    wrong = Exemplar(["whole", "region=eu"], "wrong", 1.0, "00-b", 2)

    def monitor(watch: str, segment: str) -> Monitor:
        return Monitor(watch, "x", segment, 0, True, 1.0)

    assert traces_for([slow, wrong], monitor("quality", "whole")) == ("00-b", "00-a")
    assert traces_for([slow, wrong], monitor("latency", "whole")) == ("00-a", "00-b")
    assert traces_for([slow, wrong], monitor("quality", "region=us")) == ()
