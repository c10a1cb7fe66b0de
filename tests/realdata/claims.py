"""What each stream should show (design, detection.md 12, table 9, and 13), and what it does show: misses are told as misses."""

from collections.abc import Callable, Sequence

from tests.realdata import (
    azure_llm,
    azure_pg,
    bank,
    beijing,
    bike,
    california,
    covid,
    dengue,
    elec2,
    employment,
    flights,
    flights_late,
    hotel,
    nab,
    noaa,
    shuffled,
)
from tests.realdata.reading import DAY_MS, HOUR_MS, Stream, ms
from tests.realdata.shown import Claim, Shown, day, exact, heard

from anchorwatch.runtime.backtest import Told
from anchorwatch.runtime.report_table import Row, rows_of

STREAMS: dict[str, Callable[[], Stream]] = {
    "california": california.stream,
    "flights": flights.stream,
    flights_late.NAME: flights_late.stream,
    "hotel": hotel.stream,
    "covid, February as reference": covid.february,
    "covid, March as reference": covid.march,
    "employment, shuffled inside years, 6 h windows": lambda: employment.stream(shuffled=True),
    "employment, shuffled inside years, 1 h windows": lambda: employment.stream(shuffled=True, window_ms=HOUR_MS),
    "employment, order of the file": lambda: employment.stream(shuffled=False),
    "azure_pg, quiet": azure_pg.quiet,
    "azure_pg, one fleet x1.5": azure_pg.slower,
    "azure_pg, 5 % of that fleet x3": lambda: azure_pg.slow_mode(azure_pg.FLEET),
    "azure_pg, 5 % of an even fleet x3": lambda: azure_pg.slow_mode(azure_pg.EVEN),
    "azure_llm, the hour as it was": azure_llm.hour,
    "azure_llm, stretched to four weeks": azure_llm.four_weeks,
    "dengue": dengue.stream,
    "bank": bank.stream,
    "elec2": elec2.stream,
    "beijing": beijing.stream,
    "noaa": noaa.stream,
    "bike": bike.stream,
    **{name: nab.maker(name) for name in nab.RUNS},
}
MIXED = (
    "california",
    "flights",
    "hotel",
    "azure_pg, quiet",
    "azure_llm, stretched to four weeks",
    "dengue",
    "bank",
    "elec2",
    "beijing",
    "noaa",
    "bike",
)
SHUFFLED = {
    f"{name}, shuffled": name for name in MIXED
}  # employment is above, inside its years; of covid a day's file has a shape of its own
ORDERS = {f"elec2, shuffled by seed {seed}": seed for seed in (51, 52, 53)}  # by one order alone two pages or none are luck
SHUFFLED |= dict.fromkeys(ORDERS, "elec2")
RENAMED = {
    "Province/State": "Province_State", "Country/Region": "Country_Region", "Last Update": "Last_Update", "Latitude": "Lat",
    "Longitude": "Long_",
}  # fmt: skip
QUARTERS = 202_404  # first of 10,270 rows of group quarters


_told: dict[str, Told] = {}  # a run takes minutes, and some have several claims


def told(name: str) -> Told:
    if name not in _told:
        seed = ORDERS.get(name, shuffled.SEED)
        stream = shuffled.shuffled(STREAMS[SHUFFLED[name]](), seed) if name in SHUFFLED else STREAMS[name]()
        _told[name] = stream.told()
    return _told[name]


def forget(but: set[str]) -> None:
    """All runs together hold millions of events."""
    for name in _told.keys() - but:
        del _told[name]


def shown(claim: Claim) -> Shown:
    return claim.look(*(told(name) for name in claim.runs))


# california


def unstable(found: Told) -> Shown:
    reference = found.course.reference or {}
    phi, growth = (reference[part].get("quality:error@late/whole", 1.0) for part in ("phi", "growth"))
    phi = max(phi) if isinstance(phi, list | tuple) else phi
    return Shown(growth > 1.6 and phi > 10, f"phi {phi:.0f}, growth {growth:.1f} of the error: called unstable")


def summer(found: Told) -> Shown:
    first = heard(found, name="QualityDrop", since="2021-07-01", until="2021-10-01")
    pages = heard(found, kind="page", name="QualityDrop")
    paged = f"; page {day(pages[0].at_ms)}" if pages else "; no page"
    return Shown(bool(first), (f"warning {day(first[0].at_ms)} after {first[0].n} predictions" if first else "nothing") + paged)


def order(found: Told) -> Shown:
    """Of AUC's own findings, whatever else was heard before."""
    mine = [f for f in found.findings if f.subject.startswith("auc@") and f.verdict in ("warning", "page")]
    said = [f for f in mine if ms("2021-07-01") <= f.window[1] < ms("2021-10-01")]
    early = [f for f in mine if f.window[1] < ms("2021-07-01")]
    words = "; ".join(f"{f.verdict} {day(f.window[1])} at {f.current or 0:.2f}, line {f.line or 0:.2f}" for f in said) or "nothing"
    return Shown(bool(said) and not early, words)


