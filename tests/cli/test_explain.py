"""From an alert back to its numbers: the words are recomputed here by hand."""

import json
import math
import re
from functools import cache

import pytest
from tests.traffic import Fault, loan_drive, quiet_then

from anchorwatch.cli import _explained as shown
from anchorwatch.events import Alert


@cache
def alerts() -> list[Alert]:
    events, _, end = quiet_then(2_000, Fault(slow={"asia": 8}, error=0.3, drop={"age": 1.0}), quiet=1_500)
    return loan_drive().feed(events).end(end + 4_000).alerts


def alert(name: str, severity: str = "critical", subject: str = "") -> Alert:
    found = (
        a for a in alerts() if a.labels["alertname"] == name and a.labels["severity"] == severity and subject in (a.labels["subject"], "")
    )
    return next(a for a in found if a.state == "firing")


def steps(of: Alert) -> dict[str, str]:
    return dict(shown.explained(of).steps)


def test_the_loudest_bet_is_recomputed_from_line_and_counts() -> None:
    of = alert("QualityDrop", subject="error@late")
    e = of.evidence
    k, n = round(e["current"] * e["n"]), e["n"]
    psi = [math.log1p(e["line"] * math.expm1(lam)) for lam in (0.15 * 20 ** (i / 5) for i in range(6))]
    best = max(k * lam - n * p for lam, p in zip((0.15 * 20 ** (i / 5) for i in range(6)), psi, strict=True))

    found = re.search(r"each of (\d+) .* each of (\d+): e\^([\d.]+)", steps(of)["bets"])

    assert found is not None
    assert (int(found[1]), int(found[2])) == (k, n - k)
    assert float(found[3]) == pytest.approx(best / e["phi"], rel=0.01)


def test_a_page_says_reference_line_date_evidence_and_mark() -> None:
    of = alert("QualityDrop", subject="error@late")
    told = steps(of)

    assert told["says"] == of.annotations["summary"]
    assert re.match(r"[45]\.\d+ %, of [78],\d{3} events", told["reference"])
    assert "from the reference: nobody cares" in told["line"]
    assert told["since"].startswith("2027-01-15 08:00:0")
    assert "between 2027-01-15 08:00:0" in told["since"]
    assert told["evidence"].startswith(f"{of.evidence['evidence_days']:.4g} days, where this monitor earns ")
    assert told["mark"].startswith("30 days pages, 3 warns")
    assert told["mark"].endswith("reached: a page")
    assert re.match(r"predictions-0 \[\d+, \d+\)$|.*predictions-0 \[\d+, \d+\)", told["offsets"])


def test_a_promise_has_no_reference_and_ranks_are_told_as_ranks() -> None:
    promised = steps(alert("LatencyOverPromise", subject="inference_p99"))
    bets = {steps(a)["bets"] for a in alerts() if a.labels["alertname"] == "PredictionsShifted" and a.evidence.get("table") == "rank"}

    assert promised["line"].startswith("1 %")
    assert bets <= {"twelve bets on ranks in the reference's bins, eight on place, four on spread"}


def test_news_says_that_its_mark_is_of_a_list_of_its_own() -> None:
    events, _, end = quiet_then(5_000, Fault(error=0.0))
    heard = loan_drive().feed(events).end(end + 4_000)
    told = steps(next(a for a in heard.alerts if a.labels["alertname"] == "QualityRose" and a.labels["segment"] == "whole"))

    assert told["mark"].startswith("30 days are news (")
    assert told["mark"].endswith("reached: told once, as info")
    assert "warn" not in told["mark"]
    assert told["asked"] == "quality of loan in prod: lower.error@late, of everything, wrong"


def test_an_exact_rule_is_told_as_one() -> None:
    told = steps(alert("InputVanished", "warning"))

    assert told["rule"].startswith("exact: no statistics")
    assert "bets" not in told
    assert "mark" not in told
    assert "offsets" in told


def test_a_record_of_an_older_version_is_explained_as_far_as_it_goes() -> None:
    of = alert("QualityDrop", subject="error@late")
    older = Alert(**{**{f: getattr(of, f) for f in of.__struct_fields__}, "evidence": {"metric": "error", "evidence_days": 40.0}})

    assert set(steps(older)) == {"says", "asked", "reference", "since", "evidence"}


def test_the_page_is_for_people_and_the_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    found = shown.explained(alert("QualityDrop", subject="error@late"))

    shown.table(found)
    page = capsys.readouterr().out
    shown.json_line(found)
    told = json.loads(capsys.readouterr().out)

    assert [line.split()[0] for line in page.splitlines()][:4] == ["says", "asked", "reference", "line"]
    assert told["id"] == found.alert.id
    assert list(told["steps"]) == [step.name for step in found.steps]
