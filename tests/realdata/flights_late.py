"""Departures from Houston in 2011: will this flight be late? April to July are the reference; from August on fewer are.

Late flights come in days of weather, so evidence is divided by a hundred: what takes two months here would take a day were they independent.
"""

from tests.realdata.reading import Stream, contract_of, in_time, known, ms, number, predicted, table
from tests.realdata.shown import Claim, Shown, day, heard, told_of
from tests.realdata.truth import Truth

from anchorwatch.runtime.backtest import Told
from anchorwatch.watches.better import ERROR, fall_of

NAME = "flights, late"
SINCE, UNTIL = ms("2011-04-01"), ms("2011-08-01")


def stream() -> Stream:
    """A frozen rule: all are on time, so the error is the share of late, cancelled and diverted flights."""
    contract, events = contract_of("flights_late"), []
    for row in table("flights_houston_2011"):
        features = {"Distance": number(row["Distance"]), "DayOfWeek": row["DayOfWeek"]}
        segments = {"Origin": row["Origin"], "UniqueCarrier": row["UniqueCarrier"]}
        events.append(predicted(contract, ms(row["sched_dep"]), row["flight_id"], "on time", features, segments=segments))
        events.append(known(contract, ms(row["label_at"]), row["flight_id"], "late" if row["label"] == "1" else "on time"))
    return Stream("flights_houston_2011, late", contract, in_time(events), UNTIL, since_ms=SINCE)


def fewer_late(found: Told) -> Shown:
    """Of the whole, dated into August; it may join the incident of a carrier that was told before."""
    first = next((f for f in found.findings if f.subject == ERROR and f.segment == "whole" and f.verdict == "news"), None)
    if first is None:
        return Shown(False, "nothing")
    phi = (found.course.reference or {})["phi"]["quality:error@late/whole"][0]
    since = Truth(found).error(first.since_ms, first.window[1])
    words = (
        f"{first.severity} {day(first.window[1])} after {first.n:,} flights, dated {day(first.since_ms)}: {first.reference:.3f} before, "
    )
    met = first.severity == "info" and UNTIL <= first.since_ms < ms("2011-09-01")
    return Shown(met, f"{words}{since:.3f} since; phi {phi:.0f}: late flights come in days of weather, so it takes two months")


def true_news(found: Told) -> Shown:
    """Was the segment's error, by the file and since the date told, as much lower as the line asks for?"""
    truth, was = Truth(found), _was(found)
    news = heard(found, kind="info", name="QualityRose")
    wrong = [r for r in news if (truth.error(r.since_ms, r.at_ms, r.segment) or 0.0) > was[r.segment] - fall_of(was[r.segment])]
    return Shown(not wrong, f"{len(news) - len(wrong)} of {len(news)}: {told_of(news)}")


def no_harm(found: Told) -> Shown:
    pages = heard(found, kind="page", name="QualityDrop")
    return Shown(not pages, f"{len(pages)} quality pages; in all: {told_of(heard(found, kind='page'))}")


def _was(found: Told) -> dict[str, float]:
    """Segment -> error of the reference."""
    return {f.segment: f.reference or 0.0 for f in found.findings if f.subject == ERROR}


CLAIMS = (
    Claim(NAME, "late rate .26 -> .18 in August, .16 in October, as info", fewer_late),
    Claim(NAME, "every info is true by the file", true_news),
    Claim(NAME, "no page on quality while it gets better", no_harm),
)