# flights


def storm_page(found: Told) -> Row | None:
    return next(iter(heard(found, kind="page", since="2011-02-01", until="2011-02-03")), None)


def storm(found: Told) -> Shown:
    """By the hour of the prototype, which saw a cancellation at once; here a flight is judged an hour after its scheduled departure."""
    first = storm_page(found)
    if first is None:
        return Shown(False, "no page")
    words = f"page {day(first.at_ms)} on {first.segment} after {first.n} of its flights, dated {day(first.since_ms)}"
    return Shown(first.at_ms <= ms("2011-02-01T10:00"), words)


def after_the_storm(found: Told) -> Shown:
    first, again = heard(found, kind="page", since="2011-02-01", until="2011-02-03"), heard(found, since="2011-02-08", until="2011-02-11")
    clear = first[0].until_ms if first else None
    met = clear is not None and ms("2011-02-04") <= clear < ms("2011-02-08") and bool(again)
    return Shown(met, f"all-clear {day(clear) if clear else 'never'}; again {day(again[0].at_ms) if again else 'not'}")


def by_the_hour(found: Told) -> Shown:
    """Which of them are true: `flights.true_pages`."""
    pages, weekday = heard(found, kind="page"), [r for r in rows_of(found) if r.subject.startswith("DayOfWeek")]
    return Shown(len(pages) < 30 and not weekday, f"{len(pages)} pages in 11 months (11 false ones would be as promised); weekdays never")


# hotel


def waits_for_truth(found: Told) -> Shown:
    """After the first booking that is judged: 39 days at the typical age, 202 at the late one."""
    said = [f for f in found.findings if f.watch == "quality"]
    due = {horizon: hotel.UNTIL + days * DAY_MS for horizon, days in (("typical", 39), ("late", 202))}
    first = {horizon: next((f.window[1] for f in said if f.subject.endswith(f"@{horizon}")), None) for horizon in due}
    words = "; ".join(f"{h}: first word {day(at) if at else 'never'}, first truth due {day(due[h])}" for h, at in first.items())
    return Shown(all(at is None or at > due[h] for h, at in first.items()), words)


def age_mix(found: Told) -> Shown:
    """No control is run that would tell the mix of ages from a model that got worse."""
    pages = heard(found, kind="page", name="QualityDrop")
    told_of = "; ".join(f"{day(r.at_ms)} {r.segment} after {r.n}" for r in pages) or "none"
    return Shown(None, f"{len(pages)} quality pages ({told_of}); their cause is not separated: the reference is the training year")


def label_drift(found: Told) -> Shown:
    """Label monitors judge at `late`, the reference's p95 or the contract's: p50 and p90 are not told apart."""
    first = heard(found, name="LabelsLate")
    return Shown(
        None, f"{day(first[0].at_ms)} on {first[0].segment}" if first else "labels are in by `late` as often as before; p50 is not judged"
    )


# covid


def renames(found: Told) -> Shown:
    said = exact(found, "InputRenamed", "2020-03-22", "2020-03-23")
    right = [f for f in said if f"arrives as {RENAMED.get(f.subject, '')!r}" in f.summary]
    hours = [(f.window[1] - ms("2020-03-22")) // 3_600_000 for f in right]
    new = {f.subject.lstrip("\ufeff") for f in exact(found, "InputUnknown", "2020-03-22", "2020-03-24")} - set(RENAMED.values())
    words = f"{len(right)} of {len(said)} right, {min(hours, default=0)} to {max(hours, default=0)} h later; new fields {', '.join(sorted(new))}"
    return Shown(len(right) == len(said) == len(RENAMED) and len(new) == 4, words)


def no_renames(found: Told) -> Shown:
    days = [("2020-03-01", "2020-03-02"), ("2020-05-29", "2020-05-30")]
    said = [f for since, until in days for f in exact(found, "InputRenamed", since, until)]
    new = {f.subject for since, until in days for f in exact(found, "InputUnknown", since, until)}
    return Shown(not said, f"{len(said)} renames; new fields {', '.join(sorted(new))}")


def new_fields_of_march(found: Told) -> Shown:
    said = exact(found, "InputUnknown", "2020-03-01", "2020-03-02")
    first = {f.subject: f.window[1] for f in reversed(said)}
    words = ", ".join(f"{name} {day(at)}" for name, at in sorted(first.items()))
    return Shown(
        set(first) == {"Latitude", "Longitude"}, words or "nothing: of 126 rows a day two are looked at, ten within an hour are asked for"
    )


def byte_order_mark(found: Told) -> Shown:
    """A mark before the first name makes it another name: who reads the field by its name gets nothing. "Only noted" was asked for at first."""
    first, last = ms("2020-03-13"), ms("2020-03-15")
    said = [f for f in found.findings if f.name == "InputRenamed" and first < f.window[1] <= last]
    told = {f.name for f in found.findings if f.verdict == "exact" and first < f.window[1] <= last}
    begun, over = ([f for f in said if f.verdict == verdict] for verdict in ("exact", "quiet"))
    pages = heard(found, kind="page", since="2020-03-13", until="2020-03-15")
    right = [f for f in begun if repr("\ufeff" + f.subject) in f.summary]
    met = len(begun) == len(right) == 1 and bool(over) and told == {"InputRenamed"} and not pages
    ends = f", over {day(over[0].window[1])}" if over else ", never over"
    words = f"{right[0].subject} told as renamed {day(right[0].window[1])}{ends}" if right else "not told"
    return Shown(met, f"{words}; other findings {len(told - {'InputRenamed'})}, pages {len(pages)}")


def volume(found: Told) -> Shown:
    """Among the findings: as an alert it joins the incident of the renamed fields without a sound."""
    first = next((f.window[1] for f in found.findings if f.name == "VolumeShifted"), None)
    return Shown(first is not None and ms("2020-03-22") < first <= ms("2020-03-25"), f"warning {day(first)}" if first else "nothing")


def silence(found: Told) -> Shown:
    said = exact(found, "ModelDark", "2020-03-31", "2020-05-22")
    return Shown(len(said) == 1, f"dark since {day(said[0].since_ms)}, said {day(said[0].window[1])}" if said else "nothing")


# employment


def quarters(found: Told) -> Shown:
    events = found.course.events
    begin = next(e.at_ms for e in events if e.role == "predictions" and e.key == str(QUARTERS).encode())
    late = [f for f in found.findings if f.watch == "quality" and f.verdict == "page" and f.window[1] > begin]
    named = [f for f in found.findings if f.subject == "RELP" and f.verdict != "quiet" and begin < f.window[1] < begin + 60 * DAY_MS]
    if not late:
        return Shown(False, "nothing")
    n = sum(e.role == "predictions" and begin <= e.at_ms < late[0].window[1] for e in events)
    relp = f"RELP named {day(named[0].window[1])}" if named else "RELP not named"
    return Shown(n <= 1_000 and bool(named), f"page on {late[0].segment} after {n:,} rows; {relp}")


def quiet_years(found: Told) -> Shown:
    pages, warnings = heard(found, kind="page"), heard(found, kind="warning")
    return Shown(not pages, f"{len(pages)} pages, {len(warnings)} warnings in 36 months (promised: at most 36 and 720)")


CLAIMS: Sequence[Claim] = (
    Claim("california", "error swings .24 to .57 inside the reference: phi, growth large", unstable),
    Claim("california", "AUC .76 .71 .67 in July to September 2021 is heard", summer),
    Claim("california", "the same by the monitor of AUC itself, and not before", order),
    Claim("flights", "ice storm of 2011-02-01: a page on cancelled flights by 10:00", storm),
    Claim("flights", "all-clear on 02-05, again on 02-09", after_the_storm),
    Claim("flights", "no page per hour, no weekday pattern", by_the_hour),
    Claim("flights", "every page is true by the file's own cancellations and arrivals", flights.true_pages),
    *flights_late.CLAIMS,
    Claim("hotel", "nothing on quality before the first truth is due", waits_for_truth),
    Claim("hotel", "no quality page from the age mix alone", age_mix),
    Claim("hotel", "drift of the label delay (p50 39 d, p90 202 d)", label_drift),
    Claim("covid, March as reference", "2020-03-22: five renames, four new fields", renames),
    Claim("covid, March as reference", "no renames on 05-29, only new fields", no_renames),
    Claim("covid, February as reference", "no renames on 03-01, nor on 05-29", no_renames),
    Claim("covid, February as reference", "two new fields on 03-01", new_fields_of_march),
    Claim(
        "covid, March as reference",
        "byte-order mark of 03-13: the field that bears it is told as renamed, that day alone, no page",
        byte_order_mark,
    ),
    Claim("covid, March as reference", "volume 304 -> 3,418 rows a day", volume),
    Claim("covid, March as reference", "no files from 04-01 to 05-21: silence is told once", silence),
    Claim("employment, shuffled inside years, 6 h windows", "0 pages", quiet_years),
    Claim("employment, shuffled inside years, 1 h windows", "0 pages", quiet_years),
    Claim("employment, order of the file", "group quarters from row 202,404: within 1,000 rows, RELP named", quarters),
    *azure_pg.CLAIMS,
    *azure_llm.CLAIMS,
    *dengue.CLAIMS,
    *bank.CLAIMS,
    *elec2.CLAIMS,
    *beijing.CLAIMS,
    *noaa.CLAIMS,
    *bike.CLAIMS,
    *nab.CLAIMS,
    *shuffled.claims({name: tuple(ORDERS) if name.startswith("elec2") else () for name in SHUFFLED if name not in ORDERS}),
)
